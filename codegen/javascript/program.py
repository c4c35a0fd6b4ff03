"""A program as one JavaScript function that makes an object with a `run`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from codegen import ir
from codegen.javascript import functions
from codegen.javascript.items import indented, item
from codegen.javascript.printer import INDENT, Printer
from codegen.javascript.storage import Storage, names_in, shape

HEAD = """\
// run(arrays, sizes, scalars, options) computes {count} items and returns 0, or 1 + the step at which
// a value was not finite. arrays: name -> typed array in row order; outputs and temps are made where
// they are missing and stay there to be looked at. {floats}
// int64 holds whole numbers up to 2**53, bool is a byte.{packed}
function {name}() {{
  "use strict";
"""
DOUBLE = "Floats are doubles, float32 too;"
SINGLE = "float32 is rounded after each operation;"
PACKED = """
// Variables that lie in one piece ({names}) are moved into it: read them from `arrays` after a run."""
TOTAL = ir.Var("total", "int64")
DRIVER = tuple(ir.Var(n, "int64") for n in ("seed", "step", "start", "total"))
OWN_WORDS = """
    arrays sizes scalars options time now first last batch parameters temps run
    Math Number Infinity NaN undefined Array Object ArrayBuffer TypeError
    Float64Array Float32Array Int32Array Uint8Array
"""
LANGUAGE = """
    arguments eval await break case catch class const continue debugger default delete do else enum
    export extends false finally for function if implements import in instanceof interface let new
    null package private protected public return static super switch this throw true try typeof var
    void while with yield
"""
RESERVED = frozenset((OWN_WORDS + LANGUAGE).split())


def javascript(
    program: ir.Program, name: str = "makeProgram", *, registers: bool = True, single: bool = False
) -> str:
    """The program as JavaScript text: a function `name` that gives an object with a `run`.

    registers: temps of one element are plain variables; without it they lie in memory and can be
    looked at. single: float32 is rounded to single precision after each operation; else all floats
    are doubles. Raises ValueError on a whole number beyond 2**53, and on a name that is no word of
    plain letters, digits and _ or means something in JavaScript.
    """
    storage = Storage(program, registers, single)
    printer = Printer(storage.locals, (*program.sizes, *DRIVER), single)
    _check_names({name, *_names(program, storage)})
    run = _run(program, storage, printer)  # first: it finds which functions are called
    called = (
        line for text in functions.source(printer.functions) for line in [*text.split("\n"), ""]
    )
    wholes = ", ".join(b.name for b in storage.packs if b.role == "variable")
    head = HEAD.format(
        name=name,
        count=len(program.items),
        floats=SINGLE if single else DOUBLE,
        packed=PACKED.format(names=wholes) if wholes else "",
    )
    lines = [*called, *_face(program, storage, printer), "", *run, "", *_result(program)]
    return head + "\n".join(["", *indented(lines, 1), "}", ""]).removeprefix("\n")


# ------------------------------------------------------------------ what it takes


def _face(program: ir.Program, storage: Storage, printer: Printer) -> Iterator[str]:
    """The buffers, for those who make the arrays and those who look at them."""
    for title, buffers in (("parameters", storage.parameters), ("temps", storage.temps)):
        yield f"const {title} = ["
        for b in buffers:
            sizes = ", ".join(names_in(b.shape))
            extents = f"({f'{{ {sizes} }}' if sizes else ''}) => {shape(printer, b)}"
            facts = f'name: "{b.name}", dtype: "{b.dtype}", role: "{b.role}"'
            yield f"{INDENT}{{ {facts}, shape: {extents} }},"
        yield "];"


def _result(program: ir.Program) -> list[str]:
    sizes = ", ".join(f'"{v.name}"' for v in _sizes(program))
    scalars = ", ".join(f'{{ name: "{v.name}", dtype: "{v.dtype}" }}' for v in program.scalars)
    return [
        "return {",
        f"{INDENT}arguments: parameters,",
        f"{INDENT}temps,",
        f"{INDENT}sizes: [{sizes}],",
        f"{INDENT}scalars: [{scalars}],",
        f"{INDENT}run,",
        "};",
    ]


def _sizes(program: ir.Program) -> tuple[ir.Var, ...]:
    """The sizes that are passed in; the rows of a batch are counted by `run`."""
    if not program.batches:
        return program.sizes
    return TOTAL, *(s for s in program.sizes if s not in (program.batches.rows, TOTAL))


# ------------------------------------------------------------------ run


def _run(program: ir.Program, storage: Storage, printer: Printer) -> list[str]:
    """Numbers, arrays, then the items: once, or once a batch."""
    batches = program.batches
    options = "options = {}" if batches else "{ seed = 0, step = 0 } = {}"
    lines = [f"function run(arrays, sizes = {{}}, scalars = {{}}, {options}) {{"]
    lines += indented(_numbers(program, printer), 1)
    lines += indented(storage.declarations(printer, a_batch=False), 1)
    if batches:
        lines += indented(["for (let now = first; now < last; now++) {"], 1)
        lines += indented(_batch(batches.rows), 2)
        lines += indented(storage.declarations(printer, a_batch=True), 2)
    for each in program.items:
        lines += indented(item(printer, each, "now + 1" if batches else "1"), 2 if batches else 1)
    lines += indented(["}"], 1) if batches else [""]
    return [*lines, f"{INDENT}return 0;", "}"]


def _numbers(program: ir.Program, printer: Printer) -> Iterator[str]:
    """Sizes, with batches which of them are run, and numbers."""
    for v in _sizes(program):
        printer.functions.add("size")
        yield f'const {v.name} = size(sizes, "{v.name}");'
    if program.batches:
        printer.functions.add("batchOf")
        yield "const batch = batchOf(options, total);"
        yield "const { first = 0, last = Math.ceil(total / batch) } = options;"
        yield "const { seed = 0, step: time = 0 } = options;"
    for v in program.scalars:
        printer.functions.add("given")
        yield f'const {v.name} = given(scalars, "{v.name}");'


def _batch(rows: ir.Var) -> list[str]:
    """Which rows this step takes."""
    return [
        "const step = time + now;",
        "const start = now * batch;",
        f"const {rows.name} = Math.min(batch, total - start);",
    ]


# ------------------------------------------------------------------ names


def _names(program: ir.Program, storage: Storage) -> Iterator[str]:
    """Every name that the program brings into the text."""
    yield from (v.name for v in (*program.sizes, *program.scalars))
    yield from (b.name for b in storage.buffers)
    yield from _names_in(program.items)


def _names_in(items: Iterable[ir.Item]) -> Iterator[str]:
    for each in items:
        if isinstance(each, ir.Repeat):
            yield from (thing.name for thing in (*each.slots, *each.sizes))
            yield from _names_in(each.items)
        elif isinstance(each, ir.Kernel):
            found = ir.statements(each.body)
            yield from (s.var.name for s in found if not isinstance(s, ir.Store))


def _check_names(names: set[str]) -> None:
    taken = RESERVED | set(functions.library())
    for name in sorted(names):
        if not re.fullmatch(r"(?!__)[A-Za-z_]\w*", name, re.ASCII) or name in taken:
            raise ValueError(f"{name!r} cannot be a name in JavaScript text")
