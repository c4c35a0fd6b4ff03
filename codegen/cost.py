"""What a program of a team costs on so many threads: when more of them are worth it.

The figures are those of one fast core: where a slower one would gain by a team, it may be left alone,
but no work is split that is too small for it. Which program runs hangs on them, and so on sizes alone;
how many threads run it, the clock decides in the end (`codegen.pace`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from codegen import ir, memory

FLOPS = {"float32": 200e9, "float64": 100e9}  # a second, in products
OPERATION = 2.5e-11  # seconds: a scalar function in a loop
BYTE = 1e-11  # seconds: read or written in a loop
BARRIER = 1.5e-6  # seconds until all go on, the unevenness of their work included
SMALL = 5e-6  # seconds of a step of which no team could save much
LAUNCH = 60e-6  # seconds until the helpers are awake
WORTH = 0.8  # a team must promise to take less than this share of the time of one thread


def worth_a_team(program: ir.Program, sizes: Mapping[str, int]) -> bool:
    """Would two threads bring much? Decided by the sizes alone, and so the same on every machine."""
    once = 0.0 if program.batches else LAUNCH
    return seconds(program, sizes, 2) + once < WORTH * seconds(program, sizes, 1)


def seconds(program: ir.Program, sizes: Mapping[str, int], threads: int) -> float:
    """The time of one step on so many threads."""
    known, shares = dict(sizes), program.shares or ()
    for s in shares:
        known |= {s.first.name: 0, s.last.name: memory.value(s.extent, sizes)}
    return _seconds(program.items, known, shares, threads)


def _seconds(
    items: Iterable[ir.Item], sizes: Mapping[str, int], shares: Sequence[ir.Share], threads: int
) -> float:
    total = 0.0
    for item in items:
        if isinstance(item, ir.Repeat):
            for turn in item.turns:
                total += _seconds(item.items, {**sizes, **turn}, shares, threads)
        elif isinstance(item, ir.Alone):
            total += sum(_work(i, sizes) for i in item.items)
        elif isinstance(item, ir.Barrier):
            total += BARRIER if threads > 1 else 0
        else:
            total += _work(item, sizes) / _speedup(_share(item, shares), sizes, threads)
    return total


def _speedup(share: ir.Share | None, sizes: Mapping[str, int], threads: int) -> float:
    """How much faster the thread with the most blocks is done than one that has them all."""
    if share is None:
        return 1.0
    blocks = max(1, memory.value(share.extent, sizes) // share.grain)
    return blocks / -(-blocks // threads)


def _share(item: ir.Item, shares: Sequence[ir.Share]) -> ir.Share | None:
    if isinstance(item, ir.MatMul):
        return item.part and item.part[1]
    if isinstance(item, ir.Guard):
        return next((s for s in item.shares if s), None)
    if not isinstance(item, ir.Kernel):
        return None
    starts = {
        part
        for s in ir.statements(item.body)
        if isinstance(s, ir.Loop)
        for part in ir.subexpressions(s.start)
    }
    return next((s for s in shares if s.first in starts), None)


def _work(item: ir.Item, sizes: Mapping[str, int]) -> float:
    """Seconds on one thread."""
    if isinstance(item, ir.MatMul):
        inner = memory.shape(item.a, sizes)[0 if item.ta else 1]
        rows, columns = memory.shape(item.out, sizes)
        return 2 * rows * inner * columns / FLOPS[item.out.dtype]
    if isinstance(item, ir.Kernel):
        return _loops(item.body, sizes)
    return BYTE * sum(memory.nbytes(b, sizes) for b in ir.reads(item))


def _loops(body: Sequence[ir.Stmt], sizes: Mapping[str, int]) -> float:
    total = 0.0
    for s in body:
        if isinstance(s, ir.Loop):
            turns = memory.value(s.extent, sizes) - memory.value(s.start, sizes)
            total += turns * _loops(s.body, sizes)
        else:
            parts = list(ir.subexpressions(s.expr))
            touched = [p.dtype for p in parts if isinstance(p, ir.Load)]
            touched += [s.buffer.dtype] if isinstance(s, ir.Store) else []
            total += BYTE * sum(np.dtype(d).itemsize for d in touched)
            total += OPERATION * sum(isinstance(p, ir.Apply) and p.fn != "cast" for p in parts)
    return total
