"""Repeats as loops of a kernel, their items written once: a row of the table is a turn of the loop.

The kernel takes the arenas and the offsets. Element k of a slot is arena[offsets[row, slot] + k]; the
offsets that an item needs are read where it begins, so that they stay in registers no longer than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from codegen import ir
from codegen.cuda.function import sizes_in
from codegen.cuda.printer import CudaPrinter, begin

Touched = Callable[[ir.Item], tuple[ir.Buffer, ...]]


def head(printer: CudaPrinter, item: ir.Repeat, depth: int) -> list[str]:
    """The lines with which a row begins; from here on the printer finds slots in their arenas."""
    printer.arenas |= _arenas(item)
    pad, columns = "    " * depth, range(len(item.slots), len(item.slots) + len(item.sizes))
    sizes = zip((v.name for v in item.sizes), columns, strict=True)
    return [
        f"{pad}for {_row(item).name} in range({len(item.table)}):",
        *(f"{pad}    {name} = {_number(printer, item, k)}" for name, k in sizes),
    ]


def places(printer: CudaPrinter, item: ir.Repeat, inner: ir.Item, depth: int) -> list[str]:
    """Where the slots that one of the items touches begin in this row."""
    touched = {*ir.reads(inner), *ir.writes(inner)}
    return [
        f"{'    ' * depth}{begin(slot).name} = {_number(printer, item, k)}"
        for k, slot in enumerate(item.slots)
        if slot in touched
    ]


def arrays(item: ir.Item, touched: Touched) -> tuple[ir.Buffer, ...]:
    """The arrays by which a kernel reaches what an item reads, or what it writes (`touched`)."""
    if not isinstance(item, ir.Repeat):
        return touched(item)
    arenas = _arenas(item)
    return tuple(dict.fromkeys(arenas.get(b, b) for i in item.items for b in touched(i)))


def strides(item: ir.Repeat) -> Iterator[ir.Var]:
    """The run-time numbers that say where an element of a slot lies."""
    return sizes_in(d for slot in item.slots for d in slot.shape[1:])


def _arenas(item: ir.Repeat) -> dict[ir.Buffer, ir.Buffer]:
    return dict(zip(item.slots, item.arenas, strict=True))


def _row(item: ir.Repeat) -> ir.Var:
    return ir.Var(f"row_{item.offsets.name}", "int64")


def _number(printer: CudaPrinter, item: ir.Repeat, column: int) -> str:
    return printer.element(item.offsets, (_row(item), ir.integer(column)))
