"""A program for a team of threads: what each does, and where they wait for each other.

Each item is split as its operands were (`codegen.passes.shares`), so that a thread mostly goes on with
what it has made itself. What cannot be split one thread does alone; what only fills registers all do.
A barrier stands where a thread is to touch what another one has written, or the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from codegen import ir
from codegen.passes.resize import written_out
from codegen.passes.shares import WIDE, Owner, Owners, Split, splits
from codegen.registers import registers

LONG = 1024  # elements of a buffer that several threads guard
ALONE = "alone"  # the owner of what one thread does
Who = Owner | tuple[str, Owner] | str | None
Place = tuple[int, int]  # of an item, and of an item in a repeat
Use = tuple[ir.Buffer, bool, Who]  # (memory, is it written, by whom)


def parallel(program: ir.Program) -> ir.Program:
    """The same program, run by all threads of a team at once."""
    program = written_out(program)  # a share is known for the whole step
    training = any(isinstance(i, ir.MatMul) and i.ta for i in _all(program.items))
    chosen = _Chosen(program, training)
    items = tuple(map(chosen.item, program.items))
    waits = _waits(program, items, chosen.owners, chosen.registers)
    placed: list[ir.Item] = [ir.Barrier("a step begins")]
    for k, item in enumerate(items):
        if (k, 0) in waits and not isinstance(item, ir.Repeat):
            placed.append(ir.Barrier())
        if isinstance(item, ir.Repeat):
            inner = [
                x
                for n, i in enumerate(item.items)
                for x in ((ir.Barrier(), i) if (k, n) in waits else (i,))
            ]
            item = replace(item, items=tuple(inner))
        placed.append(item)
    return program.with_items(placed, shares=tuple(chosen.shares))


def _all(items: tuple[ir.Item, ...]) -> Iterator[ir.Item]:
    for item in items:
        yield from item.items if isinstance(item, ir.Repeat) else (item,)


class _Chosen:
    """How each item is done, chosen in order."""

    def __init__(self, program: ir.Program, training: bool) -> None:
        self.training = training
        self.shares: dict[ir.Share, None] = {}
        self.owners: dict[ir.Item, Owners | str] = {}  # of the items as they are now
        self.last: dict[ir.Buffer, Who] = {}  # who wrote what a buffer holds
        self.registers = _own_registers(program)

    def item(self, item: ir.Item) -> ir.Item:
        if isinstance(item, ir.Repeat):
            first = dict(zip(item.slots, item.table[0], strict=True))
            self.last |= {slot: self.last.get(b.root) for slot, b in first.items()}
            items = tuple(map(self.item, item.items))
            final = dict(zip(item.slots, item.table[-1], strict=True))
            self.last |= {b: self.last[s] for s, b in final.items() if s in self.last}
            return replace(item, items=items)
        made = self._guard(item) if isinstance(item, ir.Guard) else self._made(item)
        owners = self.owners[made]
        for b in ir.writes(item):
            self.last[b.root] = owners if isinstance(owners, str) else owners.get(b)
        return made

    def _made(self, item: ir.Item) -> ir.Item:
        if set(ir.writes(item)) <= self.registers:  # each thread has its own
            self.owners[item] = {}
            return item
        found = splits(item, self.training)
        if not found:
            alone = ir.Alone((item,), item.note)  # type: ignore[arg-type]
            self.owners[alone] = ALONE
            return alone
        best = max(found, key=self._agreement)
        self._take(o.share for o in best.owners.values() if o is not None)
        self.owners[best.item] = best.owners
        return best.item

    def _agreement(self, split: Split) -> int:
        """How many operands lie with the thread that is to read them."""
        return sum(o is not None and self.last.get(b.root) == o for b, o in split.owners.items())

    def _guard(self, guard: ir.Guard) -> ir.Guard:
        owners = {b: _guarded(b) for b in guard.buffers if b not in self.registers}
        self._take(o.share for o in owners.values() if o is not None)
        shares = (owners.get(b) for b in guard.buffers)
        made = replace(guard, shares=tuple(o and o.share for o in shares))
        self.owners[made] = owners
        return made

    def _take(self, shares: Iterator[ir.Share]) -> None:
        self.shares |= dict.fromkeys(shares)


def _guarded(b: ir.Buffer) -> Owner | None:
    """Of a guarded buffer each thread looks at a part, where it is long."""
    lead = b.shape[0] if b.shape else ir.ONE
    share = ir.Share(lead, WIDE) if isinstance(lead, ir.Const) and lead.value >= LONG else None
    return share and Owner(share, 0)


def _own_registers(program: ir.Program) -> set[ir.Buffer]:
    """The scalars that every thread computes for itself: nothing else is written beside them."""
    own = registers(program)
    while True:
        mixed = {
            b
            for i in _all(program.items)
            if not set(ir.writes(i)) <= own
            for b in ir.writes(i)
            if b in own
        }
        if not mixed:
            return own
        own -= mixed


# ------------------------------------------------------------------ barriers


def _waits(
    program: ir.Program,
    items: tuple[ir.Item, ...],
    owners: Mapping[ir.Item, Owners | str],
    own: set[ir.Buffer],
) -> set[Place]:
    """The items before which all wait; in a repeat for all its rows, whichever needs it."""
    members = {p.whole: p.members for p in program.packs}
    waits: set[Place] = set()
    while True:
        before = len(waits)
        seen: dict[ir.Buffer, set[tuple[bool, Who]]] = {}
        for place, item, rows in _moments(items):
            uses = [u for u in _uses(item, owners[item], rows, members) if u[0] not in own]
            if place not in waits and any(_clash(u, seen.get(u[0], set())) for u in uses):
                waits.add(place)
            if place in waits:
                seen = {}
            for b, written, who in uses:
                seen.setdefault(b, set()).add((written, who))
            if isinstance(item, ir.Guard):
                seen = {}
        if len(waits) == before:
            return waits


def _moments(
    items: tuple[ir.Item, ...],
) -> Iterator[tuple[Place, ir.Item, Mapping[ir.Buffer, ir.Buffer]]]:
    """The items in the order in which they are run, with the buffers that slots stand for."""
    for k, item in enumerate(items):
        if isinstance(item, ir.Repeat):
            for row in item.table:
                rows = dict(zip(item.slots, row, strict=True))
                for n, inner in enumerate(item.items):
                    yield (k, n), inner, rows
        else:
            yield (k, 0), item, {}


def _uses(
    item: ir.Item,
    owners: Owners | str,
    rows: Mapping[ir.Buffer, ir.Buffer],
    members: Mapping[ir.Buffer, tuple[ir.Buffer, ...]],
) -> Iterator[Use]:
    """What an item does with memory. Parts of a pack are told apart; a whole is all its members."""
    for written, buffers in ((False, ir.reads(item)), (True, ir.writes(item))):
        for b in buffers:
            who = owners if isinstance(owners, str) else owners.get(b)
            root = rows.get(b.root, b.root)
            if root in members:  # an element of the whole is no element of a member's axis
                who = (root.name, who) if isinstance(who, Owner) else who
            for cell in members.get(root, (root,)):
                yield cell, written, who


def _clash(use: Use, seen: set[tuple[bool, Who]]) -> bool:
    """Did another thread write what this one touches, or touch what it writes?"""
    _, written, who = use
    return any((written or w) and (who is None or other != who) for w, other in seen)
