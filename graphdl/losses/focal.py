"""Focal cross-entropies: what is already told well counts little, by the factor (1 − p)^γ.

p is the probability of the truth. The factor is taken from the probability itself, the logarithm
from the logits where they are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.losses.base import same_form
from graphdl.losses.crossentropy import OfClasses, OfProbabilities, class_rows, smoothed
from graphdl.ops.arithmetic import power, where
from graphdl.ops.build import public
from graphdl.ops.entropy import bce
from graphdl.ops.functions import sigmoid
from graphdl.ops.reduce import log_softmax, mean, softmax
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.surprisal import class_surprisal
from graphdl.registry import number


@public
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Node:
    """The mean over an axis of (1 − p)^γ · binary_crossentropy, p = y·ŷ + (1−y)·(1−ŷ).

    apply_class_balancing: times α for the class 1 and 1 − α for the class 0.
    """
    y, p = same_form(y_true, y_pred)
    y = smoothed(y, label_smoothing, 2)
    right, wrong = (sigmoid(p), sigmoid(-p)) if from_logits else (p, 1 - p)
    loss = _damping(y * wrong + (1 - y) * right, gamma) * bce(y, p, from_logits=from_logits)
    if apply_class_balancing:
        loss = (y * alpha + (1 - y) * (1 - alpha)) * loss
    return mean(loss, axis)


@public
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Node:
    """−α·Σ y·(1 − ŷ)^γ·log ŷ along an axis; ŷ is first divided by its sum."""
    y, p = class_rows(y_true, y_pred, axis, "categorical_focal_crossentropy")
    y = smoothed(y, label_smoothing, y.shape[-1])
    share = softmax(p) if from_logits else p / sum_(p, -1, keepdims=True)
    surprise = -log_softmax(p) if from_logits else class_surprisal(p)
    return sum_(alpha * _damping(1 - share, gamma) * (y * surprise), -1)


def _damping(doubt: Node, gamma: float) -> Node:
    """doubt^γ. For γ < 1 its slope is infinite at 0, where the loss it multiplies is 0 as well:

    below the smallest normal number both are taken as 0.
    """
    if gamma == 0:
        return power(doubt, 0.0)
    if gamma >= 1:
        return power(doubt, gamma)
    tiny = float(np.finfo(doubt.dtype).tiny)
    return where(doubt > tiny, power(doubt, gamma), 0.0)


class BinaryFocalCrossentropy(OfProbabilities):
    """(1 − p)^gamma · (−log p), p the probability given to the truth

    apply_class_balancing: times alpha for the class 1, 1 − alpha for the class 0.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha, self.gamma = number("alpha", alpha, 0, 1), number("gamma", gamma)

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return binary_focal_crossentropy(
            y_true, y_pred, self.apply_class_balancing, self.alpha, self.gamma, self.from_logits,
            self.label_smoothing, self.axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(OfClasses):
    """−alpha·Σ y·(1 − ŷ)^gamma·log ŷ, y a probability for each class"""

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.alpha, self.gamma = number("alpha", alpha), number("gamma", gamma)

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing,
            self.axis,
        )  # fmt: skip
