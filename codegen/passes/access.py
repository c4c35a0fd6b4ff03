"""Who touches what: the accesses of statements, and when two pieces of work may change places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen import ir

Resource = ir.Buffer | ir.Var


@dataclass(frozen=True, slots=True)
class Access:
    """A buffer element (or a scalar) that is read or written."""

    resource: Resource
    index: tuple[ir.Expr, ...] | None  # None: somewhere in the buffer
    write: bool


@dataclass(slots=True)
class Footprint:
    """All accesses of a piece of work, by resource."""

    accesses: dict[Resource, list[Access]]
    written: set[Resource]
    arrays: set[Resource]  # the buffers among them that are more than scalars

    def conflicts(self, other: Footprint) -> bool:
        """May the two not change places?"""
        return not (
            self.written.isdisjoint(other.accesses) and other.written.isdisjoint(self.accesses)
        )


def footprint(body: Iterable[ir.Stmt]) -> Footprint:
    """Everything that statements touch."""
    found: dict[Resource, list[Access]] = {}
    for access in _accesses(body):
        found.setdefault(access.resource, []).append(access)
    written = {r for r, many in found.items() if any(a.write for a in many)}
    return Footprint(found, written, _arrays(found))


def item_footprint(item: ir.Item) -> Footprint:
    """Everything that an item touches; a Guard stands before all that follows it."""
    if isinstance(item, ir.Kernel):
        return footprint(item.body)
    reads, writes = ir.reads(item), ir.writes(item)
    found: dict[Resource, list[Access]] = {}
    for buffers, write in ((reads, False), (writes, True)):
        for b in buffers:
            found.setdefault(b.root, []).append(Access(b.root, None, write))
    return Footprint(found, {b.root for b in writes}, _arrays(found))


def _arrays(found: dict[Resource, list[Access]]) -> set[Resource]:
    return {r for r in found if isinstance(r, ir.Buffer) and not r.is_scalar}


def _accesses(body: Iterable[ir.Stmt]) -> Iterable[Access]:
    for s in ir.statements(body):
        for expr in ir.own_expressions(s):
            yield from _reads(expr)
        if isinstance(s, ir.Store):
            yield _element(s.buffer, s.index, True)
            if s.op:
                yield _element(s.buffer, s.index, False)
        elif isinstance(s, (ir.Let, ir.Update)):
            yield Access(s.var, (), True)


def _reads(expr: ir.Expr) -> Iterable[Access]:
    for part in ir.subexpressions(expr):
        if isinstance(part, ir.Load):
            yield _element(part.buffer, part.index, False)
        elif isinstance(part, ir.Var):
            yield Access(part, (), False)


def _element(buffer: ir.Buffer, index: tuple[ir.Expr, ...], write: bool) -> Access:
    """An element of the memory; through a view only the memory as a whole is known."""
    if buffer.view_of is None:
        return Access(buffer, index, write)
    return Access(buffer.root, None, write)
