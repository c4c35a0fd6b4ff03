"""Kernels that follow one another element by element.

An optimizer's update is a dozen of them for each weight, and most of what a deep network's program
consists of: joined as they come, they cost fusion no search.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen import ir


@dataclass(eq=False)
class Chain:
    """A perfect nest of loops around stores, each to the loops' own element."""

    loops: list[ir.Loop]
    body: list[ir.Store]
    notes: list[str]
    written: set[ir.Buffer]  # at the element alone
    read: set[ir.Buffer]  # there, too
    elsewhere: set[ir.Buffer]  # what else is read
    grown: bool = False

    def takes(self, other: Chain) -> bool:
        """Do both share memory, and does each element of the other need but the same one of this?"""
        return (
            [a.extent for a in self.loops] == [b.extent for b in other.loops]
            and self.written.isdisjoint(other.elsewhere)
            and other.written.isdisjoint(self.elsewhere)
            and not self._arrays.isdisjoint(other._arrays)
        )

    @property
    def _arrays(self) -> set[ir.Buffer]:
        return self.written | self.read | {b for b in self.elsewhere if not b.is_scalar}

    def extend(self, other: Chain) -> None:
        """Go on with the other's work in the same loops."""
        names = {b.var: a.var for a, b in zip(self.loops, other.loops, strict=True)}
        self.body += ir.rename(other.body, names)  # type: ignore[arg-type]
        self.notes += other.notes
        self.written |= other.written
        self.read |= other.read
        self.elsewhere |= other.elsewhere
        self.grown = True

    def kernel(self) -> ir.Kernel:
        body: tuple[ir.Stmt, ...] = tuple(self.body)
        for loop in reversed(self.loops):
            body = (ir.Loop(loop.var, loop.extent, body),)
        return ir.Kernel(body, "\n".join(self.notes))


def chain_of(item: ir.Item) -> Chain | None:
    """The item as a chain, if it is one."""
    loops: list[ir.Loop] = []
    body = item.body if isinstance(item, ir.Kernel) else ()
    while len(body) == 1 and isinstance(body[0], ir.Loop):
        loops.append(body[0])
        body = body[0].body
    stores = [s for s in body if isinstance(s, ir.Store) and s.op is None]
    if not loops or len(stores) != len(body):
        return None
    element = tuple(loop.var for loop in loops)
    read = list(ir.loads(stores))
    here = {load.buffer for load in read if load.index == element and load.buffer.view_of is None}
    elsewhere = {x.buffer.root for x in read if x.index != element or x.buffer.view_of is not None}
    written = {s.buffer for s in stores}
    whole = all(s.index == element and s.buffer.view_of is None for s in stores)
    if not whole or not written.isdisjoint(elsewhere):
        return None
    notes = [item.note] if item.note else []
    return Chain(loops, stores, notes, written, here - elsewhere, elsewhere)
