"""One line of progress as text: counts, a bar, times and values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphdl.table import printable

BAR_CELLS = 20
SHOWN = 4  # numbers of a metric that has several
_GREEN, _GREY, _BOLD, _PLAIN = "\x1b[32m", "\x1b[90m", "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Line:
    """Where an epoch stands, to be written with a bar or plain. Times are in seconds.

    steps: how many there are, or None where nobody knows.
    """

    step: int
    steps: int | None
    seconds: float
    a_step: float
    logs: Mapping[str, float]

    def with_bar(self, colour: bool) -> str:
        filled = BAR_CELLS * self.step // max(self.steps, 1) if self.steps is not None else 0
        done, rest, count = "━" * filled, "─" * (BAR_CELLS - filled), self._count()
        if colour:
            count = f"{_BOLD}{count}{_PLAIN}"
            done, rest = f"{_GREEN}{done}{_PLAIN}", f"{_GREY}{rest}{_PLAIN}" if rest else ""
        return f"{count} {done}{rest} {format_duration(self.seconds)} {self._tail()}"

    def plain(self) -> str:
        return f"{self._count()} - {format_duration(self.seconds)} - {self._tail()}"

    def _count(self) -> str:
        if self.steps is None:
            return f"{self.step}/?"
        return f"{self.step:>{len(str(self.steps))}}/{self.steps}"

    def _tail(self) -> str:
        values = [f"{printable(name)}: {format_value(value)}" for name, value in self.logs.items()]
        return " - ".join([format_step_time(self.a_step), *values])


def format_duration(seconds: float) -> str:
    """``7s``, ``1:05``, ``2:00:09``."""
    whole = int(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours}:{minutes % 60:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}" if minutes else f"{whole}s"


def format_step_time(seconds: float) -> str:
    """``2s/step``, ``12ms/step``, ``7µs/step``."""
    if seconds >= 1:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}µs/step"


def format_value(value: float | np.ndarray) -> str:
    """Four digits after the point, with an exponent where these would show next to nothing.

    Of an array the first few numbers.
    """
    if np.ndim(value):
        shown = [format_value(v) for v in np.ravel(value)[:SHOWN]]
        return f"[{' '.join(shown)}{' …' if np.size(value) > SHOWN else ''}]"
    value = float(value)
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"
