"""Watching one quantity of the logs: is its new value better than the best so far?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graphdl import losses
from graphdl.callbacks.base import Callback, Reported
from graphdl.registry import number

GROWS = ("acc", "accuracy", "auc", "precision", "recall", "score")
FALLS = ("loss", "error", "crossentropy")


class MonitorCallback(Callback):
    """Base of the callbacks that watch `monitor`, a name in the logs such as "val_loss".

    mode: "min" (less is better), "max", or "auto": the metric's own `direction` ("min" or "max"), and
    where it has none, what its name says. min_delta: a change must be larger than this to count.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        who = type(self).__name__
        if not isinstance(monitor, str) or not monitor:
            raise TypeError(f"{who}: monitor is the name of a loss or metric, got {monitor!r:.60}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'{who}: mode must be "auto", "min" or "max", got {mode!r:.60}')
        self.monitor, self.mode = monitor, mode
        self.min_delta = number(f"{who}: min_delta", min_delta)
        self._directions: Mapping[str, str] = {}

    def check_logs(self, reported: Reported) -> None:
        reported.require(type(self).__name__, self.monitor)
        self._directions = reported.directions
        self._require_direction()

    def improves(self, value: float, reference: float | None) -> bool:
        """value + δ < reference, or value − δ > reference where more is better.

        Any number is better than none and than NaN; NaN is never better.
        """
        if math.isnan(value) or reference is None or math.isnan(reference):
            return not math.isnan(value)
        if self._require_direction() == "min":
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def _require_direction(self) -> str:
        name = self.monitor.removeprefix("val_")
        found = self._directions.get(name) if self.mode == "auto" else self.mode
        found = found or direction_of_name(name)
        if found is None:
            raise ValueError(
                f"{type(self).__name__}: is less or more of {self.monitor!r} better? Its name does "
                'not say; write mode="min" or mode="max"'
            )
        return found


def direction_of_name(name: str) -> str | None:
    """ "min" for a loss or an error, "max" for an accuracy or a score, None where one cannot tell."""
    if name in losses.KNOWN or name.endswith(FALLS):
        return "min"
    return "max" if name.endswith(GROWS) else None


def threshold(who: str, value: Any) -> float | None:
    """None, or a finite number of either sign."""
    return None if value is None else number(who, value, -math.inf)
