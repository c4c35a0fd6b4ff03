"""What ``fit``, ``evaluate`` and ``predict`` show while they run.

    Epoch 3/20
    34/34 ━━━━━━━━━━━━━━━━━━━━ 0s 12ms/step - accuracy: 0.8711 - loss: 0.4103

On a terminal the second line is live: it is drawn once an epoch has lasted longer than a blink, and
redrawn at most 20 times a second. A notebook gets one output that is replaced in place, so that the
saved file holds the final state. Where nobody watches (a pipe, a log file) an epoch is one line.

Nothing here runs per step: `update` is called after each chunk of steps, and returns at once
between two drawings.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from graphdl.progress.line import Line
from graphdl.progress.screens import INTERVAL, Verbose, screen_for

__all__ = ["Progress", "Verbose"]


class Progress:
    """The display of one call of ``fit``, ``evaluate`` or ``predict``.

    `verbose` is 0 (silent), 1 (a bar), 2 (one line an epoch) or "auto": 1 on a terminal or in a
    notebook, else 2. `epochs` is None where there are none to count (``evaluate``, ``predict``):
    no headline is printed then. `steps` is the number of steps an epoch has, None where nobody knows;
    it may be set before each. `stream` is ``sys.stdout`` unless given.

    Use it as a context manager: an error or an interrupt then leaves the terminal as it was found.
    """

    def __init__(
        self,
        verbose: Verbose = "auto",
        epochs: int | None = None,
        steps: int | None = 1,
        stream: TextIO | None = None,
    ) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, not {verbose!r}')
        self._epochs = epochs
        self.steps = steps
        self._screen = screen_for(verbose, stream)
        self.quiet = verbose == 0  # nothing to work out where nobody looks
        self._headline = ""
        self._done = 0
        self._started = self._reported = self._drawn = 0.0

    def begin_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch, counted from 0. Compile before: that is no step's time."""
        if self.quiet:
            return
        self._headline = "" if self._epochs is None else f"Epoch {epoch + 1}/{self._epochs}"
        self._done = 0
        self._screen.begin(self._headline)
        self._started = self._reported = self._drawn = time.perf_counter()

    def update(self, step: int, logs: Mapping[str, float]) -> None:
        """Report that `step` steps of the epoch are done, and the means of `logs` so far."""
        if self.quiet:
            return
        self._done = step
        self._reported = now = time.perf_counter()
        if self._screen.live and now - self._drawn >= INTERVAL and step != self.steps:
            self._screen.draw(self._headline, self._line(step, self._shown(now), logs))
            self._drawn = now

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Finish the epoch. Its time includes validation, its time a step does not."""
        if self.quiet:
            return
        now = time.perf_counter()
        if self._done == 0:
            self._done, self._reported = self.steps or 0, now
        line = self._line(self.steps or self._done, now - self._started, logs)
        self._screen.finish(self._headline, line)

    def close(self) -> None:
        """Release the terminal: an unfinished bar stays as it stands. Harmless when repeated."""
        self._screen.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _shown(self, now: float) -> float:
        """The seconds that are left, or that have passed where the end is not known."""
        passed = now - self._started
        return (
            passed
            if self.steps is None
            else passed / max(self._done, 1) * (self.steps - self._done)
        )

    def _line(self, step: int, seconds: float, logs: Mapping[str, float]) -> Line:
        a_step = (self._reported - self._started) / max(self._done, 1)
        return Line(step, self.steps, seconds, a_step, logs)
