"""Kernels run thread after thread, from barrier to barrier, with an eye on all that they touch.

A kernel becomes a generator that stops at each barrier; the threads of a block are run up to the next
one in whatever order is asked for. It is an error where

* between two barriers a thread touches what another one of its block writes,
* in one launch a block touches what another one writes,
* a thread waits for one that has left, or an index lies outside of its array.

So a missing barrier is found in one run, whatever the order in which the threads happen to come. Only
the clock is not watched: whoever refuses a step writes the same number into it.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from operator import methodcaller
from types import GeneratorType, SimpleNamespace
from typing import Any

import numpy as np

from codegen import ir, memory
from codegen.cuda import one_block
from codegen.cuda.clock import FIELDS
from codegen.cuda.early import early
from codegen.cuda.emit import Emitted, emit, emit_in_one_block
from codegen.cuda.epilogues import with_epilogues
from codegen.cuda.kernels import Shape
from codegen.cuda.launch import Launch, launch
from tests.cuda.replay import Arrays, Replay

Order = Callable[[int], Sequence[int]]  # in which so many threads, or blocks, have their turns


class RaceError(AssertionError):
    """Two threads touch the same memory, one of them writes, and nothing says who is first."""


def forwards(count: int) -> Sequence[int]:
    return range(count)


def backwards(count: int) -> Sequence[int]:
    return range(count)[::-1]


# ------------------------------------------------------------------ memory


class Traffic:
    """Who has read and written each address: threads since the last barrier, blocks in this launch."""

    def __init__(self) -> None:
        self.thread, self.block = 0, 0
        self._threads: dict[int, tuple[int | None, set[int]]] = {}
        self._blocks: dict[int, tuple[int | None, set[int]]] = {}

    def barrier(self) -> None:
        self._threads.clear()

    def launch(self) -> None:
        self._threads.clear()
        self._blocks.clear()

    def touch(self, address: int, written: bool, what: str, shared: bool) -> None:
        self._note(self._threads, address, self.thread, written, f"threads on {what}")
        if not shared:
            self._note(self._blocks, address, self.block, written, f"blocks on {what}")

    def _note(self, known: dict, address: int, who: int, written: bool, what: str) -> None:
        writer, readers = known.setdefault(address, (None, set()))
        if writer not in (None, who) or (written and not readers <= {who}):
            raise RaceError(f"{what}: {who} meets {writer if writer is not None else readers}")
        if written:
            known[address] = (who, readers)
        else:
            readers.add(who)


class Watched:
    """An array of which each access is noted."""

    def __init__(self, array: np.ndarray, traffic: Traffic, name: str, shared: bool = False):
        self._array, self._traffic, self._name, self._shared = array, traffic, name, shared
        self._base, self._size = array.ctypes.data, array.itemsize

    def __getitem__(self, at: Any) -> Any:
        return self._array[self._at(at, False)]

    def __setitem__(self, at: Any, value: Any) -> None:
        self._array[self._at(at, True)] = value

    def _at(self, at: Any, written: bool) -> int:
        at = int(at)
        if not 0 <= at < len(self._array):
            raise IndexError(f"{self._name}[{at}] of {len(self._array)}")
        first = self._base + at * self._size
        for part in range(first, first + self._size, 4):
            self._traffic.touch(part, written, f"{self._name}[{at}]", self._shared)
        return at


def never_written(count: int, dtype: Any) -> np.ndarray:
    """An array of what is not a number, if it is read."""
    return np.frombuffer(b"\xff" * count * np.dtype(dtype).itemsize, dtype).copy()


# ------------------------------------------------------------------ threads


class Cuda:
    """What kernels know as `cuda`, for the one thread that runs."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self.threadIdx, self.blockIdx = SimpleNamespace(x=0), SimpleNamespace(x=0)
        self.blockDim, self.gridDim = SimpleNamespace(x=1), SimpleNamespace(x=1)
        self.shared = SimpleNamespace(array=self._shared_array)
        self.local = SimpleNamespace(array=never_written)
        self.arrays: dict[int, Watched] = {}

    def grid(self, axes: int) -> int:
        return self.blockIdx.x * self.blockDim.x + self.threadIdx.x

    def gridsize(self, axes: int) -> int:
        return self.blockDim.x * self.gridDim.x

    def _shared_array(self, count: int, dtype: Any, alignment: int = 0) -> Watched:
        line = sys._getframe(1).f_lineno
        if line not in self.arrays:
            array = never_written(count, dtype)
            self.arrays[line] = Watched(array, self._traffic, f"shared[{line}]", shared=True)
        return self.arrays[line]


def functions(source: str, cuda: Cuda) -> dict[str, Any]:
    """The functions of a module; those that meet barriers are generators."""
    own = re.sub(r"from codegen\.cuda\.dialect import \([^)]*\)", "", source)
    own = re.sub(r"\b(all_\w+\(row_\w+, lane, \w+\))", r"(yield from \1)", own)
    own = own.replace("cuda.syncthreads()", "yield")
    names: dict[str, Any] = {"cuda": cuda, "device": lambda function: function}
    for bits in ("32", "64"):
        for name in ("rint", "floor", "sqrt", "sin", "cos"):
            names[name + bits] = getattr(np, name)
        for kind in ("int", "float"):
            names[f"as_{kind}{bits}"] = methodcaller("view", f"{kind}{bits}")
    exec(compile(own, "<kernels>", "exec"), names)
    return names


class Machine:
    """Runs the kernels of a program."""

    def __init__(
        self, emitted: Emitted, blocks: int, lanes: Order = forwards, turns: Order = forwards
    ) -> None:
        self._traffic = Traffic()
        self._cuda = Cuda(self._traffic)
        self._functions = functions(emitted.source, self._cuda)
        self._blocks, self._lanes, self._turns = blocks, lanes, turns
        self.barriers = 0

    def run(self, replay: Replay, emitted: Emitted, scheduled: ir.Program) -> Arrays:
        """What the kernels leave in everything that outlives the run."""
        arrays = replay.places(scheduled)
        clock, steps = clock_of(replay)
        launches = [launch(c, replay.sizes, replay.scalars, self._blocks) for c in emitted.calls]
        for _ in range(1 if emitted.once else steps):
            for one in launches:
                given = [self._watched(arrays, b, replay.sizes) for b in one.buffers]
                self._launch(one, [clock, *given, *one.numbers])
        assert clock[FIELDS["status"]] == 0
        return replay.lasting(arrays)

    def _watched(self, arrays: Arrays, b: ir.Buffer, sizes: dict[str, int]) -> Watched:
        return Watched(in_memory(arrays, b, sizes), self._traffic, b.name)

    def _launch(self, one: Launch, given: list[Any]) -> None:
        self._traffic.launch()
        self._cuda.gridDim.x, self._cuda.blockDim.x = one.grid, one.block
        for block in self._turns(one.grid):
            self._cuda.blockIdx.x = self._traffic.block = block
            self._cuda.arrays = {}
            self._block(self._functions[one.kernel], one.block, given)

    def _block(self, kernel: Callable, count: int, given: list[Any]) -> None:
        """All threads of a block, to the end."""
        self._traffic.barrier()
        at_work = {lane: self._thread(kernel, lane, given) for lane in self._lanes(count)}
        while at_work:
            waiting = [lane for lane in at_work if self._goes_on(lane, at_work[lane])]
            if len(waiting) not in (0, len(at_work)):
                raise RaceError(f"threads {waiting} wait for those who have left")
            if not waiting:
                return
            self._traffic.barrier()
            self.barriers += 1

    def _thread(self, kernel: Callable, lane: int, given: list[Any]) -> Iterator[None]:
        self._turn(lane)
        made = kernel(*given)
        if isinstance(made, GeneratorType):
            yield from made

    def _goes_on(self, lane: int, thread: Iterator[None]) -> bool:
        """Runs a thread up to a barrier; False where it ends before."""
        self._turn(lane)
        return next(thread, self) is not self

    def _turn(self, lane: int) -> None:
        self._cuda.threadIdx.x = self._traffic.thread = lane


def in_memory(arrays: Arrays, b: ir.Buffer, sizes: dict[str, int]) -> np.ndarray:
    """A buffer as kernels know it: flat; truths are bytes."""
    flat = arrays[b if b in arrays else b.root].reshape(-1)
    flat = flat if b.role == "arena" else flat[: math.prod(memory.shape(b, sizes))]
    return flat.view(np.uint8) if b.dtype == "bool" else flat


def clock_of(replay: Replay) -> tuple[np.ndarray, int]:
    """The clock before the first step, and the number of steps."""
    clock, steps = np.zeros(len(FIELDS), np.int64), 1
    if replay.program.batches:
        first, last, batch, total, seed, time, *_ = replay.numbers
        set_to = {"now": first, "last": last, "batch": batch, "total": total}
        set_to |= {"seed": seed, "time": time}
        steps = last - first
    else:
        seed, time, *_ = replay.numbers
        set_to = {"now": 1, "step": time, "seed": seed}
    for field, value in set_to.items():
        clock[FIELDS[field]] = value
    return clock, steps


def stepped(
    replay: Replay, shape: Shape, blocks: int = 2, lanes: Order = forwards, turns: Order = forwards,
    whole: bool = False,
) -> Arrays:  # fmt: skip
    """What kernels of that shape leave; `whole`: all steps in one block, where the program fits."""
    scheduled = with_epilogues(early(replay.program))
    way = emit_in_one_block if whole and one_block.fits(replay.program) else emit
    emitted = way(scheduled, "program", shape)
    with np.errstate(all="ignore"):
        return Machine(emitted, blocks, lanes, turns).run(replay, emitted, scheduled)
