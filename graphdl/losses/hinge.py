"""Hinge losses: of classes −1 and 1 (or 0 and 1), and of one class among several."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Node
from graphdl.losses.base import Plain, same_form
from graphdl.losses.targets import PROBABILITIES, SIGNS
from graphdl.ops.arithmetic import equal, square, where
from graphdl.ops.build import cast, public
from graphdl.ops.functions import relu
from graphdl.ops.reduce import max as max_
from graphdl.ops.reduce import mean
from graphdl.ops.reduce import sum as sum_


def _signs(y: Node) -> Node:
    """Labels as −1 and 1: where all are 0 or 1, 2y − 1; any others stay."""
    other = cast(~(equal(y, 0) | equal(y, 1)), y.dtype)
    return where(equal(sum_(other), 0), 2 * y - 1, y)


@public
def hinge(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of max(1 − y·ŷ, 0), y being −1 or 1 (0 and 1 are converted)."""
    y, p = same_form(y_true, y_pred)
    return mean(relu(1 - _signs(y) * p), -1)


@public
def squared_hinge(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of max(1 − y·ŷ, 0)², y being −1 or 1 (0 and 1 are converted)."""
    y, p = same_form(y_true, y_pred)
    return mean(square(relu(1 - _signs(y) * p)), -1)


@public
def categorical_hinge(y_true: Any, y_pred: Any) -> Node:
    """max(1 + n − p, 0) over the last axis: p = Σ y·ŷ, n the largest (1 − y)·ŷ; y is one-hot."""
    y, p = same_form(y_true, y_pred)
    return relu(max_((1 - y) * p, -1) - sum_(y * p, -1) + 1)


class Hinge(Plain):
    """The mean of max(1 − y·ŷ, 0)."""

    domain = SIGNS

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return hinge(y_true, y_pred)


class SquaredHinge(Plain):
    """The mean of max(1 − y·ŷ, 0)²."""

    domain = SIGNS

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Plain):
    """The mean of max(1 + max((1 − y)·ŷ) − Σ y·ŷ, 0)."""

    domain = PROBABILITIES

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return categorical_hinge(y_true, y_pred)
