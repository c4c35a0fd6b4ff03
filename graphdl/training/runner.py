"""Runs a step's program over batches of data: many steps in one call of compiled code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from codegen import ir
from codegen.executable import Binding
from codegen.optimisations import on
from graphdl import memory
from graphdl.compile import Compiled, compile_graph, require_target
from graphdl.core.graph import about_to_change
from graphdl.storage import have_moved, place_variables
from graphdl.training.data import Data
from graphdl.training.shuffle import shuffle
from graphdl.training.step import Step

KEPT_BYTES = 1 << 20  # of a user's arrays that may be held until the next call
CHUNK_SECONDS = 0.05  # how long compiled code runs before Python may look up

Begin = Callable[[int], None] | None
Meanwhile = Callable[[], None] | None


class Runner:
    """A compiled step and the memory it works in."""

    def __init__(self, step: Step, target: str, matmul_precision: str = "float32") -> None:
        self.step, self._asked, self._precision = step, target, matmul_precision
        self.target = require_target(target).name if target == "auto" else target
        self._kept: Session | None = None
        self._worth: dict[int, Compiled] = {}  # by the size of a batch

    @cached_property
    def compiled(self) -> Compiled:
        return compile_graph(
            self.step.graph, self._asked, self.step.inputs, name="step",
            matmul_precision=self._precision,
        )  # fmt: skip

    def compile(self, rows: int, batch: int) -> float:
        """Make the machine code for batches of this size; returns the seconds it took."""
        executable, start = self.compiled_for(rows, batch).executable, time.perf_counter()
        if executable.ready:
            return 0.0
        executable.make()
        return time.perf_counter() - start

    def compiled_for(self, rows: int, batch: int) -> Compiled:
        """The program for one thread or for a team, whichever batches of this size are worth."""
        size = batch_of_rows(batch, rows)
        if size not in self._worth:
            self._worth[size] = self.compiled.at(self.sizes(rows, size))
        return self._worth[size]

    def sizes(self, rows: int, batch: int) -> dict[str, int]:
        """The numbers behind the names of sizes."""
        return {v.name: batch for v in self.compiled.lowered.program.sizes} | {"total": rows}

    @cached_property
    def exact(self) -> bool:
        """Must a ragged batch have memory of just its size? (Rows are not the first axis somewhere.)"""
        rows = self.compiled.lowered.program.batches.rows  # type: ignore[union-attr]
        seen = self.compiled.executable.emitted.buffers
        # rows first in an array are rows first in the run of its elements
        for buffer in {b.root if len(b.shape) == 1 else b for b in seen}:
            inner = [part for d in buffer.shape[1:] for part in ir.subexpressions(d)]
            lead = buffer.shape[0] if buffer.shape else ir.ONE
            if rows in inner or (lead != rows and rows in ir.subexpressions(lead)):
                return True
        return False

    def open(
        self, data: Data, batch: int, outputs: Sequence[np.ndarray] = (),
        order: np.ndarray | None = None, own: bool = False,
    ) -> Session:  # fmt: skip
        """Place data and variables where the program finds them; `own`: in memory of its own."""
        return Session(self, data, batch_of_rows(batch, data.rows), outputs, order, own)

    def kept(self, data: Data, batch: int, outputs: Sequence[np.ndarray] = ()) -> Session | None:
        """A session that was kept, over as many rows, with these arrays: that costs little."""
        kept, self._kept = self._kept, None  # whoever asks meanwhile opens one
        fits = kept is not None and kept.take(data, min(batch, data.rows), outputs)
        return kept if fits else None

    def keep(self, session: Session) -> None:
        """Leave a session that is done to the next call of `kept`, if its arrays are small."""
        if on("places") and sum(a.nbytes for a in session.arrays) <= KEPT_BYTES:
            self._kept = session


def batch_of_rows(batch: int, rows: int) -> int:
    """The examples of a full batch, where there are so many."""
    return min(batch, max(1, rows))


class Session:
    """One pass after another over the same data."""

    def __init__(
        self, runner: Runner, data: Data, batch: int, outputs: Sequence[np.ndarray],
        order: np.ndarray | None, own: bool,
    ) -> None:  # fmt: skip
        self._own = own
        self.runner, self.data, self.batch = runner, data, batch
        self.rows, self.steps = data.rows, -(-data.rows // batch)
        self.part = range(self.steps)  # the steps of this epoch
        self.order = np.arange(self.rows) if order is None else order
        self.outputs = outputs
        # a prepared function calls the program of one thread by itself
        self.compiled = runner.compiled if own else runner.compiled_for(data.rows, batch)
        self._chunk, self._room = 1, batch
        self._open()

    def hold(self, rows: int, batch: int) -> None:
        """The memory of the data holds other rows now, `batch` of them a step."""
        before = self.batch, self.rows % self.batch
        self.rows, self.batch, self.steps = rows, batch, -(-rows // batch)
        self.part = range(self.steps)
        exact = self.runner.exact and (batch, rows % batch) != before
        if exact or batch > self._room:
            self._room = max(self._room, batch)
            self._open()

    def supply(self, rows: slice, aside: bool) -> None:
        """The memory of the data has these rows now; aside: while steps on other rows are under way."""
        arrays = (*self.data.arrays, self.order)
        self.compiled.executable.supply(self.binding, arrays, rows, aside)

    def _open(self) -> None:
        exact, ragged = self.runner.exact, self.rows % self.batch
        self.binding = self._bound(self.batch if exact else self._room)
        self._last = self._bound(ragged) if ragged and exact else None
        lowered = self.compiled.lowered
        moving = [*(b for _, b in lowered.inputs), *lowered.outputs]
        self._moving = [
            (at, moving.index(b.root), self.binding.flat[at].shape)
            for at, b in enumerate(self.compiled.executable.emitted.buffers)
            if b.root in moving
        ]

    def _bound(self, batch: int) -> Binding:
        executable, lowered = self.compiled.executable, self.compiled.lowered
        sizes = self.sizes(batch)
        memory.require(f"a batch of {batch} examples", executable.arena_bytes(sizes))
        binding = (
            executable.own_binding(sizes)
            if self._own
            else executable.binding(sizes).apart()  # another session may run in between
        )
        moving = [*(b for _, b in lowered.inputs), *lowered.outputs]
        for buffer, array in zip(moving, self.arrays, strict=True):
            executable.place(binding, buffer, array)
        for buffer in executable.emitted.buffers:
            if buffer.name == "order" and buffer.role == "input":
                executable.place(binding, buffer, self.order)
        for buffer, value in lowered.constants:
            executable.place(binding, buffer, value)
        self._places = place_variables(self.compiled, binding)
        executable.views(binding, sizes)
        executable.tables(binding)
        return binding

    @property
    def arrays(self) -> list[np.ndarray]:
        """What changes from one session to the next, in the program's order."""
        return [*self.data.arrays, *self.outputs]

    def take(self, data: Data, batch: int, outputs: Sequence[np.ndarray]) -> bool:
        """Go on with other arrays, if they have the forms of the present ones; else nothing changes."""
        before = self.data, self.outputs
        shapes = [a.shape for a in self.arrays]
        self.data, self.outputs = data, outputs
        arrays = self.arrays
        if batch != self.batch or [a.shape for a in arrays] != shapes:
            self.data, self.outputs = before
            return False
        for binding in (self.binding, self._last):
            if binding is not None:
                for at, which, shape in self._moving:
                    binding.put(at, arrays[which].reshape(shape))
        return True

    def run(self, first: int, last: int, seed: int, time_: int, meanwhile: Meanwhile = None) -> int:
        """Steps first ≤ k < last of the pass; returns 0 or 1 + the step that the guard refused.

        meanwhile: what to do while a device computes.
        """
        self.be_placed()
        about_to_change(self.runner.step.graph.updates)
        if self._last is not None and last == self.steps:
            status = (
                self._call(self.binding, first, last - 1, seed, time_) if last - 1 > first else 0
            )
            return status or self._call(self._last, last - 1, last, seed, time_, meanwhile)
        return self._call(self.binding, first, last, seed, time_, meanwhile)

    def be_placed(self) -> None:
        """See that the program finds the variables where they are now."""
        if have_moved(self.compiled, self._places):
            self._open()

    @property
    def one_call(self) -> bool:
        """Is a pass one call of machine code, by one thread or a device?"""
        compiled = self.runner.target != "python" and on("chunks")
        return compiled and self._last is None and self.binding.pace is None

    def _call(
        self, binding: Binding, first: int, last: int, seed: int, time_: int,
        meanwhile: Meanwhile = None,
    ) -> int:  # fmt: skip
        numbers = self.numbers(first, last, seed, time_)
        if self.compiled.executable.borrows:
            binding.meanwhile = meanwhile
        return self.compiled.executable.run(binding, numbers)

    def sizes(self, batch: int) -> dict[str, int]:
        """The program's sizes for such a batch."""
        sizes = self.compiled.lowered.program.sizes
        return {v.name: batch for v in sizes} | {"total": self.data.rows}

    def numbers(self, first: int, last: int, seed: int, time_: int) -> tuple[Any, ...]:
        """What a run of the steps first ≤ k < last takes besides arrays."""
        scalars = self.compiled.lowered.scalars
        return (first, last, self.batch, self.rows, seed, time_, *scalars)

    def chunks(
        self, seed: int, time_: int, begin: Begin = None, meanwhile: Meanwhile = None
    ) -> Iterator[tuple[int, int]]:
        """Run the steps in `part`; after each piece of some 50 ms yields (steps done, status).

        time_: the steps that the optimizer has taken before. begin(k) is called before step k, which
        then is a piece of its own; meanwhile() while a device computes. A status that is not 0 is
        1 + the step that the guard refused.
        """
        done, offset = 0, self.part.start
        while done < len(self.part):
            if begin is not None:
                begin(done)
            alone = begin is not None or not on("chunks")
            last = min(len(self.part), done + (1 if alone else self._chunk))
            start = time.perf_counter()
            status = self.run(offset + done, offset + last, seed, time_ - offset, meanwhile)
            spent = time.perf_counter() - start
            per_step = max(spent / (last - done), 1e-9)
            self._chunk = max(1, min(2 * self._chunk + 8, int(CHUNK_SECONDS / per_step)))
            done = last
            yield done, status and status - offset
            if status:
                return

    def mix(self, seed: int, step: int, epochs: int) -> None:
        """Another order of the examples, which belongs to (seed, step)."""
        shuffle(self.order, seed, step, epochs, self.runner.target != "python")
        self.compiled.executable.renew(self.order)

    def turn(self, steps: int | None) -> bool:
        """Choose the steps of the next epoch: all, or the next so many; does a new pass begin?"""
        self.part = next_part(self.part, self.steps, steps)
        return self.part.start == 0

    @property
    def planned(self) -> int:
        """The steps of this epoch."""
        return len(self.part)

    def rows_of(self, step: int) -> slice:
        """Where in `order` and in the outputs the examples of a step of this epoch are."""
        first = (self.part.start + step) * self.batch
        return slice(first, min(first + self.batch, self.rows))

    def examples(self, step: int) -> Examples:
        """What a step of this epoch was given."""
        rows = self.order[self.rows_of(step)]
        return Examples([np.asarray(a)[rows] for a in self.data.arrays], rows, "data")

    def outputs_of(self, step: int) -> list[np.ndarray]:
        return [o[self.rows_of(step)] for o in self.outputs]


def next_part(part: range, total: int, steps: int | None) -> range:
    """The steps after `part`, up to the end of the pass; the first ones where it has ended."""
    first = part.stop % total if steps is not None else 0
    return range(first, total if steps is None else min(first + steps, total))


@dataclass(frozen=True)
class Examples:
    """The arrays of one batch, and which rows of what they are."""

    arrays: list[np.ndarray]
    rows: np.ndarray
    of: str  # "data" or "batch"
