"""Losses of numbers: the errors, Huber's loss, log cosh, the cosine. e = ŷ − y."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Node
from graphdl.core.types import as_axis
from graphdl.losses.base import Loss, Plain, same_form
from graphdl.ops.arithmetic import absolute, maximum, square, where
from graphdl.ops.build import like, public
from graphdl.ops.entropy import EPSILON
from graphdl.ops.functions import log1p
from graphdl.ops.functions import log_cosh as log_cosh_of
from graphdl.ops.reduce import mean, norm
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import number


@public
def mean_squared_error(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of (ŷ − y)²."""
    y, p = same_form(y_true, y_pred)
    return mean(square(p - y), -1)


@public
def mean_absolute_error(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of |ŷ − y|; its gradient is 0 where they are equal."""
    y, p = same_form(y_true, y_pred)
    return mean(absolute(p - y), -1)


@public
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Node:
    """100 times the mean over the last axis of |ŷ − y| / max(|y|, ε), ε = 1e-7."""
    y, p = same_form(y_true, y_pred)
    return 100 * mean(absolute((y - p) / maximum(absolute(y), like(y, EPSILON))), -1)


@public
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of (log(1 + ŷ) − log(1 + y))², both at least ε = 1e-7."""
    y, p = same_form(y_true, y_pred)
    least = like(p, EPSILON)
    return mean(square(log1p(maximum(p, least)) - log1p(maximum(y, least))), -1)


@public
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Node:
    """The mean over the last axis of e²/2 where |e| ≤ δ, and δ·|e| − δ²/2 beyond."""
    y, p = same_form(y_true, y_pred)
    size = absolute(p - y)
    return mean(where(size <= delta, 0.5 * square(p - y), delta * size - 0.5 * delta**2), -1)


@public
def log_cosh(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of log cosh(ŷ − y): e²/2 for small e, |e| − log 2 for large."""
    y, p = same_form(y_true, y_pred)
    return mean(log_cosh_of(p - y), -1)


@public
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Node:
    """−Σ y·ŷ / (|y|·|ŷ|) along an axis: −1 where they point the same way, 1 where opposite."""
    y, p = same_form(y_true, y_pred)
    along = as_axis(axis, p.rank, "cosine_similarity")
    return -sum_(_direction(y, along) * _direction(p, along), along)


def _direction(a: Node, axis: int) -> Node:
    """a / max(|a|, ε): a vector of length 1, and 0 for 0."""
    return a / maximum(norm(a, axis, keepdims=True), like(a, EPSILON))


class MeanSquaredError(Plain):
    """The mean of (ŷ − y)²."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Plain):
    """The mean of |ŷ − y|."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(Plain):
    """The mean of 100·|ŷ − y| / max(|y|, 1e-7)."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Plain):
    """The mean of (log(1 + ŷ) − log(1 + y))², both at least 1e-7."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return mean_squared_logarithmic_error(y_true, y_pred)


class LogCosh(Plain):
    """The mean of log cosh(ŷ − y)."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return log_cosh(y_true, y_pred)


class Huber(Loss):
    """The mean of e²/2 where |e| ≤ delta, and delta·|e| − delta²/2 beyond."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = number("delta", delta)

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return huber(y_true, y_pred, self.delta)


class CosineSimilarity(Loss):
    """−Σ y·ŷ / (|y|·|ŷ|) along `axis`."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return cosine_similarity(y_true, y_pred, self.axis)
