"""Program → a module of CUDA kernels, and the order in which they are launched."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from codegen import ir
from codegen.cuda.blas import may_pay
from codegen.cuda.blocks import tree
from codegen.cuda.function import Kernel, advance
from codegen.cuda.kernels import Shape, Writer
from codegen.cuda.printer import helpers
from codegen.printer import Printer

HEADER = '''"""{title}

{notes}

{what}
"""
import math

import numpy as np
from numpy import float32, float64, int32, int64, uint8, uint64

from codegen.cuda.dialect import (
    as_float32, as_float64, as_int32, as_int64, cos64, cuda, device, floor32, floor64, rint32, rint64,
    sin64, sqrt32, sqrt64
)

jit = exact = device


'''


@dataclass(frozen=True)
class Call:
    """A kernel on these buffers; for each of its own sizes, what it is in this row of a repeat."""

    kernel: Kernel
    buffers: tuple[ir.Buffer, ...]
    sizes: dict[str, int]


@dataclass(frozen=True)
class Emitted:
    """A module's text, the launches of a step, and the arrays that they work on."""

    source: str
    kernels: tuple[Kernel, ...]
    calls: tuple[Call, ...]
    buffers: tuple[ir.Buffer, ...]
    once: bool  # are the calls those of a whole run, not of one step?


def emit(program: ir.Program, name: str, shape: Shape, precision: str = "float32") -> Emitted:
    """The module of a program: a function for each kernel, one step all of them in their order.

    precision: of the products that a library may do, as the module says.
    """
    writer = Writer(program, shape)
    kernels = [advance()] if program.batches else []
    calls = [Call(k, (), {}) for k in kernels]
    for is_repeat, items in itertools.groupby(program.items, lambda i: isinstance(i, ir.Repeat)):
        for run in [[i] for i in items] if is_repeat else [list(items)]:
            made = writer.run(run[0].items if is_repeat else run)  # type: ignore[union-attr]
            kernels += made
            calls += _calls(run[0], made)
    rows = ", those of a repeat once for each row of its table" * _repeats(program)
    what = f"One step of the program is the kernels in their order{rows}."
    large = [k.name for k in kernels if k.product and may_pay(k.product, precision)]
    if large:
        what += f"\nBy cuBLASLt in {precision}, at sizes that are worth it: {', '.join(large)}."
    return _emitted(program, name, writer, kernels, calls, what)


def emit_in_one_block(program: ir.Program, name: str, shape: Shape) -> Emitted:
    """The module of a small program (`one_block.fits`): one function, which one block runs."""
    writer = Writer(program, shape)
    kernel = writer.in_one_block(program)
    what = "The kernel runs all steps, in one block of threads."
    calls = [Call(kernel, kernel.buffers, {})]
    return _emitted(program, name, writer, [kernel], calls, what, once=True)


def _emitted(
    program: ir.Program, name: str, writer: Writer, kernels: list[Kernel], calls: list[Call],
    what: str, once: bool = False,
) -> Emitted:  # fmt: skip
    buffers = dict.fromkeys(b for call in calls for b in call.buffers)
    buffers = tuple(dict.fromkeys((*(b for b in program.arguments if b in buffers), *buffers)))
    trees = sorted(writer.trees, key=str)
    writer.printer.helpers |= {op for op, _ in trees if op in ("maximum", "minimum")}
    head = HEADER.format(
        title=f"A graphdl program for CUDA: {name}.",
        notes="\n".join(_arguments(buffers)),
        what=what,
    )
    parts = [
        helpers(writer.printer.helpers),
        *(tree(op, table) for op, table in trees),
        *("\n".join([*k.lines, ""]) for k in kernels),
    ]
    source = head + "\n\n".join(p.strip("\n") + "\n" for p in parts if p)
    return Emitted(source, tuple(kernels), tuple(calls), buffers, once)


def _calls(item: ir.Item, kernels: list[Kernel]) -> Iterator[Call]:
    """The kernels in their order; of a repeat, row by row on the buffers of the row."""
    if not isinstance(item, ir.Repeat):
        yield from (Call(k, k.buffers, {}) for k in kernels)
        return
    for row, turn in zip(item.table, item.turns, strict=True):
        stands_for = dict(zip(item.slots, row, strict=True))
        for k in kernels:
            yield Call(k, tuple(stands_for.get(b, b) for b in k.buffers), turn)


def _repeats(program: ir.Program) -> bool:
    return any(isinstance(i, ir.Repeat) for i in program.items)


def _arguments(buffers: tuple[ir.Buffer, ...]) -> Iterator[str]:
    show = Printer(set())
    for b in buffers:
        memory = f", the memory of {b.view_of.name}" if b.view_of else ""
        yield f"{b.name}: {b.dtype}[{', '.join(map(show.bare, b.shape))}]  {b.role}{memory}"
