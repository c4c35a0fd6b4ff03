"""Launches as plain data: which function, how many blocks of how many threads, on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen import ir, memory
from codegen.cuda.emit import Call


@dataclass(frozen=True)
class Launch:
    """One launch. Its arguments after the clock: buffers, then numbers in their own dtypes.

    writes: does it write each of the buffers? sees, sets: the fields of the clock that it touches, and
    those that it writes.
    """

    kernel: str
    grid: int
    block: int
    buffers: tuple[ir.Buffer, ...]
    numbers: tuple[np.generic, ...]
    writes: tuple[bool, ...]
    sees: tuple[str, ...]
    sets: tuple[str, ...]


def launch(
    call: Call, sizes: Mapping[str, int], scalars: Mapping[str, Any], most_blocks: int
) -> Launch:
    """A call at these sizes. A kernel does all its work with any number of blocks."""
    known = {**sizes, **call.sizes}
    kernel, blocks = call.kernel, 1
    for extent, each in kernel.parts:
        blocks *= -(-memory.value(extent, known) // each)
    values = {**known, **scalars}
    numbers = tuple(np.dtype(v.dtype).type(values[v.name]) for v in kernel.numbers)
    grid = max(1, min(blocks, most_blocks))
    writes = tuple(b in kernel.writes for b in kernel.buffers)
    return Launch(
        kernel.name, grid, kernel.threads, call.buffers, numbers, writes, kernel.sees, kernel.sets
    )
