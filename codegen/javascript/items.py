"""The items of a program as JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from codegen import ir
from codegen.javascript.printer import INDENT, Printer, count

NOTES = 6  # lines of a note that are shown


def item(printer: Printer, item_: ir.Item, refused: str) -> list[str]:
    """The lines of an item after an empty one; `refused` is what a guard returns."""
    notes = [] if isinstance(item_, ir.Guard) else comment(item_.note)
    return ["", *notes, *WRITERS[type(item_)](printer, item_, refused)]


def comment(note: str) -> list[str]:
    """A note as comments: one line each, nothing that ends a script or turns the writing round."""
    lines = ["".join(c if c.isprintable() else "?" for c in n) for n in note.splitlines()[:NOTES]]
    return [f"// {line.replace('<', '< ')}" for line in lines]


def _kernel(printer: Printer, kernel: ir.Kernel, refused: str) -> list[str]:
    return printer.body(kernel.body, 0)


def _product(printer: Printer, product: ir.MatMul, refused: str) -> list[str]:
    printer.functions.add("multiply")
    rows, columns = product.out.shape
    inner = product.a.shape[0 if product.ta else 1]
    extents = ", ".join(map(printer.expr, (rows, inner, columns)))
    turned = ", ".join("true" if t else "false" for t in (product.ta, product.tb))
    turned = f", {turned}" if product.ta or product.tb else ""
    names = f"{product.a.name}, {product.b.name}, {product.out.name}"
    return [f"multiply({names}, {extents}{turned});"]


def _argsort(printer: Printer, sort: ir.ArgSort, refused: str) -> list[str]:
    printer.functions.add("argsort")
    rows, columns = (printer.expr(e) for e in (count(sort.a.shape[:-1]), sort.a.shape[-1]))
    return [f"argsort({sort.a.name}, {sort.out.name}, {rows}, {columns});"]


def _guard(printer: Printer, guard: ir.Guard, refused: str) -> list[str]:
    tests = []
    for b in guard.buffers:
        alone = b in printer.locals
        printer.functions |= set() if alone else {"allFinite"}
        tests.append(f"{'Number.isFinite' if alone else 'allFinite'}({b.name})")
    return [
        "// nothing has changed yet: stop here if a value is not finite",
        f"if (!({' && '.join(tests)})) return {refused};",
    ]


def _repeat(printer: Printer, repeat: ir.Repeat, refused: str) -> list[str]:
    """The slots take the buffers of a row, then come the items as they are."""
    names = lambda things: ", ".join(t.name for t in things)  # noqa: E731
    lines = [f"for (const [{names((*repeat.slots, *repeat.sizes))}] of ["]
    for row, turn in zip(repeat.table, repeat.turns, strict=True):
        lines.append(f"{INDENT}[{', '.join([*(b.name for b in row), *map(str, turn.values())])}],")
    lines.append("]) {")
    for inner in repeat.items:
        lines += indented(item(printer, inner, refused), 1)
    return [*lines, "}"]


def indented(lines: list[str], depth: int) -> list[str]:
    return [INDENT * depth + line if line else "" for line in lines]


WRITERS: dict[type, Callable[..., list[str]]] = {
    ir.Kernel: _kernel,
    ir.MatMul: _product,
    ir.ArgSort: _argsort,
    ir.Guard: _guard,
    ir.Repeat: _repeat,
}
