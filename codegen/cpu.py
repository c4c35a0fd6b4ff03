"""Program → a Python module that Numba compiles: one function, readable, runnable by itself."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Mapping
from dataclasses import dataclass

from codegen import arguments, ir, scalars, teamwork
from codegen.optimisations import on
from codegen.passes.inplace import in_place
from codegen.printer import Printer
from codegen.registers import flat
from codegen.registers import registers as local_variables

HEADER = '''"""{title}

{notes}
"""
import math

import numpy as np
from numba import njit
from numpy import float32, float64, int32, int64, uint64

{straight}from codegen.unpacking import {unpacking}
{imports}
FLAGS = {{"reassoc", "contract", "nsz"}}  # NaN and infinities keep their meaning
jit = njit(error_model="numpy", fastmath=FLAGS, forceinline=True{inner})
exact = njit(error_model="numpy", fastmath={{"contract"}}, forceinline=True{inner})
entry = njit(error_model="numpy", fastmath=FLAGS, nogil=True{outer})
'''

STRAIGHT = "from codegen.pipeline import INNER, OUTER  # few passes: nothing here is allocated\n"

PRODUCTS = (
    "from codegen.products import multiply  # a·b into out, by tiles held in vector registers\n"
)
COPIES = "from codegen.rows import copy_row\n"


@dataclass(frozen=True)
class Emitted:
    """A module's text and what its function takes: the arrays as one, then numbers."""

    source: str
    parameters: tuple[ir.Var, ...]  # the numbers
    buffers: tuple[ir.Buffer, ...]  # the arrays
    in_place: dict[ir.Buffer, ir.Buffer]  # temp -> the one in whose memory it is made


LOOP = ("first", "last", "batch", "total")


def emit(program: ir.Program, name: str = "program", *, registers: bool = True) -> Emitted:
    """The module of a program. Its function `run` returns 0, or 1 + the step that a guard refused.

    registers: one-element temps are plain local variables; without it they lie in memory.
    """
    shared = in_place(program)
    buffers, local = _buffers(program, registers, shared)
    printer = Printer(local)
    depth = 2 if program.batches else 1
    team = program.shares is not None
    body: list[str] = []
    for number, item in enumerate(program.items, 1):
        body += _item(printer, item, depth, number)
    parameters = (*_numbers(program), *_sizes(program), *program.scalars)
    lines = _prologue(program, parameters, buffers)
    lines += _places(shared) + _driver(program) + teamwork.shares(program, depth) + body
    lines += ["", *teamwork.barrier(1, "all is done")] if team else []
    lines.append("    return 0")
    own = ["int64[::1]", *(["int64[::1]", "int64", "int64"] if team else [])]
    signature = f"int64({', '.join([*own, *(p.dtype for p in parameters)])})"
    helpers = scalars.source(printer.helpers)
    multiplies = any(line.lstrip().startswith("multiply") for line in body)
    straight = on("straight") and not _allocates(program)
    head = HEADER.format(
        title=f"A graphdl program: {name}.",
        notes=_arguments_text(buffers),
        straight=STRAIGHT * straight,
        unpacking="part, unpack" if _repeats(program) else "unpack",
        imports=PRODUCTS * multiplies + COPIES * printer.copies + teamwork.IMPORTS * team,
        inner=", **INNER" * straight,
        outer=", **OUTER" * straight,
    )
    source = "\n".join(
        [
            head,
            *(["", helpers] if helpers else []),
            "",
            *lines,
            "",
            "",
            f'ENTRY = {{"run": {signature!r}}}',
            "",
        ]
    )
    return Emitted(source, parameters, buffers, shared)


def _numbers(program: ir.Program) -> tuple[ir.Var, ...]:
    """The whole numbers of the driver, and of random streams."""
    loop = tuple(ir.Var(n, "int64") for n in LOOP) if program.batches else ()
    return loop + ((ir.Var("seed", "int64"), ir.Var("time", "int64")))


def _sizes(program: ir.Program) -> tuple[ir.Var, ...]:
    """The sizes that are passed in: the rows of a batch are the driver's own."""
    rows = program.batches.rows if program.batches else None
    return tuple(s for s in program.sizes if s != rows)


def _buffers(
    program: ir.Program, registers: bool, shared: Container[ir.Buffer]
) -> tuple[tuple[ir.Buffer, ...], set[ir.Buffer]]:
    """All arrays with a place of their own in order of first use, and the temps that are scalars."""
    found = dict.fromkeys(program.arguments)
    for item in program.items:
        found |= dict.fromkeys((*ir.reads(item), *ir.writes(item)))
        if isinstance(item, ir.Repeat):
            found |= dict.fromkeys((item.offsets, *item.arenas))
    found = _used_by_name(program, found)
    local = local_variables(program) if registers else set()
    return tuple(b for b in found if b not in local and b not in shared), local


def _used_by_name(program: ir.Program, found: dict[ir.Buffer, None]) -> dict[ir.Buffer, None]:
    """Without the buffers that are reached only through the tables of repeats."""
    named: set[ir.Buffer] = set()
    for item in program.items:
        if isinstance(item, ir.Repeat):
            named |= {item.offsets, *item.arenas}
            for i in item.items:
                named |= {*ir.reads(i), *ir.writes(i)} - set(item.slots)
        else:
            named |= {*ir.reads(item), *ir.writes(item)}
    return {b: None for b in found if b in named}


def _prologue(
    program: ir.Program, parameters: tuple[ir.Var, ...], buffers: tuple[ir.Buffer, ...]
) -> list[str]:
    numbers = "".join(f", {p.name}" for p in parameters)
    if program.shares is not None:
        numbers = f", {teamwork.NUMBERS}{numbers}"
    if not buffers:
        return ["@entry", f"def run(arrays{numbers}):"]
    names = textwrap.wrap(", ".join(b.name for b in buffers) + ",", 90)
    kinds = arguments.kinds([(b.dtype, max(1, len(b.shape))) for b in buffers])
    found = textwrap.wrap(kinds, 85, drop_whitespace=False)
    return [
        "@entry",
        f"def run(arrays{numbers}):",
        "    (",
        *(f"        {line}" for line in names),
        "    ) = unpack(",
        "        arrays,",
        *(f'        "{line}"' for line in found),
        "    )",
    ]


def _places(shared: Mapping[ir.Buffer, ir.Buffer]) -> list[str]:
    """The arrays that lie where another one has been."""
    return [f"    {b.name} = {a.name}  # in its place" for b, a in shared.items()]


def _driver(program: ir.Program) -> list[str]:
    """Over the batches: which rows this step takes."""
    if not program.batches:
        return ["    step = time"]
    rows = program.batches.rows.name
    return [
        "    for now in range(first, last):",
        "        step = time + now",
        "        start = now * batch",
        f"        {rows} = min(batch, total - start)",
    ]


def _item(printer: Printer, item: ir.Item, depth: int, number: int) -> list[str]:
    pad = "    " * depth
    notes = [f"{pad}# {line}" for line in item.note.splitlines()[:6]]
    if isinstance(item, ir.Kernel):
        return ["", *notes, *printer.body(item.body, depth)]
    if isinstance(item, ir.MatMul):
        return ["", *notes, pad + _product(item)]
    if isinstance(item, ir.ArgSort):
        return ["", *notes, *_argsort(printer, item, depth)]
    if isinstance(item, ir.Guard):
        return ["", *_guard(printer, item, depth, bool(item.shares))]
    if isinstance(item, ir.Barrier):
        return ["", *teamwork.barrier(depth, item.note)]
    if isinstance(item, ir.Alone):
        inner = [line for i in item.items for line in _item(printer, i, depth + 1, number)[1:]]
        return ["", f"{pad}if thread == 0:", *inner]
    assert isinstance(item, ir.Repeat)
    return ["", *_repeat(printer, item, depth)]


def _repeats(program: ir.Program) -> bool:
    return any(isinstance(i, ir.Repeat) for i in program.items)


def _allocates(program: ir.Program) -> bool:
    """Does compiled code make arrays of its own? Calls of BLAS may copy."""
    return not on("tiles") or any(isinstance(i, ir.ArgSort) for i in flat(program.items))


def _repeat(printer: Printer, item: ir.Repeat, depth: int) -> list[str]:
    """The slots of a row are parts of the arenas; then the items as they are."""
    pad = "    " * depth
    row, table = f"row_{item.offsets.name}", item.offsets.name
    lines = [f"{pad}# {item.note}", f"{pad}for {row} in range({len(item.table)}):"]
    for k, size in enumerate(item.sizes, len(item.slots)):
        lines.append(f"{pad}    {size.name} = {table}[{row}, {k}]")
    for k, (slot, arena) in enumerate(zip(item.slots, item.arenas, strict=True)):
        shape = ", ".join(map(printer.bare, slot.shape)) + "," * (len(slot.shape) == 1)
        lines.append(f"{pad}    {slot.name} = part({arena.name}, {table}[{row}, {k}], ({shape}))")
    for number, inner in enumerate(item.items):
        lines += _item(printer, inner, depth + 1, number)
    return lines


def _product(item: ir.MatMul) -> str:
    """By tiles, or by BLAS where these are switched off; parts of a result are always tiles."""
    operands = f"{_operand(item.a, item.ta)}, {_operand(item.b, item.tb)}, {_rows(item.out)}"
    if item.part is None:
        return f"{'multiply' if on('tiles') else 'np.dot'}({operands})"
    way, share = item.part
    return f"multiply_{way}({operands}, {share.first.name}, {share.last.name})"


def _rows(buffer: ir.Buffer) -> str:
    """The part of a buffer that counts: a batch may fill only its first rows."""
    if buffer.role == "slot" or not buffer.shape:
        return buffer.name
    lead = buffer.shape[0]
    return f"{buffer.name}[:{lead.name}]" if isinstance(lead, ir.Var) else buffer.name


def _operand(buffer: ir.Buffer, transposed: bool) -> str:
    return _rows(buffer) + (".T" if transposed else "")


def _argsort(printer: Printer, item: ir.ArgSort, depth: int) -> list[str]:
    pad = "    " * depth
    index, lines = [], []
    for k, extent in enumerate(item.a.shape[:-1]):
        lines.append(f"{pad}{'    ' * k}for row{k} in range({printer.bare(extent)}):")
        index.append(f"row{k}")
    at = ", ".join([*index, f":{printer.bare(item.a.shape[-1])}"])
    inner = pad + "    " * len(index)
    lines.append(
        f'{inner}{item.out.name}[{at}] = np.argsort({item.a.name}[{at}], kind="mergesort")'
    )
    return lines


def _guard(printer: Printer, item: ir.Guard, depth: int, team: bool) -> list[str]:
    """x·0 is 0 for a finite x and NaN for any other."""
    pad = "    " * depth
    stop = f"return {'now + 1' if depth == 2 else '1'}"
    shares = dict(zip(item.buffers, item.shares or (None,) * len(item.buffers), strict=True))
    lines = [f"{pad}# nothing has changed yet: stop here if a value is not finite"]
    for dtype in dict.fromkeys(b.dtype for b in item.buffers):
        zero, bad = f"{dtype}(0)", f"bad_{dtype}"
        lines.append(f"{pad}{bad} = {zero}")
        for b in (b for b in item.buffers if b.dtype == dtype):
            lines += _checked(printer, b, shares[b], bad, depth)
        lines += [f"{pad}if {bad} != {zero}:", f"{pad}    {'refuse(team)' if team else stop}"]
    if team:
        lines += [*teamwork.barrier(depth), f"{pad}if refused(team):", f"{pad}    {stop}"]
    return lines


def _checked(
    printer: Printer, b: ir.Buffer, share: ir.Share | None, bad: str, depth: int
) -> list[str]:
    """The elements of a buffer, or this thread's part of them, times 0 added to `bad`."""
    pad = "    " * depth
    if b in printer.locals:
        return [f"{pad}{bad} += {b.name} * {b.dtype}(0)"]
    rows = f"{b.name}[{share.first.name}:{share.last.name}]" if share else _rows(b)
    flat = f"{rows}.reshape(-1)" if len(b.shape) > 1 else rows
    return [
        f"{pad}values = {flat}",
        f"{pad}for g in range(values.size):",
        f"{pad}    {bad} += values[g] * {b.dtype}(0)",
    ]


def _arguments_text(buffers: tuple[ir.Buffer, ...]) -> str:
    show = Printer(set())
    return "\n".join(
        f"{b.name}: {b.dtype}[{', '.join(map(show.bare, b.shape))}]  {b.role}"
        + (f", the memory of {b.view_of.name}" if b.view_of else "")
        for b in buffers
    )
