"""Losses as metrics, under the names and with the settings that Keras gives them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from graphdl import losses
from graphdl.core.graph import Node
from graphdl.losses.base import Loss, same_form
from graphdl.metrics.reduction import LossMetric, MeanOfExamples
from graphdl.ops.arithmetic import square


class _Plain(LossMetric):
    of: ClassVar[type[Loss]]

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(self.of(), name, dtype)


class MeanSquaredError(_Plain):
    """The mean of (ŷ − y)²."""

    of = losses.MeanSquaredError


class MeanAbsoluteError(_Plain):
    """The mean of |ŷ − y|."""

    of = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(_Plain):
    """The mean of 100·|ŷ − y| / max(|y|, 1e-7)."""

    of = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(_Plain):
    """The mean of (log(1 + ŷ) − log(1 + y))²."""

    of = losses.MeanSquaredLogarithmicError


class Hinge(_Plain):
    """The mean of max(1 − y·ŷ, 0)."""

    of = losses.Hinge


class SquaredHinge(_Plain):
    """The mean of max(1 − y·ŷ, 0)²."""

    of = losses.SquaredHinge


class CategoricalHinge(_Plain):
    """The mean of max(1 + max((1 − y)·ŷ) − Σ y·ŷ, 0)."""

    of = losses.CategoricalHinge


class KLDivergence(_Plain):
    """The mean of Σ y·log(y/ŷ)."""

    of = losses.KLDivergence


class Poisson(_Plain):
    """The mean of ŷ − y·log ŷ."""

    of = losses.Poisson


class LogCoshError(LossMetric):
    """The mean of log cosh(ŷ − y)."""

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(losses.LogCosh(), name, dtype)


class RootMeanSquaredError(MeanOfExamples):
    """√ of the mean of (ŷ − y)²."""

    direction = "min"

    def values(self, y_true: Node, y_pred: Node) -> Node:
        y, p = same_form(y_true, y_pred)
        return square(p - y)

    def result(self) -> float:
        return float(np.sqrt(super().result()))


class CosineSimilarity(MeanOfExamples):
    """The mean of Σ y·ŷ / (|y|·|ŷ|): 1 where they point the same way, the loss with its sign."""

    direction = "max"

    def __init__(self, name: str | None = None, dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


class BinaryCrossentropy(LossMetric):
    """The mean of −y·log ŷ − (1−y)·log(1−ŷ)."""

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits, self.label_smoothing = bool(from_logits), label_smoothing


class CategoricalCrossentropy(LossMetric):
    """The mean of −Σ y·log ŷ."""

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        loss = losses.CategoricalCrossentropy(from_logits, label_smoothing, axis)
        super().__init__(loss, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = loss.from_logits, label_smoothing, axis


class SparseCategoricalCrossentropy(LossMetric):
    """The mean of −log ŷ[y] over the examples that are not of `ignore_class`."""

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
        super().__init__(loss, name, dtype)
        self.from_logits, self.ignore_class, self.axis = loss.from_logits, ignore_class, axis
