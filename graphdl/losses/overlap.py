"""Losses of overlap: how much of two sets, given as memberships from 0 to 1, is common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphdl.core.graph import Node
from graphdl.losses.base import Loss, same_form
from graphdl.losses.targets import PROBABILITIES
from graphdl.ops.build import like, public
from graphdl.ops.entropy import EPSILON
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import number

Axes = int | Sequence[int] | None


@public
def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Node:
    """1 − 2·Σ y·ŷ / (Σ y + Σ ŷ + ε) along the axes (default: all), ε = 1e-7."""
    y, p = same_form(y_true, y_pred)
    return 1 - 2 * sum_(y * p, axis) / (sum_(y, axis) + sum_(p, axis) + like(p, EPSILON))


@public
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Node:
    """1 − c/(c + α·Σ y·(1−ŷ) + β·Σ ŷ·(1−y) + ε) with c = Σ y·ŷ, along the axes (default: all).

    As in Keras, α weighs what was missed and β what was wrongly found.
    """
    y, p = same_form(y_true, y_pred)
    common, missed, wrong = (sum_(part, axis) for part in (y * p, y * (1 - p), p * (1 - y)))
    return 1 - common / (common + alpha * missed + beta * wrong + like(p, EPSILON))


class Dice(Loss):
    """1 − 2·Σ y·ŷ / (Σ y + Σ ŷ): over the whole batch, or for each example with `axis`."""

    domain = PROBABILITIES

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return dice(y_true, y_pred, self.axis)


class Tversky(Loss):
    """1 − c/(c + alpha·Σ y·(1−ŷ) + beta·Σ ŷ·(1−y)), c = Σ y·ŷ; with 1/2 and 1/2 it is Dice's."""

    domain = PROBABILITIES

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.beta = number("alpha", alpha), number("beta", beta)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)
