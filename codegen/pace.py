"""How many threads run a program: the cost model proposes, the clock decides.

A core that other programs use, or that a container may not have, makes a team slower than one thread.
Bits do not depend on the number of threads, so both ways are tried on the work itself, a few steps at a
time, and the faster one goes on. A step that is long is run by many from the first. Between two trials
only the time of the work itself counts: where another program takes turns with this one, a trial would
otherwise always come first in a turn, while that one's threads are still about.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from codegen import team

SHORT = 3e-4  # seconds of work for which no helper is woken
TRIAL = 2e-3  # seconds that the slower way is tried, at least …
TIMES = 3  # … so many times: the best one counts, since the first finds helpers asleep, caches cold
AGAIN = 0.05
"""Seconds of work until the next trial, and twice as many each time that nothing changes."""
LONGEST = 5.0
CLEAR = 0.7  # of the other way's time: who needs less than that is seldom asked again …
SELDOM = 60.0  # … after so many seconds


class Pace:
    """The seconds a step takes, on one thread and on many."""

    def __init__(self, predicted: Callable[[int], float]) -> None:
        self._predicted = predicted
        self._limit = 0

    def plan(self, steps: int) -> list[tuple[int, int]]:
        """How to run so many steps: (threads, steps) in order."""
        if self._limit != team.threads():
            self._begin(team.threads())
        if self.many == 1:
            return [(1, steps)]
        if not self._seconds:
            self._usual = self.many if self._predicted(1) > TRIAL else 1
            return [(self._usual, steps)]
        if steps * max(self._seconds.values()) < SHORT:
            return [(1, steps)]
        self._judge()
        if self._spent < self._due:
            return [(self._usual, steps)]
        self._tried = True
        other = 1 if self._usual > 1 else self.many
        each = 1 + int(TRIAL / self._seconds[self._usual])
        times = TIMES if each > 1 else 1  # a long step is a trial by itself
        if steps <= times * each:
            return [(other, steps)]
        return [*[(other, each)] * times, (self._usual, steps - times * each)]

    def note(self, threads: int, steps: int, seconds: float) -> None:
        """What a run has taken."""
        self._spent += seconds
        before, step = self._seconds.get(threads, math.inf), seconds / steps
        trial = threads != self._usual or before == math.inf
        self._seconds[threads] = min(before, step) if trial else (before + step) / 2

    def _judge(self) -> None:
        """Is there a new winner, by a trial or since the usual way has become slow?"""
        before, self._usual = self._usual, min(self._seconds, key=self._seconds.__getitem__)
        same = self._usual == before
        if self._tried or not same:
            self._patience = min(2 * self._patience, LONGEST) if same else AGAIN
            clear = self._seconds[self._usual] < CLEAR * max(self._seconds.values())
            wait = SELDOM if clear and self._usual > 1 else self._patience
            self._due, self._tried = self._spent + wait, False

    def _begin(self, limit: int) -> None:
        """Forget what was measured; the cost model says how many threads are many."""
        self._limit, self._usual, self._seconds = limit, 1, {}
        self._spent = self._due = 0.0
        self._patience, self._tried = AGAIN / 2, False
        self.many = min(range(1, limit + 1), key=self._predicted)
