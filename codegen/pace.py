"""How many threads run a program: the cost model proposes, the clock decides.

A core that other programs use, or that a container may not have, makes a team slower than one thread.
Bits do not depend on the number of threads, so both ways are tried on the work itself, a few steps at a
time, and the faster one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from codegen import team

SHORT = 3e-4  # seconds of work for which no helper is woken
TRIAL = 2e-3  # seconds that the slower way is tried …
AGAIN = (
    0.5  # … after so many seconds, and each time that it stays the slower one after twice as many
)
LONGEST = 30.0


class Pace:
    """The seconds a step takes, on one thread and on many."""

    def __init__(self, predicted: Callable[[int], float]) -> None:
        self._predicted = predicted
        self._limit = 0

    def plan(self, steps: int) -> list[tuple[int, int]]:
        """How to run so many steps: (threads, steps) in order."""
        if self._limit != team.threads():
            self._begin(team.threads())
        one = self._seconds.get(1)
        if self.many == 1 or one is None or steps * one < SHORT:
            return [(1, steps)]
        usual = self._faster()
        other = 1 if usual > 1 else self.many
        if other in self._seconds and time.perf_counter() < self._due:
            return [(usual, steps)]
        trial = min(steps, 1 + int(TRIAL / self._seconds[usual]))
        return [(other, trial), (usual, steps - trial)] if trial < steps else [(other, steps)]

    def note(self, threads: int, steps: int, seconds: float) -> None:
        """What a run has taken."""
        usual = self._faster()
        before = self._seconds.get(threads)
        step = seconds / steps
        self._seconds[threads] = step if before is None else (before + step) / 2
        if threads != usual:  # a trial: is there a new winner?
            same = self._faster() == usual
            self._patience = min(2 * self._patience, LONGEST) if same else AGAIN
            self._due = time.perf_counter() + self._patience

    def _begin(self, limit: int) -> None:
        """Forget what was measured; the cost model says how many threads are many."""
        self._limit, self._seconds = limit, {}
        self._due, self._patience = 0.0, AGAIN
        self.many = min(range(1, limit + 1), key=self._predicted)

    def _faster(self) -> int:
        return min(self._seconds, key=self._seconds.__getitem__, default=1)
