"""Runs a step's program over batches of data: many steps in one call of compiled code."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from codegen import cache, ir, random
from codegen.executable import Binding
from graphdl import memory
from graphdl.compile import Compiled, compile_graph
from graphdl.core.graph import about_to_change
from graphdl.storage import have_moved, place_variables
from graphdl.training.data import Data
from graphdl.training.step import Step

CHUNK_SECONDS = 0.05  # how long compiled code runs before Python may look up
SHUFFLE_STREAM = 2**31  # apart from the streams of random nodes

_SHUFFLE = '''"""The order of the examples in one epoch."""
import math

from numba import njit
from numpy import float32, float64, uint64

jit = njit(error_model="numpy", forceinline=True)
entry = njit(error_model="numpy", nogil=True)

{source}

@entry
def run(order, seed, stream, step):
    shuffle(order, seed, stream, step)


ENTRY = {{"run": "void(int64[::1], int64, int64, int64)"}}
'''


WORTH_COMPILING = 50_000  # indices: the reference takes 10 ms for them, compiling half a second
_shuffled = 0


def shuffle(order: np.ndarray, seed: int, step: int, epochs: int = 1, jit: bool = True) -> None:
    """Fill `order` with the permutation that belongs to (seed, step).

    The NumPy reference and the compiled function give the same bits; the latter is made only when
    there is enough to shuffle, now or in the `epochs` to come.
    """
    global _shuffled
    _shuffled += order.size
    if jit and max(_shuffled, order.size * epochs) > WORTH_COMPILING:
        _shuffler()(order, seed, SHUFFLE_STREAM, step)
    else:
        order[:] = random.permutation(seed, SHUFFLE_STREAM, step, order.size)


@functools.cache
def _shuffler() -> Callable[..., None]:
    return cache.load(_SHUFFLE.format(source=random.source("shuffle")), "shuffle").run


class Runner:
    """A compiled step and the memory it works in."""

    def __init__(self, step: Step, target: str) -> None:
        self.step, self.target = step, target

    @cached_property
    def compiled(self) -> Compiled:
        return compile_graph(self.step.graph, self.target, self.step.inputs, name="step")

    def compile(self, rows: int, batch: int) -> float:
        """Make the machine code for batches of this size; returns the seconds it took."""
        executable, start = self.compiled_for(rows, batch).executable, time.perf_counter()
        if executable.ready:
            return 0.0
        _ = executable.module.run
        return time.perf_counter() - start

    def compiled_for(self, rows: int, batch: int) -> Compiled:
        """The program for one thread or for a team, whichever batches of this size are worth."""
        return self.compiled.at(self.sizes(rows, rows_of(batch, rows)))

    def sizes(self, rows: int, batch: int) -> dict[str, int]:
        """The numbers behind the names of sizes."""
        return {v.name: batch for v in self.compiled.lowered.program.sizes} | {"total": rows}

    @cached_property
    def exact(self) -> bool:
        """Must a ragged batch have memory of just its size? (Rows are not the first axis somewhere.)"""
        rows = self.compiled.lowered.program.batches.rows  # type: ignore[union-attr]
        for buffer in self.compiled.executable.emitted.buffers:
            inner = [part for d in buffer.shape[1:] for part in ir.subexpressions(d)]
            lead = buffer.shape[0] if buffer.shape else ir.ONE
            if rows in inner or (lead != rows and rows in ir.subexpressions(lead)):
                return True
        return False

    def open(self, data: Data, batch: int, outputs: Sequence[np.ndarray] = ()) -> Session:
        """Place data and variables where the program finds them."""
        return Session(self, data, rows_of(batch, data.rows), outputs)


def rows_of(batch: int, rows: int) -> int:
    """The examples of a full batch, where there are so many."""
    return min(batch, max(1, rows))


class Session:
    """One pass after another over the same data."""

    def __init__(
        self, runner: Runner, data: Data, batch: int, outputs: Sequence[np.ndarray]
    ) -> None:
        self.runner, self.data, self.batch = runner, data, batch
        self.rows, self.steps = data.rows, -(-data.rows // batch)
        self.order = np.arange(self.rows)
        self.outputs = outputs
        self.compiled = runner.compiled_for(data.rows, batch)
        self._chunk = 1
        self._open()

    def _open(self) -> None:
        ragged = self.rows % self.batch
        self._full = self._bound(self.batch)
        self._last = self._bound(ragged) if ragged and self.runner.exact else None

    def _bound(self, batch: int) -> Binding:
        executable, lowered = self.compiled.executable, self.compiled.lowered
        sizes = self.runner.sizes(self.rows, batch)
        memory.require(f"a batch of {batch} examples", executable.arena_bytes(sizes))
        binding = executable.binding(sizes).apart()  # another session may run in between
        arrays = [*self.data.inputs]
        arrays += [a for a in (self.data.target, self.data.weights) if a is not None]
        for (_, buffer), array in zip(lowered.inputs, arrays, strict=True):
            executable.place(binding, buffer, array)
        for buffer in executable.emitted.buffers:
            if buffer.name == "order" and buffer.role == "input":
                executable.place(binding, buffer, self.order)
        for buffer, value in lowered.constants:
            executable.place(binding, buffer, value)
        self._places = place_variables(self.compiled, binding)
        for buffer, array in zip(lowered.outputs, self.outputs, strict=True):
            executable.place(binding, buffer, array)
        executable.views(binding, sizes)
        executable.tables(binding)
        return binding

    def run(self, first: int, last: int, seed: int, time_: int) -> int:
        """Steps first ≤ k < last of the pass; returns 0 or 1 + the step that the guard refused."""
        if have_moved(self.compiled, self._places):
            self._open()
        about_to_change(self.runner.step.graph.updates)
        if self._last is not None and last == self.steps:
            status = self._call(self._full, first, last - 1, seed, time_) if last - 1 > first else 0
            return status or self._call(self._last, last - 1, last, seed, time_)
        return self._call(self._full, first, last, seed, time_)

    def _call(self, binding: Binding, first: int, last: int, seed: int, time_: int) -> int:
        scalars = self.compiled.lowered.scalars
        numbers = (first, last, self.batch, self.rows, seed, time_, *scalars)
        return self.compiled.executable.run(binding, numbers)

    def chunks(self, seed: int, time_: int, each: bool = False) -> Iterator[tuple[int, int]]:
        """Run a whole pass; after each piece of some 50 ms yields (steps done, status)."""
        done = 0
        while done < self.steps:
            last = min(self.steps, done + (1 if each else self._chunk))
            start = time.perf_counter()
            status = self.run(done, last, seed, time_)
            spent = time.perf_counter() - start
            per_step = max(spent / (last - done), 1e-9)
            self._chunk = max(1, min(2 * self._chunk + 8, int(CHUNK_SECONDS / per_step)))
            done = last
            yield done, status
            if status:
                return
