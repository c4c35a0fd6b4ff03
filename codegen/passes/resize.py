"""Consecutive segments of a program that differ in sizes alone become one body, too.

The layers of a network that grows narrower do the same work on matrices of other sizes. The body that
they share takes its extents from the repeat's table. Short extents stay constants: loops over them are
unrolled, and gain by it.
"""

from __future__ import annotations

from dataclasses import replace

from codegen import ir
from codegen.passes.repeat import fold, key

LEAST = 32  # elements of a row in which nothing is gained by knowing their number


def resize(program: ir.Program) -> ir.Program:
    """Fold segments that are equal but for their longer extents."""
    return fold(program, [key(i, _likeness) for i in program.items])


def _likeness(extent: ir.Expr) -> object:
    longer = isinstance(extent, ir.Const) and extent.value >= LEAST
    return "some" if longer else extent


def written_out(program: ir.Program) -> ir.Program:
    """The program with all repeats that have sizes of their own row by row, with constant extents."""
    items: list[ir.Item] = []
    for item in program.items:
        sized = isinstance(item, ir.Repeat) and item.sizes
        items += _rows(item) if sized else (item,)  # type: ignore[arg-type]
    return program.with_items(items)


def _rows(repeat: ir.Repeat) -> list[ir.Item]:
    rows: list[ir.Item] = []
    for number, (row, turn) in enumerate(zip(repeat.table, repeat.turns, strict=True)):
        buffers = dict(zip(repeat.slots, row, strict=True))
        new: dict[ir.Expr, ir.Expr] = {v: ir.integer(turn[v.name]) for v in repeat.sizes}
        for item in repeat.items:
            inner = ir.swap_buffers(item, buffers)
            if isinstance(inner, ir.Kernel):
                new |= {v: ir.Var(f"{v.name}_{number}", v.dtype) for v in _named(inner)}
                body = tuple(ir.map_stmt(s, new.get, {}) for s in inner.body)
                inner = replace(inner, body=body)
            rows.append(inner)
    return rows


def _named(kernel: ir.Kernel) -> set[ir.Var]:
    """The scalars to which a kernel gives a name."""
    return {s.var for s in ir.statements(kernel.body) if isinstance(s, (ir.Let, ir.Loop))}
