"""Into which tiles a product is cut: small ones where the result is small, so that a GPU is filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PAD = 4  # elements between two terms of a slab: threads that write one line meet in no bank
MEMORY = 48 << 10  # bytes of shared memory that every block may have
SUMS = 64 * 4  # bytes of sums in a thread's registers
MULTIPROCESSORS = 132
WAIT = 500  # cycles from asking for a slab to having it


@dataclass(frozen=True)
class Tile:
    """A block makes rows × columns of the result, of `inner` terms at a time: a slab.

    Its threads are cut into slices. Each slice makes the whole tile, high × wide elements a thread, of
    its own share of the terms of a slab; what the slices have is added up in the end, in their order.
    """

    rows: int
    columns: int
    inner: int
    high: int
    wide: int
    slices: int

    @property
    def across(self) -> int:
        """Threads of a slice that stand side by side."""
        return self.columns // self.wide

    @property
    def slice(self) -> int:
        """Threads of a slice."""
        return self.rows // self.high * self.across

    @property
    def threads(self) -> int:
        return self.slice * self.slices

    @property
    def room(self) -> int:
        """Elements of shared memory: two slabs, or what all slices have for a row of threads."""
        slab = self.inner * (self.rows + self.columns + 2 * PAD)
        return max(2 * slab, self.slices * self.high * self.columns)

    @property
    def start_of_b(self) -> int:
        """Where the slabs of b begin, behind those of a."""
        return 2 * self.inner * (self.rows + PAD)

    @property
    def strip(self) -> int:
        """Rows of the tile that find room, once for each slice, where the slabs were."""
        strip = self.rows
        while strip * self.columns * self.slices > self.room:
            strip //= 2
        return strip

    def suits(self, dtype: str) -> bool:
        """Is there shared memory for its slabs, and are there registers for its sums?"""
        size = np.dtype(dtype).itemsize
        return self.room * size <= MEMORY and self.high * self.wide * size <= SUMS


GPU = (
    Tile(128, 128, 16, 8, 8, 1),
    Tile(64, 64, 32, 8, 8, 4),
    Tile(32, 32, 32, 8, 4, 8),
    Tile(32, 16, 64, 8, 4, 16),
    Tile(16, 16, 64, 4, 4, 16),
    Tile(8, 16, 128, 4, 4, 32),
)
"""All of 256 threads."""
SIMULATOR = (Tile(4, 4, 4, 2, 2, 1), Tile(4, 4, 8, 2, 2, 2))
"""The second one for more than four terms."""


def cycles(
    tile: Tile, rows: int, columns: int, terms: int, size: int = 4, processors: int = MULTIPROCESSORS
) -> float:  # fmt: skip
    """How long a product takes by such tiles. Estimated from what a multiprocessor can do in a cycle:

    4 warps multiply, or one reads a number for each of its threads from shared memory, and 64 bytes
    come from L2. The blocks of one multiprocessor take turns in that, and wait for slabs together.
    """
    t, warps = tile, tile.threads / 32
    blocks = -(-rows // t.rows) * -(-columns // t.columns)
    turns = -(-blocks // processors)
    multiply = t.inner / t.slices * warps * max(t.high * t.wide / 4, t.high + t.wide) * size / 4
    fetch = t.inner * (t.rows + t.columns) * size / 64
    finish = t.rows * t.columns * t.slices / 32 * size / 4
    return -(-terms // t.inner) * max(WAIT, turns * (multiply + fetch)) + turns * finish


def best(
    tiles: Sequence[Tile], rows: int, columns: int, terms: int, dtype: str,
    processors: int = MULTIPROCESSORS,
) -> Tile:  # fmt: skip
    """The tile that is done first; the first one of those that are."""
    size = np.dtype(dtype).itemsize
    suited = [t for t in tiles if t.suits(dtype)]
    return min(suited, key=lambda t: cycles(t, rows, columns, terms, size, processors))


def cycles_by_elements(rows: int, columns: int, terms: int, scattered: bool) -> float:
    """How long one block takes in which a thread makes an element at a time, from memory.

    A warp's read of one factor is one line of the cache, that of the other one, too, or, scattered over
    the columns, a line for each thread; and a thread waits some ten cycles for each term.
    """
    lines = 1 + (min(columns, 32) if scattered else 1)
    return rows * columns * terms * max(lines / 32, 10 / 256)
