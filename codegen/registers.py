"""Which temps need no memory: one element, touched by loops only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen import ir
from codegen.optimisations import on


def registers(program: ir.Program) -> set[ir.Buffer]:
    """The temps without axes that are plain local variables of the generated function.

    Each thread of a team has its own local variables: what one thread does alone is in memory.
    """
    if not on("registers"):
        return set()
    found = {b for i in program.items for b in (*ir.reads(i), *ir.writes(i))}
    viewed = {b.view_of for b in found} | {m for p in program.packs for m in p.members}
    arrays: set[ir.Buffer] = set()
    for i in flat(program.items):
        if not isinstance(i, (ir.Kernel, ir.Guard)):
            arrays |= {*ir.reads(i), *ir.writes(i)}
    for i in program.items:
        for alone in i.items if isinstance(i, ir.Repeat) else (i,):
            if isinstance(alone, ir.Alone):
                arrays |= set(ir.writes(alone))
    return {
        b
        for b in found - viewed - arrays
        if b.role == "temp" and b.view_of is None and all(d == ir.ONE for d in b.shape)
    }


def flat(items: Iterable[ir.Item]) -> Iterator[ir.Item]:
    """The items, those of repeats and of one thread alone in their place."""
    for item in items:
        if isinstance(item, (ir.Repeat, ir.Alone)):
            yield from flat(item.items)
        else:
            yield item
