"""How often a prediction is right."""

from __future__ import annotations

from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.losses.base import same_form
from graphdl.losses.crossentropy import class_label
from graphdl.metrics.base import whole_numbers
from graphdl.metrics.reduction import MeanOfExamples
from graphdl.ops.arithmetic import equal
from graphdl.ops.build import cast
from graphdl.ops.index import one_hot
from graphdl.ops.reduce import argmax, mean
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import number, whole


class Accuracy(MeanOfExamples):
    """How often ŷ is y, element by element."""

    direction = "max"

    def values(self, y_true: Node, y_pred: Node) -> Node:
        y, p = same_form(y_true, y_pred)
        return _share(equal(y, p), p.dtype)


class BinaryAccuracy(MeanOfExamples):
    """How often round(ŷ) is y: the share of elements with (ŷ > threshold) = y."""

    direction = "max"

    def __init__(
        self, name: str | None = None, dtype: str | None = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype)
        self.threshold = number("threshold", threshold, -float("inf"))

    def values(self, y_true: Node, y_pred: Node) -> Node:
        y, p = same_form(y_true, y_pred)
        return _share(equal(y, cast(p > self.threshold, p.dtype)), p.dtype)


class CategoricalAccuracy(MeanOfExamples):
    """How often the largest ŷ is at the largest y."""

    direction = "max"

    def build(self, y_true: Node, y_pred: Node) -> None:
        several_classes(y_pred)
        same_form(y_true, y_pred)

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return cast(equal(argmax(y_true, -1), argmax(y_pred, -1)), y_pred.dtype)


class _OfClassNumbers(MeanOfExamples):
    """A metric whose targets are the numbers of classes."""

    def targets(self, y_true: Any) -> Any:
        return whole_numbers(y_true, self.name)

    def build(self, y_true: Node, y_pred: Node) -> None:
        several_classes(y_pred)
        class_numbers(y_true, y_pred)


class SparseCategoricalAccuracy(_OfClassNumbers):
    """How often the largest ŷ is at the class y."""

    direction = "max"

    def values(self, y_true: Node, y_pred: Node) -> Node:
        label = class_label(y_true, y_pred, -1)
        return cast(equal(label, argmax(y_pred, -1)), y_pred.dtype)


class TopKCategoricalAccuracy(MeanOfExamples):
    """How often the largest y is at one of the k largest ŷ."""

    direction = "max"

    def __init__(self, k: int = 5, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name or "top_k_categorical_accuracy", dtype)
        self.k = whole("k", k)

    def build(self, y_true: Node, y_pred: Node) -> None:
        several_classes(y_pred, self.k)
        same_form(y_true, y_pred)

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return _among_first(argmax(y_true, -1), y_pred, self.k)


class SparseTopKCategoricalAccuracy(_OfClassNumbers):
    """How often the class y is one of the k largest ŷ."""

    direction = "max"

    def __init__(self, k: int = 5, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name or "sparse_top_k_categorical_accuracy", dtype)
        self.k = whole("k", k)

    def build(self, y_true: Node, y_pred: Node) -> None:
        several_classes(y_pred, self.k)
        class_numbers(y_true, y_pred)

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return _among_first(class_label(y_true, y_pred, -1), y_pred, self.k)


def _share(hit: Node, dtype: str) -> Node:
    """The share of hits in each example."""
    hits = cast(hit, dtype)
    return mean(hits, -1) if hits.rank > 1 else hits


def _among_first(label: Node, p: Node, k: int) -> Node:
    """1 where fewer than k predictions exceed that of the label: a tie counts as within."""
    own = sum_(one_hot(label, p.shape[-1], p.dtype) * p, -1, keepdims=True)
    return cast(sum_(cast(p > own, p.dtype), -1) < k, p.dtype)


def several_classes(y_pred: Node, k: int = 1) -> None:
    """Raise ShapeError unless there are several classes, and at least k, along the last axis."""
    classes = y_pred.shape[-1] if y_pred.rank > 1 else 1
    if not isinstance(classes, int) or classes == 1:
        raise ShapeError("it takes a prediction for each of several classes, along the last axis")
    if k > classes:
        raise ShapeError(f"there are no {k} largest of {classes} classes; choose a smaller k")


def class_numbers(y_true: Node, y_pred: Node) -> None:
    """Raise ShapeError unless the targets are whole numbers, one for each row of predictions."""
    column = y_true.rank == y_pred.rank and y_true.shape[-1] == 1
    if y_true.type.is_float or not (column or y_true.rank == y_pred.rank - 1):
        raise ShapeError(
            f"its targets are whole numbers of classes, one for each example, not {y_true.type}; "
            "for one-hot rows use the metric without 'sparse'"
        )
