"""Where buffers lie: temps share one arena, each place reused when its last reader is done.

Sizes are numbers here, so one compiled program serves every batch size with memory to measure.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from codegen import ir
from codegen.optimisations import on

ALIGN = 64  # bytes: a cache line, and the widest vector register


def value(e: ir.Expr, sizes: Mapping[str, int]) -> int:
    """An extent as a number."""
    if isinstance(e, ir.Const):
        return int(e.value)
    if isinstance(e, ir.Var):
        return sizes[e.name]
    assert isinstance(e, ir.Apply)
    args = [value(a, sizes) for a in e.args]
    return {"add": sum, "mul": np.prod, "sub": lambda v: v[0] - v[1]}[e.fn](args)  # type: ignore[operator]


def shape(buffer: ir.Buffer, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(value(d, sizes) for d in buffer.shape)


def nbytes(buffer: ir.Buffer, sizes: Mapping[str, int]) -> int:
    count = 1
    for n in shape(buffer, sizes):
        count *= n
    return count * np.dtype(buffer.dtype).itemsize


@dataclass(frozen=True)
class Plan:
    """The byte offset of each temp in the arena, and the arena's size."""

    offsets: dict[ir.Buffer, int]
    size: int
    unshared: int  # bytes without reuse


def lifetimes(program: ir.Program) -> dict[ir.Buffer, tuple[int, int]]:
    """First and last moment that touches each temp; none is read before it is written."""
    span: dict[ir.Buffer, tuple[int, int]] = {}
    whole = {m: p.whole for p in program.packs for m in p.members}
    for k, buffers in enumerate(_moments(program)):
        for b in buffers:
            root = whole.get(b.root, b.root)
            if root.role == "temp":
                first, _ = span.get(root, (k, k))
                span[root] = (first, k)
    return span


def _moments(program: ir.Program) -> Iterator[tuple[ir.Buffer, ...]]:
    """The buffers touched at each moment: by each item, and by each row of a repeat.

    For a team of threads all that lies between two barriers is one moment.
    """
    if program.shares is None:
        yield from _items_touch(program)
        return
    touched: tuple[ir.Buffer, ...] = ()
    for item, row in _turns(program):
        if isinstance(item, ir.Barrier):
            yield touched
            touched = ()
        own = (b for b in (*ir.writes(item), *ir.reads(item)) if b.role != "slot")
        touched += (*row, *own)
        if isinstance(item, ir.Guard):
            yield touched
            touched = ()
    yield touched


def _turns(program: ir.Program) -> Iterator[tuple[ir.Item, tuple[ir.Buffer, ...]]]:
    """The items as they are run, and the row of a repeat's table that is theirs."""
    for item in program.items:
        if isinstance(item, ir.Repeat):
            for row in item.table:
                yield from ((inner, row) for inner in item.items)
        else:
            yield item, ()


def _items_touch(program: ir.Program) -> Iterator[tuple[ir.Buffer, ...]]:
    for item in program.items:
        if isinstance(item, ir.Repeat):
            inside = dict.fromkeys(b for i in item.items for b in (*ir.writes(i), *ir.reads(i)))
            fixed = tuple(b for b in inside if b not in item.slots)
            for row in item.table:
                yield (*fixed, *row)
        else:
            yield (*ir.writes(item), *ir.reads(item))


def plan(
    program: ir.Program,
    sizes: Mapping[str, int],
    skip: frozenset[ir.Buffer],
    in_place: Mapping[ir.Buffer, ir.Buffer] = MappingProxyType({}),
) -> Plan:
    """Greedy first fit, the largest temps first; two temps overlap only when their lives do not.

    in_place: temp -> the temp, done by then, in whose memory it is made.
    """
    spans = {b: s for b, s in lifetimes(program).items() if b not in skip}
    for b, a in reversed(tuple(in_place.items())):
        spans[a] = spans[a][0], spans.pop(b)[1]
    offsets: dict[ir.Buffer, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last
    size = unshared = 0
    needs = {b: -(-nbytes(b, sizes) // ALIGN) * ALIGN for b in spans}
    for b in sorted(spans, key=lambda b: -needs[b]):
        (first, last), need = spans[b], needs[b]
        offset = 0 if on("reuse") else size
        for start, end, born, gone in placed:
            if born <= last and first <= gone and start < offset + need and offset < end:
                offset = end
        offsets[b] = offset
        insort(placed, (offset, offset + need, first, last))
        size, unshared = max(size, offset + need), unshared + need
    for b, a in in_place.items():
        offsets[b] = offsets[a]
    return Plan(offsets, size, unshared)


def members(pack: ir.Pack, whole: np.ndarray, sizes: Mapping[str, int]) -> list[np.ndarray]:
    """The parts of a packed array, each in its own shape."""
    parts, start = [], 0
    for m in pack.members:
        size = shape(m, sizes)
        stop = start + int(np.prod(size, dtype=np.int64))
        parts.append(whole[start:stop].reshape(size))
        start = stop
    return parts


def allocate(
    plan: Plan, sizes: Mapping[str, int]
) -> tuple[np.ndarray, dict[ir.Buffer, np.ndarray]]:
    """The arena (bytes) and each temp's view of it."""
    raw = np.zeros(plan.size + ALIGN, np.uint8)
    base = -raw.ctypes.data % ALIGN
    arena = raw[base : base + plan.size]
    arrays = {}
    for b, offset in plan.offsets.items():
        part = arena[offset : offset + nbytes(b, sizes)]
        arrays[b] = part.view(b.dtype).reshape(shape(b, sizes))
    return arena, arrays


def offset(array: np.ndarray, arena: np.ndarray) -> int:
    """Where an array starts in its arena, in elements."""
    distance = array.ctypes.data - arena.ctypes.data
    assert 0 <= distance <= arena.nbytes and distance % arena.itemsize == 0
    return distance // arena.itemsize
