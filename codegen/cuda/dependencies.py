"""Which launches have to wait for which: those that meet in memory, one of them writing.

Told by ranges of addresses and not by names: temps share memory over time, members of a pack lie
inside of the whole, views lie on others. The clock is memory like any other, each of its fields by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from codegen.cuda.clock import FIELDS
from codegen.cuda.interface import Pointer
from codegen.cuda.launch import Launch
from codegen.optimisations import on


class Range(NamedTuple):
    """Addresses from `start` up to, not including, `stop`."""

    start: int
    stop: int


@dataclass(frozen=True)
class Touched:
    """The memory that a launch reads, and that which it writes; what it does both with is written."""

    reads: tuple[Range, ...]
    writes: tuple[Range, ...]


def touched(launch: Launch, pointers: Sequence[Pointer]) -> Touched:
    """What a launch touches: `pointers` are to the clock and to its buffers."""
    clock, *rest = pointers
    found: dict[bool, list[Range]] = {False: [], True: []}
    for field in launch.sees:
        at = clock.address + FIELDS[field] * np.dtype(clock.dtype).itemsize
        found[field in launch.sets].append(behind(Pointer(at, clock.dtype, 1)))
    for pointer, written in zip(rest, launch.writes, strict=True):
        found[written].append(behind(pointer))
    return Touched(tuple(found[False]), tuple(found[True]))


def behind(pointer: Pointer) -> Range:
    """The memory to which a pointer leads."""
    nbytes = pointer.count * np.dtype(pointer.dtype).itemsize
    return Range(pointer.address, pointer.address + nbytes)


def waits(launches: Sequence[Touched]) -> list[tuple[int, ...]]:
    """For each launch those before it that have to be done when it begins.

    Left out are those for which another one of them waits already: each edge is one that no path
    stands for. Without the optimisation "branches", each launch waits for the one before.
    """
    if not on("branches"):
        return [(k - 1,) if k else () for k in range(len(launches))]
    before: list[int] = []  # for each launch, as bits: all that are done when it begins
    found: list[tuple[int, ...]] = []
    for met in _met(launches):
        done, edges = 0, []
        for k in sorted(met, reverse=True):
            if not done >> k & 1:
                edges.append(k)
                done |= before[k] | 1 << k
        before.append(done)
        found.append(tuple(reversed(edges)))
    return found


def _met(launches: Sequence[Touched]) -> Iterator[set[int]]:
    """For each launch those it meets: who was last to write what it touches, and who has read since
    then what it writes. Whoever was there before them is waited for by them.

    Between two neighbouring borders of ranges memory is touched as a whole: a cell.
    """
    ranges = {r for t in launches for r in (*t.reads, *t.writes)}
    borders = sorted({border for r in ranges for border in r})
    number = {border: k for k, border in enumerate(borders)}
    cells = {r: range(number[r.start], number[r.stop]) for r in ranges}
    writer: dict[int, int] = {}
    readers: dict[int, set[int]] = {}
    for k, t in enumerate(launches):
        reads = set(chain.from_iterable(cells[r] for r in t.reads))
        writes = set(chain.from_iterable(cells[r] for r in t.writes))
        met = {writer[c] for c in reads | writes if c in writer}
        met = met.union(*(readers.pop(c, ()) for c in writes))
        yield met
        writer |= dict.fromkeys(writes, k)
        for c in reads - writes:
            readers.setdefault(c, set()).add(k)


def longest_path(waits: Sequence[tuple[int, ...]]) -> int:
    """Launches of which each waits for the one before, at most."""
    lengths: list[int] = []
    for earlier in waits:
        lengths.append(1 + max((lengths[k] for k in earlier), default=0))
    return max(lengths, default=0)
