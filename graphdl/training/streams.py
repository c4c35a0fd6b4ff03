"""Batches from an iterable: a generator, a data loader, a dataset with length and index."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from codegen.cuda.arrays import is_on_device
from graphdl.training.chunks import Chunk, require_form, rows_in_chunk
from graphdl.training.data import Data

Convert = Callable[[Any], Data]
_END = object()


def is_stream(x: Any, pairs: bool) -> bool:
    """Is it something that gives batches? `pairs`: a list of tuples, such as (x, y), is one."""
    if isinstance(x, (list, tuple, range)):
        return pairs and bool(x) and all(isinstance(b, tuple) for b in x)
    if isinstance(x, (str, bytes, dict)) or hasattr(x, "__array__") or is_on_device(x):
        return False
    return isinstance(x, Iterable) or _indexed(x)


def _indexed(x: Any) -> bool:
    return hasattr(x, "__len__") and hasattr(x, "__getitem__")


class Stream:
    """Batches, one pass over the iterable after the other.

    convert(batch): the batch, checked, in the model's form. count: batches an epoch, or None for
    all of a pass. anew: each epoch begins at the first batch; otherwise where the last one ended.
    An iterator, such as a generator, can be gone through once, so it always goes on.
    """

    def __init__(
        self, given: Any, convert: Convert, count: int | None, anew: bool, of: str = "iterable"
    ) -> None:
        self._given, self._convert, self.of = given, convert, of
        self.count, self._anew = count, anew
        self.once = isinstance(given, Iterator) and iter(given) is given
        self.steps = count or _length(given)  # of an epoch; None while nobody knows
        self._seen = 0  # batches taken in this pass
        self._iterator: Iterator[Any] | None = None
        self._ahead: Data | None = None  # taken, but not yet handed over
        self._first: Data | None = None
        self._first = self._ahead = self._next()

    @property
    def example(self) -> Data:
        """The first batch."""
        assert self._first is not None
        return self._first

    def names(self, chunk: Chunk, at: slice) -> tuple[np.ndarray, str]:
        """Which rows of their batch these rows of a chunk are."""
        return np.arange(at.stop - at.start), "batch"

    # -------------------------------------------------- in the thread that reads

    def chunk(self) -> Chunk:
        """Memory for as many batches as a chunk holds."""
        return Chunk(self.example, rows_in_chunk(self.example, self.example.rows))

    def fill(self, take: Callable[[], Chunk]) -> Generator[tuple[Chunk, int, bool], None, None]:
        """An epoch's batches, several of one size in a chunk: (chunk, rows by now, is it closed?)."""
        chunk = None
        for data in self._epoch():
            if chunk is not None and not _fits(chunk, data):
                yield chunk, chunk.rows, True
                chunk = None
            if chunk is None:
                chunk = _emptied(take(), data)
            chunk.put(chunk.rows, data)
            chunk.rows += data.rows
            yield chunk, chunk.rows, False

    def _epoch(self) -> Iterator[Data]:
        """The batches of an epoch; it is short where the pass ends before `count`, as with arrays."""
        if self._anew and not self.once and self._ahead is None:
            self._iterator = None
        done = 0
        while done != self.count:
            data = self._next()
            if data is not None:
                done += 1
                yield data
                continue
            if self.once and (self.count or not done):
                raise ValueError(self._exhausted(done))
            if not self.once:
                self._iterator = None
            if done:
                self.steps = self.steps or done
                return

    def _next(self) -> Data | None:
        """The next batch, or None where the pass has ended."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        if self._iterator is None:
            self._seen, self._iterator = 0, self._begin()
        batch = next(self._iterator, _END)
        if batch is not _END:
            self._seen += 1
            return self._converted(batch)
        if not self._seen:
            raise ValueError(f"the {self.of} is empty: it gave no batch")
        return None

    def _begin(self) -> Iterator[Any]:
        return _by_index(self._given) if _indexed(self._given) else iter(self._given)

    def _converted(self, batch: Any) -> Data:
        try:
            data = self._convert(batch)
            if self._first is not None:
                require_form(data, self._first)
        except (ValueError, TypeError) as error:
            raise type(error)(f"batch {self._seen} of the {self.of}: {error}") from None
        return data

    def _exhausted(self, done: int) -> str:
        wanted = f", {done} of the {self.count} for this epoch" if self.count else ""
        return (
            f"the {self.of} is exhausted after {self._seen} batches{wanted}. It can be gone through "
            "once: let it yield more, ask for fewer steps or epochs, or give something that can be "
            "iterated anew"
        )


def _by_index(batches: Any) -> Iterator[Any]:
    """The items of a dataset with length and index, which may have hooks for a pass's two ends."""
    getattr(batches, "on_epoch_begin", _nothing)()
    for k in range(len(batches)):
        yield batches[k]
    getattr(batches, "on_epoch_end", _nothing)()


def _nothing() -> None: ...


def _length(given: Any) -> int | None:
    try:
        return len(given)
    except TypeError:  # there is none, or it is infinite
        return None


def _fits(chunk: Chunk, data: Data) -> bool:
    """May these rows follow in the chunk? A smaller batch can only be its last."""
    whole = chunk.rows % chunk.batch == 0
    return whole and data.rows <= min(chunk.batch, chunk.capacity - chunk.rows)


def _emptied(chunk: Chunk, data: Data) -> Chunk:
    """A chunk for batches of this size."""
    chunk.rows, chunk.done, chunk.supplied, chunk.batch = 0, 0, 0, data.rows
    if data.rows > chunk.capacity:
        chunk.allocate(data, rows_in_chunk(data, data.rows))
    return chunk
