"""Epochs of a program on a device, all handed over before the host looks at one of them.

There is a row of whole numbers for each epoch: the clock, then the states, as they are when it begins.
The device copies them from there, runs the steps, and copies back what has become of the states and of
the clock's status; so the host asks once, at the end. The status itself is set for the first epoch
alone: once a guard has ended the run, the kernels of later epochs do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from codegen.cuda.clock import FIELDS
from codegen.cuda.current import mirrors
from codegen.cuda.interface import Device
from codegen.cuda.mirrors import allocated
from codegen.epochs import Shuffle, kept

WORD = 8  # bytes
CLOCK = len(FIELDS)  # words of a row before the states
STATUS, TIME, LAST = (FIELDS[f] for f in ("status", "time", "last"))


class Part(NamedTuple):
    """Some words of a row, and the address on the device at which they belong."""

    first: int
    words: int
    place: int


class EpochsOnDevice:
    """What `codegen.epochs.Epochs` is to the CPU.

    ready: sees that all is on the device that the launches need; returns what hands over the steps of
    one epoch. clock: what it says when the first epoch begins; clock_at: where the device has it.
    states: places on the host of variables of the program, which `holder` has placed.
    """

    def __init__(
        self, device: Device, ready: Callable[[], Callable[[], None]], clock: np.ndarray,
        clock_at: int, shuffle: Shuffle | None, states: Sequence[np.ndarray], holder: Any,
        epochs: int,
    ) -> None:  # fmt: skip
        self._device, self._ready, self._clock_at = device, ready, clock_at
        self._shuffle, self._states, self._holder = shuffle, states, holder
        self._steps, self._taken = int(clock[LAST]), int(clock[TIME])
        self._rows = np.zeros((epochs, CLOCK + sum(s.size for s in states)), np.int64)
        self._rows[:, :CLOCK] = clock
        self._rows[:, TIME] += self._steps * np.arange(epochs)
        self.done = 0
        """The epochs that were run to their end."""

    def run(self) -> int:
        """Run them; returns 0, or 1 + the step, counted through all epochs, that a guard refused."""
        handed = status = 0
        with self._device.lock:
            try:
                for epoch in range(len(self._rows)):
                    self._hand_over(epoch)
                    handed = epoch + 1
            finally:  # whatever has broken it off, what was done is known
                status = self._collect(handed)
        return status

    @property
    def states(self) -> list[np.ndarray]:
        """What each state was at the end of these epochs: (epochs, shape)."""
        return kept(self._rows[: self.done, CLOCK:], self._states)

    def _hand_over(self, epoch: int) -> None:
        self._mix(epoch)
        steps = self._ready()
        clock = [(0, CLOCK)] if epoch == 0 else [(0, STATUS), (STATUS + 1, CLOCK)]
        self._set(epoch, [*(self._clock(*span) for span in clock), *self._parts])
        steps()
        row = self._row(epoch)
        for part in (self._clock(STATUS, STATUS + 1), *self._parts):
            self._device.copy(row + part.first * WORD, part.place, part.words * WORD)

    def _set(self, epoch: int, parts: Sequence[Part]) -> None:
        """Copy parts of a row to where they belong."""
        row = self._row(epoch)
        for part in parts:
            self._device.copy(part.place, row + part.first * WORD, part.words * WORD)

    def _mix(self, epoch: int) -> None:
        """Fill the order with that of an epoch; the device has its own copy of the one before."""
        if self._shuffle is not None:
            taken = self._taken + epoch * self._steps
            self._shuffle.fill(self._shuffle.order, self._shuffle.seed, taken)
            mirrors(self._device).renew(self._shuffle.order)

    def _collect(self, handed: int) -> int:
        """Download the rows of these epochs; returns the status. What is left is that of the last."""
        if not handed or self._device.lost:
            return 0
        self._device.download(self._at, self._rows[:handed])
        refused = np.flatnonzero(self._rows[:handed, STATUS])
        self.done = int(refused[0]) if refused.size else handed
        if not refused.size:
            return 0
        self._set(self.done, self._parts)
        self._mix(self.done)
        return self.done * self._steps + int(self._rows[self.done, STATUS])

    # -------------------------------------------------- places on the device

    @cached_property
    def _at(self) -> int:
        """Where the rows are, as they are before the first epoch."""
        at = allocated(self, self._device, self._rows.nbytes, "the metrics of epochs")
        self._device.upload(at, self._rows)
        return at

    def _row(self, epoch: int) -> int:
        return self._at + epoch * self._rows.strides[0]

    def _clock(self, first: int, stop: int) -> Part:
        return Part(first, stop - first, self._clock_at + first * WORD)

    @cached_property
    def _parts(self) -> list[Part]:
        """The states."""
        found, first = [], CLOCK
        for s in self._states:
            place = mirrors(self._device).of_variable(s, self._holder).place_of(s)
            found.append(Part(first, s.size, place))
            first += s.size
        return found
