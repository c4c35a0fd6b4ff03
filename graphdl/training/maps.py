"""Rows of memory maps: read, checked and converted chunk by chunk, never as a whole."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.training.chunks import Chunk, row_bytes, rows_in_chunk
from graphdl.training.data import Data

PIECE_BYTES = 2**20  # read, checked, converted and copied while it is in the processor's cache
KEPT_BYTES = 2**29  # of a file: so much may stay mapped, which spares finding its pages again

Convert = Callable[[Any, Any, Any], Data]


def is_map(array: Any) -> bool:
    """Does this array lie in a file?"""
    return (
        isinstance(array, np.ndarray)
        and array.size > 0
        and any(isinstance(a, (np.memmap, mmap.mmap)) for a in _bases(array))
    )


def _bases(array: Any) -> Iterator[Any]:
    while array is not None:
        yield array
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)


class MappedRows:
    """Examples of which some arrays are memory maps; a pass takes them in `order`, or as they lie.

    convert(x, y, sample_weight): some of the rows, checked, in the model's form.
    """

    def __init__(self, x: Any, y: Any, weight: Any, convert: Convert, batch: int) -> None:
        self._many = isinstance(x, (list, tuple))
        self._inputs = [np.asarray(a) for a in (x if self._many else [x])]
        self._target = None if y is None else np.asarray(y)
        self._weight = None if weight is None else np.asarray(weight)
        self._convert, self._order = convert, None
        self.rows = self._same_rows()
        self.batch = min(batch, self.rows)
        self.steps = -(-self.rows // self.batch)
        self.part = range(self.steps)
        self.example = self._read(slice(0, self.batch))
        self._maps = [m for m in map(_shared_map, self._arrays) if m is not None]
        if sum(map(len, self._maps)) <= KEPT_BYTES:
            self._maps = []
        # one fault maps many pages beside the one that is read: those that go are let go early
        size = PIECE_BYTES // 4 if self._maps else PIECE_BYTES
        self._piece = max(1, size // max(1, row_bytes(self.example)))

    @property
    def _arrays(self) -> list[np.ndarray]:
        return [*self._inputs, *(a for a in (self._target, self._weight) if a is not None)]

    def _same_rows(self) -> int:
        if any(a.ndim == 0 for a in self._arrays):
            raise ShapeError("data has one row an example, got a single number")
        rows = len(self._inputs[0])
        if not rows:
            raise ValueError("x is empty: there are no examples")
        for name, array in (("y", self._target), ("sample_weight", self._weight)):
            if array is not None and len(array) != rows:
                raise ShapeError(f"x has {rows} rows, {name} has {len(array)}")
        if any(len(a) != rows for a in self._inputs):
            counts = sorted({len(a) for a in self._inputs})
            raise ShapeError(f"x: the inputs have different numbers of rows: {counts}")
        return rows

    def only(self, steps: int) -> None:
        """Take the first `steps` batches alone."""
        self.rows = min(self.rows, steps * self.batch)
        self.steps = -(-self.rows // self.batch)
        self.part = range(self.steps)

    def check(self) -> None:
        """Read all rows once, so that what is wrong with them is refused before training."""
        for first in range(0, self.rows, self._piece):
            last = min(self.rows, first + self._piece)
            try:
                self._read(slice(first, last))
            except (ValueError, TypeError) as error:
                said = f"{error} (rows counted from {first}, where this part of the map begins)"
                raise type(error)(said if first else str(error)) from None
            self._release()

    def mixed(self) -> np.ndarray:
        """The order of the rows in a pass, to be written into."""
        if self._order is None:
            self._order = np.arange(self.rows)
        return self._order

    def names(self, chunk: Chunk, at: slice) -> tuple[np.ndarray, str]:
        """Which rows of the data these rows of a chunk's order are."""
        rows = np.arange(chunk.first + at.start, chunk.first + at.stop)
        return (rows if self._order is None else self._order[rows]), "data"

    # -------------------------------------------------- in the thread that reads

    def chunk(self) -> Chunk:
        """Memory for as many batches as a chunk holds, or for all rows where these are fewer."""
        return Chunk(self.example, min(rows_in_chunk(self.example, self.batch), self.rows))

    def fill(self, take: Callable[[], Chunk]) -> Generator[tuple[Chunk, int, bool], None, None]:
        """The steps in `part`, chunk by chunk."""
        at, end = self.part.start * self.batch, min(self.part.stop * self.batch, self.rows)
        while at < end:
            chunk = take()
            chunk.first, chunk.done, chunk.supplied, chunk.batch = at, 0, 0, self.batch
            chunk.rows = min(chunk.capacity, end - at)
            self._gather(chunk)
            at += chunk.rows
            yield chunk, chunk.rows, True

    def _gather(self, chunk: Chunk) -> None:
        """Rows are read in the order in which they lie in the file; `chunk.order` puts them right."""
        last, rows = chunk.first + chunk.rows, None
        if self._order is not None:
            wanted = self._order[chunk.first : last]
            by_place = np.argsort(wanted)
            rows = wanted[by_place]
            chunk.order[by_place] = np.arange(chunk.rows)
        for a in range(0, chunk.rows, self._piece):
            b = min(chunk.rows, a + self._piece)
            which = slice(chunk.first + a, chunk.first + b) if rows is None else rows[a:b]
            chunk.put(a, self._read(which))
            self._release()

    def _read(self, rows: slice | np.ndarray) -> Data:
        """Copies of these rows, checked: a file may change at any time."""
        inputs = [_rows(a, rows) for a in self._inputs]
        target = None if self._target is None else _rows(self._target, rows)
        weight = None if self._weight is None else _rows(self._weight, rows)
        return self._convert(inputs if self._many else inputs[0], target, weight)

    def _release(self) -> None:
        """Let the pages of large maps leave this process; the system's cache may keep them."""
        for file in self._maps:
            with contextlib.suppress(OSError, ValueError):  # a hint that some systems do not take
                file.madvise(mmap.MADV_DONTNEED)


def _rows(array: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
    """Some rows, copied. `np.take` is the faster way, but copies the whole of an array whose form
    is not the plain one."""
    if isinstance(rows, slice):
        return np.array(array[rows])
    plain = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
    return np.take(array, rows, 0) if plain else array[rows]


def _shared_map(array: np.ndarray) -> Any:
    """The map under an array whose pages can be read again; those of mode "c" hold the user's own
    changes, which no file has."""
    for base in _bases(array):
        if isinstance(base, np.memmap) and base.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
            return base._mmap  # type: ignore[attr-defined]
    return None
