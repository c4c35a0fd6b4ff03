"""Passes over data that comes chunk by chunk: the same steps, in the same order, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from graphdl.training.chunks import CHUNKS, Chunk
from graphdl.training.maps import MappedRows
from graphdl.training.prefetch import Ahead, filled
from graphdl.training.runner import Begin, Examples, Runner, Session, next_part
from graphdl.training.shuffle import shuffle
from graphdl.training.streams import Stream

Source = MappedRows | Stream
OutputType = tuple[tuple[int, ...], str]  # shape of one row, dtype
Keep = Callable[[list[np.ndarray]], None] | None


class Streamed:
    """What `Session` is for data in memory; the source's thread fills the chunks.

    outputs: shape of one row and dtype of what the program puts out. `keep` is called with these
    rows after each chunk; they lie in memory that a later chunk takes.
    """

    def __init__(
        self, runner: Runner, source: Source, outputs: Sequence[OutputType] = (), keep: Keep = None
    ) -> None:
        self.runner, self.source, self._outputs, self._keep = runner, source, outputs, keep
        self._chunk, self._before = source.chunk(), 0
        # a pass of one chunk has nothing to read while that one trains
        alone = isinstance(source, MappedRows) and source.rows <= self._chunk.capacity
        more = 0 if alone else CHUNKS - 1
        self._chunks = [self._chunk, *(source.chunk() for _ in range(more))]

    @property
    def planned(self) -> int | None:
        """The steps of this epoch, where they are known."""
        source = self.source
        return len(source.part) if isinstance(source, MappedRows) else source.steps

    def chunks(self, seed: int, time_: int, begin: Begin = None) -> Iterator[tuple[int, int]]:
        """Run the steps of an epoch, as `Session.chunks` does."""
        done = 0
        with filled(self.source.fill, self._chunks) as chunks:
            for chunk, rows in chunks:
                session = self._session(chunk, rows)
                self._chunk, self._before = chunk, done
                from_here = None if begin is None else lambda k, done=done: begin(done + k)
                meanwhile = partial(self._supply_ahead, chunks)
                for k, status in session.chunks(seed, time_ + done, from_here, meanwhile):
                    yield done + k, status and status + done
                    if status:
                        return
                done += session.planned
                self._keep_outputs(chunk, rows)
                chunk.done = session.steps

    def _session(self, chunk: Chunk, rows: int) -> Session:
        """The steps of a chunk that were not taken yet, of those that are filled."""
        session = self._opened(chunk)
        session.hold(rows, chunk.batch)
        session.part = range(chunk.done, session.steps)
        self._supply(chunk, rows, aside=False)
        return session

    def _opened(self, chunk: Chunk) -> Session:
        if chunk.session is None:
            outputs = [np.empty((chunk.capacity, *shape), t) for shape, t in self._outputs]
            chunk.session = self.runner.open(chunk.data, chunk.batch, outputs, chunk.order)
        return chunk.session

    def _supply_ahead(self, chunks: Ahead[Chunk]) -> None:
        """While a device computes, it gets what the source has filled by now."""
        for chunk, rows in chunks.ahead():
            self._supply(chunk, rows, aside=True)

    def _supply(self, chunk: Chunk, rows: int, aside: bool) -> None:
        """Rows of a chunk that are new, to the device that computes, if there is one."""
        if chunk.supplied < rows:
            self._opened(chunk).supply(slice(chunk.supplied, rows), aside)
            chunk.supplied = rows

    def _keep_outputs(self, chunk: Chunk, rows: int) -> None:
        if self._keep is not None:
            self._keep([o[chunk.done * chunk.batch : rows] for o in chunk.session.outputs])

    def mix(self, seed: int, step: int, epochs: int) -> None:
        """Another order of the rows of a map; an iterable has an order of its own."""
        if isinstance(self.source, MappedRows):
            shuffle(self.source.mixed(), seed, step, epochs, self.runner.target != "python")

    def turn(self, steps: int | None) -> bool:
        """Choose the steps of the next epoch, as `Session.turn` does; an iterable was told before."""
        source = self.source
        if isinstance(source, MappedRows):
            source.part = next_part(source.part, source.steps, steps)
            return source.part.start == 0
        return True

    def examples(self, step: int) -> Examples:
        """What a step of this epoch was given, while its chunk is there."""
        session, local = self._chunk.session, step - self._before
        at = session.rows_of(local)
        return Examples(session.examples(local).arrays, *self.source.names(self._chunk, at))

    def outputs_of(self, step: int) -> list[np.ndarray]:
        """Copies of the outputs of a step of this epoch, while its chunk is there."""
        return [o.copy() for o in self._chunk.session.outputs_of(step - self._before)]
