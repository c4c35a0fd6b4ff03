"""Epochs of a program in one call of compiled code: shuffle, metrics from 0 on, all steps, and again.

Python needs some 10 µs between two epochs, which is half the time of an epoch of a small network.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from codegen import cache
from codegen.direct import address, word
from codegen.executable import Binding, Executable

_SOURCE = '''"""Runs a compiled step over many epochs.

frame: its length; the step's machine code, its table and the table's length; the steps of an epoch;
the epochs that are done; the machine code that shuffles (0: none), the order and its length, and
three numbers for it, the last one the steps taken so far; how many states there are; the step's
{numbers} numbers; for each state where it lies and how many words it has.
"""
from numba import njit

from codegen.frames import call, words
from codegen.pipeline import OUTER

entry = njit(error_model="numpy", nogil=True, **OUTER)


@entry
def run(start, epochs, history):
    frame = words(start, words(start, 1)[0])
    table, numbers, steps = words(frame[2], frame[3]), frame[{fixed}:], frame[4]
    states = frame[{states}:]
    for epoch in range(epochs):
        if frame[6] != 0:
            call(frame[6], words(frame[7], frame[8]), frame[9:], "int64 int64 int64")
        for k in range(frame[12]):
            state = words(states[2 * k], states[2 * k + 1])
            for i in range(state.size):
                state[i] = 0

        status = call(frame[1], table, numbers, "{kinds}")

        at = 0
        for k in range(frame[12]):
            state = words(states[2 * k], states[2 * k + 1])
            for i in range(state.size):
                history[epoch, at + i] = state[i]
            at += state.size
        if status != 0:
            return epoch * steps + status
        frame[5] = epoch + 1
        frame[11] += steps
        numbers[{time}] += steps
    return 0


ENTRY = {{"run": "int64(int64, int64, int64[:, ::1])"}}
'''
_FIXED = 13  # words before the numbers
_TIME = 5  # which of a step's numbers is that of the steps taken before


class Shuffle(NamedTuple):
    """An order that is filled anew when an epoch begins.

    code(): where machine code begins that does it: of (order, seed, stream, step); fill: the same for
    Python: of (order, seed, step).
    """

    order: np.ndarray
    seed: int
    stream: int
    code: Callable[[], int]
    fill: Callable[[np.ndarray, int, int], None]


class Epochs:
    """So many epochs of a program that is a step over batches, on one thread.

    numbers: those of the first epoch's call, of all its steps. states: arrays of words of eight bytes,
    which are 0 when an epoch begins, and are kept when it ends.
    """

    def __init__(
        self, executable: Executable, binding: Binding, numbers: Sequence[Any],
        shuffle: Shuffle | None, states: Sequence[np.ndarray], epochs: int,
    ) -> None:  # fmt: skip
        kinds = [v.dtype for v in executable.emitted.parameters]
        self._entry = _compiled(_source(kinds))
        table = executable.table(binding)
        steps, taken = numbers[1], numbers[_TIME]
        order = (shuffle.code(), address(shuffle.order), shuffle.order.size, shuffle.seed) + (
            shuffle.stream, taken,
        ) if shuffle else (0,) * 6  # fmt: skip
        words = [executable.address, address(table.words), table.words.size, steps, 0, *order]
        words += [len(states), *map(word, numbers, kinds)]
        words += [n for s in states for n in (address(s), s.size)]
        self._frame = np.array([1 + len(words), *words], np.int64)
        self._history = np.empty((epochs, sum(s.size for s in states)), np.int64)
        self._states = states
        self._alive = binding, shuffle  # what the frame's addresses lead to

    def run(self) -> int:
        """Run them; returns 0, or 1 + the step, counted through all epochs, that a guard refused."""
        return int(self._entry(address(self._frame), len(self._history), self._history))

    @property
    def done(self) -> int:
        """The epochs that were run to their end."""
        return int(self._frame[5])

    @property
    def states(self) -> list[np.ndarray]:
        """What each state was at the end of these epochs: (epochs, shape)."""
        return kept(self._history[: self.done], self._states)


def kept(rows: np.ndarray, states: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What each state was, where a row of words holds one state after the other."""
    found, at = [], 0
    for s in states:
        words = np.ascontiguousarray(rows[:, at : at + s.size])
        found.append(words.view(s.dtype).reshape(len(rows), *s.shape))
        at += s.size
    return found


@functools.cache  # asked every 50 ms
def _compiled(source: str) -> Callable[..., int]:
    made = cache.load(source, "epochs").run
    return next(iter(made.overloads.values())).entry_point


def _source(kinds: Sequence[str]) -> str:
    return _SOURCE.format(
        numbers=len(kinds),
        fixed=_FIXED,
        states=_FIXED + len(kinds),
        time=_TIME,
        kinds=" ".join(kinds),
    )
