"""Which loops are free: no turn of theirs touches what another turn writes.

The turns of a free loop can be dealt out to threads in any order. So can those of a loop that adds up
scalars besides, if what the threads have is put together at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from codegen import ir

Cells = Mapping[ir.Buffer, ir.Buffer]  # member of a pack -> the whole
IDENTITY = {"add": 0, "mul": 1, "maximum": -float("inf"), "minimum": float("inf")}
"""What changes nothing under each operation that adds up."""


@dataclass(frozen=True)
class Access:
    """An element that is read or written."""

    cell: ir.Buffer  # the memory
    buffer: ir.Buffer
    index: tuple[ir.Expr, ...]
    written: bool


def cells_of(program: ir.Program) -> Cells:
    """The memory in which members of packs lie."""
    return {m: p.whole for p in program.packs for m in p.members}


def accesses(body: Iterable[ir.Stmt], cells: Cells) -> Iterator[Access]:
    """Every element that statements touch."""

    def found(buffer: ir.Buffer, index: tuple[ir.Expr, ...], written: bool) -> Access:
        return Access(cells.get(buffer.root, buffer.root), buffer, index, written)

    body = tuple(body)
    yield from (found(e.buffer, e.index, False) for e in ir.loads(body))
    for s in ir.stores(body):
        yield found(s.buffer, s.index, True)
        if s.op:
            yield found(s.buffer, s.index, False)


def touched(body: Iterable[ir.Stmt], cells: Cells) -> tuple[set[ir.Buffer], set[ir.Buffer]]:
    """The memory that statements read, and that which they write."""
    found = list(accesses(body, cells))
    return {a.cell for a in found if not a.written}, {a.cell for a in found if a.written}


def touched_by(item: ir.Item, cells: Cells) -> tuple[set[ir.Buffer], set[ir.Buffer]]:
    """The memory that an item reads, and that which it writes."""
    reads, writes = ({cells.get(b.root, b.root) for b in f(item)} for f in (ir.reads, ir.writes))
    return reads, writes


def used(body: Iterable[ir.Stmt]) -> set[ir.Var]:
    """The scalars that statements read, those of their own among them."""
    found = {
        part
        for s in ir.statements(body)
        for e in ir.own_expressions(s)
        for part in ir.subexpressions(e)
        if isinstance(part, ir.Var)
    }
    return found | {s.var for s in ir.statements(body) if isinstance(s, ir.Update)}


def given(body: Iterable[ir.Stmt]) -> set[ir.Var]:
    """The scalars to which statements give a name."""
    return {s.var for s in ir.statements(body) if isinstance(s, (ir.Let, ir.Loop))}


def carried(loop: ir.Loop) -> set[ir.Var]:
    """The scalars that go on from one turn of a loop to the next."""
    changed = {s.var for s in ir.statements(loop.body) if isinstance(s, ir.Update)}
    return changed - given(loop.body)


def is_free(loop: ir.Loop, around: ir.Loop, cells: Cells) -> bool:
    """Do different turns of `loop`, at whatever turns of the loops around it, touch different memory?

    They do where one axis of all that is written is the loop's variable, wherever it is touched.
    """
    return not carried(loop) and apart(loop.var, (around,), cells)


def apart(var: ir.Var, body: tuple[ir.Stmt, ...], cells: Cells) -> bool:
    """Is what statements write for one value of a scalar touched for no other value?"""
    by_cell: dict[ir.Buffer, list[Access]] = {}
    for a in accesses(body, cells):
        by_cell.setdefault(a.cell, []).append(a)
    return all(
        len({a.buffer for a in found}) == 1 and _common_axis(var, found)
        for found in by_cell.values()
        if any(a.written for a in found)
    )


def _common_axis(var: ir.Var, found: list[Access]) -> bool:
    axes = [{k for k, i in enumerate(a.index) if i == var} for a in found]
    return bool(set.intersection(*axes))


def sums_of(loop: ir.Loop, cells: Cells) -> dict[ir.Var, str] | None:
    """The scalars that a loop adds up, each with its operation; None where turns hang on each other."""
    if not apart(loop.var, (loop,), cells):
        return None
    sums: dict[ir.Var, str] = {}
    for var in sorted(carried(loop), key=lambda v: v.name):
        updates = [s for s in ir.statements(loop.body) if isinstance(s, ir.Update) and s.var == var]
        ops = {s.op for s in updates}
        if len(ops) > 1 or not ops <= IDENTITY.keys() or _is_read(var, loop.body):
            return None
        sums[var] = ops.pop()
    return sums


def _is_read(var: ir.Var, body: tuple[ir.Stmt, ...]) -> bool:
    return any(
        part == var
        for s in ir.statements(body)
        for e in ir.own_expressions(s)
        for part in ir.subexpressions(e)
    )
