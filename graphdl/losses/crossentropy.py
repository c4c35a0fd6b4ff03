"""Cross-entropies: of a truth, of a distribution over classes, of the number of a class.

On the output of a sigmoid or softmax they are computed from the logits (rewrite/rules/losses.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_axis
from graphdl.losses.base import Loss, same_form
from graphdl.losses.targets import PROBABILITIES, class_numbers, like_output
from graphdl.ops.arithmetic import not_equal, where
from graphdl.ops.build import cast, operands, public
from graphdl.ops.entropy import bce, cce
from graphdl.ops.index import one_hot
from graphdl.ops.reduce import mean
from graphdl.ops.shape import squeeze, transpose
from graphdl.registry import number


@public
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Node:  # fmt: skip
    """The mean over an axis of −y·log ŷ − (1−y)·log(1−ŷ), with y ← y·(1−s) + s/2."""
    y, p = same_form(y_true, y_pred)
    y = smoothed(y, label_smoothing, 2)
    return mean(bce(y, p, from_logits=from_logits), axis)


@public
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Node:  # fmt: skip
    """−Σ y·log ŷ along an axis; y holds a probability for each class, y ← y·(1−s) + s/classes."""
    y, p = class_rows(y_true, y_pred, axis, "categorical_crossentropy")
    y = smoothed(y, label_smoothing, y.shape[-1])
    return cce(y, p, from_logits=from_logits)


@public
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None,
    axis: int = -1,
) -> Node:  # fmt: skip
    """−log ŷ[y] along an axis; y holds the number of the class. For `ignore_class` it is 0."""
    what = "sparse_categorical_crossentropy"
    p = operands(y_pred, floating=True)[0]
    label = class_label(y_true, p, axis)
    p = last(p, axis)
    many_classes(p, what)
    classes = p.shape[-1]
    if not isinstance(classes, int):
        raise ShapeError(f"{what} needs a known number of classes, got {p.type}")
    if ignore_class is None:
        return cce(one_hot(label, classes, p.dtype), p, from_logits=from_logits)
    counts = not_equal(label, ignore_class)
    hot = one_hot(where(counts, label, 0), classes, p.dtype)
    return where(counts, cce(hot, p, from_logits=from_logits), 0.0)


def class_label(y_true: Any, p: Node, axis: int) -> Node:
    """Numbers of classes, without the axis of the classes where it has length 1."""
    label = cast(y_true if isinstance(y_true, Node) else operands(y_true)[0], "int64")
    along = as_axis(axis, p.rank, "axis")
    return squeeze(label, along) if label.rank == p.rank and label.shape[along] == 1 else label


def smoothed(y: Node, smoothing: float, classes: Any) -> Node:
    """y·(1−s) + s/classes: certainty becomes 1 − s + s/classes, its opposite s/classes."""
    if not smoothing:
        return y
    if not isinstance(classes, int):
        raise ShapeError(f"label_smoothing needs a known number of classes, got {y.type}")
    return y * (1 - smoothing) + smoothing / classes


def class_rows(y_true: Any, y_pred: Any, axis: int, name: str) -> tuple[Node, Node]:
    """Targets and predictions with their classes along the last axis."""
    y, p = same_form(y_true, y_pred)
    y, p = last(y, axis), last(p, axis)
    many_classes(p, name)
    return y, p


def last(a: Node, axis: int) -> Node:
    """The axis moved to the end."""
    k = as_axis(axis, a.rank, "axis")
    return transpose(a, (*(i for i in range(a.rank) if i != k), k))


def many_classes(p: Node, name: str) -> None:
    """One class has probability 1 whatever the weights are: such a loss is constant."""
    if p.shape[-1:] == (1,):
        raise ShapeError(
            f"{name} over one class is the constant 0: softmax of a single unit is 1 for every "
            "weight, so every gradient is 0. For two classes use one sigmoid unit and "
            "'binary_crossentropy', or two softmax units"
        )


class OfProbabilities(Loss):
    """A loss of probabilities, or of the logits before them, whose labels may be smoothed."""

    domain = PROBABILITIES

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number("label_smoothing", label_smoothing, 0, 1)
        self.axis = axis


class OfClasses(OfProbabilities):
    """A loss of probabilities of several classes."""

    def check_target(self, y: Any, output: Node) -> np.ndarray:
        hint = (
            f". {self.name!r} takes one row of probabilities for each example; for class "
            "numbers use 'sparse_categorical_crossentropy'"
        )
        return like_output(y, output, hint)


class BinaryCrossentropy(OfProbabilities):
    """−y·log ŷ − (1−y)·log(1−ŷ)

    from_logits: ŷ is z, the probability being σ(z). label_smoothing: y ← y·(1−s) + s/2.
    """

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return binary_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


class CategoricalCrossentropy(OfClasses):
    """−Σ y·log ŷ, y a probability for each class

    from_logits: ŷ is z, the probabilities being softmax(z). label_smoothing: y ← y·(1−s) + s/classes.
    """

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


class SparseCategoricalCrossentropy(Loss):
    """−log ŷ[y], y the number of the class

    ignore_class: targets of this number count neither in the sum nor in the mean.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if ignore_class is not None and not hasattr(ignore_class, "__index__"):
            raise TypeError(f"ignore_class is the number of a class, got {ignore_class!r:.60}")
        self.from_logits, self.ignore_class, self.axis = bool(from_logits), ignore_class, axis

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def mask(self, y_true: Node, y_pred: Node) -> Node | None:
        if self.ignore_class is None:
            return None
        return not_equal(class_label(y_true, y_pred, self.axis), self.ignore_class)

    def target_type(self, output: Node) -> tuple[tuple, str]:
        along = as_axis(self.axis, output.rank, "axis")
        return tuple(d for i, d in enumerate(output.shape) if i not in (0, along)), "int64"

    def check_target(self, y: Any, output: Node) -> np.ndarray:
        return class_numbers(y, output, self.axis, self.ignore_class)
