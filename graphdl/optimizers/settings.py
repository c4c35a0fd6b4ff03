"""Checks of what optimizers are given, each with a message that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphdl.core.graph import Variable
from graphdl.core.types import floatx
from graphdl.ops.build import variable
from graphdl.registry import number, whole
from graphdl.schedules import LearningRateSchedule


def share(what: str, value: Any) -> float:
    """A number from 0 to below 1: how much of a running mean stays."""
    return number(what, value, 0, 1, lambda b: b < 1)


def above_zero(what: str, value: Any) -> float:
    """A number that is not 0 either."""
    return number(what, value, check=lambda limit: limit > 0)


def at_least_two(what: str, value: Any) -> int:
    """A whole number from 2 on."""
    return whole(what, value, 2)


def optional(check: Callable[[str, Any], Any], what: str, value: Any) -> Any:
    """None, or what passes the check."""
    return None if value is None else check(what, value)


def rate_of(value: Any) -> Variable | LearningRateSchedule:
    """A schedule as it is; a number as a variable, so that it may change between two steps."""
    if isinstance(value, LearningRateSchedule):
        return value
    if callable(value):
        raise TypeError(
            f"learning_rate is a number or a schedule (gd.optimizers.schedules), got {value!r:.60}"
        )
    return variable(number("learning_rate", value), "learning_rate", floatx())
