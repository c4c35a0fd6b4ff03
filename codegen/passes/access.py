"""Who touches what: the accesses of statements, and when two pieces of work may change places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codegen import ir

Resource = ir.Buffer | str  # memory, or a scalar by its name
Index = tuple[ir.Expr, ...] | None  # None: somewhere in the buffer


@dataclass(eq=False, slots=True)
class Footprint:
    """All accesses of a piece of work, by resource."""

    accesses: dict[Resource, list[Index]]
    touched: set[Resource]
    written: set[Resource]
    arrays: set[Resource]  # the buffers among them that are more than scalars

    def conflicts(self, other: Footprint) -> bool:
        """May the two not change places?"""
        return not (
            self.written.isdisjoint(other.touched) and other.written.isdisjoint(self.touched)
        )


class Footprints:
    """The footprints of statements, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ir.Stmt, Footprint]] = {}  # by id, kept alive

    def of(self, s: ir.Stmt) -> Footprint:
        """Everything that a statement touches, the body of a loop included."""
        found = self._known.get(id(s))
        if found is None:
            inner = [self.of(t) for t in s.body] if isinstance(s, ir.Loop) else []
            found = self._known[id(s)] = s, _merged([_own(s), *inner])
        return found[1]

    def block(self, body: Iterable[ir.Stmt]) -> Footprint:
        """Everything that statements touch."""
        return _merged([self.of(s) for s in body])

    def item(self, item: ir.Item) -> Footprint:
        """Everything that an item touches; a Guard stands before all that follows it."""
        return self.block(item.body) if isinstance(item, ir.Kernel) else _whole(item)


def meetings(
    prints: Sequence[Footprint], mine: Footprint, partners: set[Footprint]
) -> Iterator[tuple[int, list[int]]]:
    """Where work with footprint `mine`, standing last, can meet its partners, the nearest first.

    Yields the partner's place and, last first, the places of all that must then move in front of
    it: what stands between and must come before the work. Nothing of that conflicts with the
    partner, or with anything that it passes.
    """
    ahead: list[int] = []
    touched: set[Resource] = set()
    written: set[Resource] = set()
    missing = len(partners)
    for at in range(len(prints) - 1, -1, -1):
        if not missing:
            return
        other = prints[at]
        free = written.isdisjoint(other.touched) and other.written.isdisjoint(touched)
        if other in partners:
            missing -= 1
            if free:
                yield at, ahead
        if not free or mine.conflicts(other):
            ahead.append(at)
            touched |= other.touched
            written |= other.written


def _merged(parts: Sequence[Footprint]) -> Footprint:
    if len(parts) == 1:
        return parts[0]
    accesses: dict[Resource, list[Index]] = {}
    for part in parts:
        for resource, many in part.accesses.items():
            known = accesses.get(resource)
            if known is None:
                accesses[resource] = many
            elif known != many:
                accesses[resource] = known + [i for i in many if i not in known]
    return Footprint(
        accesses,
        set(accesses),
        set().union(*(part.written for part in parts)),
        set().union(*(part.arrays for part in parts)),
    )


def _own(s: ir.Stmt) -> Footprint:
    """What a statement touches by itself, without the body of a loop."""
    accesses: dict[Resource, list[Index]] = {}
    written: set[Resource] = set()
    for expr in ir.own_expressions(s):
        for part in ir.subexpressions(expr):
            if isinstance(part, ir.Load):
                _element(accesses, part.buffer, part.index)
            elif isinstance(part, ir.Var):
                accesses.setdefault(part.name, []).append(())
    if isinstance(s, ir.Store):
        written.add(_element(accesses, s.buffer, s.index))
    elif isinstance(s, (ir.Let, ir.Update)):
        accesses.setdefault(s.var.name, []).append(())
        written.add(s.var.name)
    return Footprint(accesses, set(accesses), written, _arrays(accesses))


def _element(
    accesses: dict[Resource, list[Index]], buffer: ir.Buffer, index: tuple[ir.Expr, ...]
) -> ir.Buffer:
    """Note an element of the memory; through a view only the memory as a whole is known."""
    memory = buffer.root
    accesses.setdefault(memory, []).append(index if buffer is memory else None)
    return memory


def _whole(item: ir.Item) -> Footprint:
    """Somewhere in all buffers that an item names."""
    written: set[Resource] = {b.root for b in ir.writes(item)}
    accesses: dict[Resource, list[Index]] = {b: [None] for b in written}
    accesses |= {b.root: [None] for b in ir.reads(item)}
    return Footprint(accesses, set(accesses), written, _arrays(accesses))


def _arrays(resources: Iterable[Resource]) -> set[Resource]:
    return {r for r in resources if isinstance(r, ir.Buffer) and not r.is_scalar}
