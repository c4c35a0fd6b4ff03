"""What changes nothing that lasts, and reads nothing that is to change, is done before the guard.

    guard; correct = sum(y == ŷ); total += correct·float(rows)
    →   correct = sum(y == ŷ); t = float(rows); guard; total += correct·t

The clock says how many rows a batch has, and moves on when nobody reads it any more. So the next
batch's rows are gathered while this one's weights are updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codegen import ir
from codegen.optimisations import on
from codegen.passes.free import Cells, cells_of, touched_by


def early(program: ir.Program) -> ir.Program:
    """Items that write temps alone, and scalars made of the batch's rows, before the first guard."""
    at = next((k for k, i in enumerate(program.items) if isinstance(i, ir.Guard)), None)
    if at is None or program.batches is None or not on("branches"):
        return program
    before, (guard, *after) = program.items[:at], program.items[at:]
    moved, after = _apart(after, cells_of(program))
    found = RowScalars(program.batches.rows)
    after = [found.without(i) for i in after]
    made = [ir.Kernel(found.body, "of the batch's rows")] if found.temps else []
    return program.with_items((*before, *moved, *made, guard, *after))


def _apart(items: Sequence[ir.Item], cells: Cells) -> tuple[list[ir.Item], list[ir.Item]]:
    """The items that may come before all others, and the others."""
    first: list[ir.Item] = []
    rest: list[ir.Item] = []
    touched: set[ir.Buffer] = set()  # by the rest …
    written: set[ir.Buffer] = set()  # … and written
    for item in items:
        reads, writes = touched_by(item, cells)
        lasts = isinstance(item, (ir.Guard, ir.Repeat)) or any(b.role != "temp" for b in writes)
        if not lasts and written.isdisjoint(reads) and touched.isdisjoint(writes):
            first.append(item)
        else:
            rest.append(item)
            touched |= reads | writes
            written |= writes
    return first, rest


class RowScalars:
    """Temps for scalars that are made of the batch's rows and of constants."""

    def __init__(self, rows: ir.Var) -> None:
        self._rows = rows
        self.temps: dict[ir.Expr, ir.Buffer] = {}  # by what they hold

    @property
    def body(self) -> tuple[ir.Stmt, ...]:
        return tuple(ir.Store(b, (), e) for e, b in self.temps.items())

    def without(self, item: ir.Item) -> ir.Item:
        """A kernel without loops, with temps in place of such scalars."""
        if not isinstance(item, ir.Kernel) or any(isinstance(s, ir.Loop) for s in item.body):
            return item
        return replace(item, body=tuple(ir.map_stmt(s, self._found, {}) for s in item.body))

    def _found(self, e: ir.Expr) -> ir.Expr | None:
        parts = ir.subexpressions(e)
        if self._rows not in parts or not isinstance(e, ir.Apply):
            return None
        if any(
            isinstance(p, ir.Load) or (isinstance(p, ir.Var) and p != self._rows) for p in parts
        ):
            return None
        name = f"rows_{len(self.temps) + 1}"
        return ir.Load(self.temps.setdefault(e, ir.Buffer(name, (), e.dtype, "temp")), ())
