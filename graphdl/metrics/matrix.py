"""The confusion matrix of several classes, and how well predicted sets overlap with true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable, apply
from graphdl.losses.base import weight_of
from graphdl.metrics.base import Metric, Result
from graphdl.ops.arithmetic import not_equal, where
from graphdl.ops.build import cast, constant
from graphdl.ops.entropy import EPSILON
from graphdl.ops.index import scatter_op
from graphdl.ops.reduce import argmax
from graphdl.ops.shape import broadcast_to, reshape, squeeze
from graphdl.registry import number, whole


class ConfusionMatrix(Metric):
    """How often class i was taken for class j: `result()[i, j]`, an array (classes, classes).

    sparse_y_true, sparse_y_pred: they are numbers of classes; otherwise the class is where the
    largest of a row is. By default this is read from the shapes: predictions with an axis of
    `num_classes` are rows. ignore_class: targets of this number do not count.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool | None = None,
        sparse_y_pred: bool | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.num_classes = whole("num_classes", num_classes, 2)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self._cells = self.add_variable("total_cm", (self.num_classes, self.num_classes))

    @property
    def matrix(self) -> np.ndarray:
        """A copy of the counts so far."""
        return self._cells.value

    def targets(self, y_true: Any) -> Any:
        labels = np.asarray(y_true)
        if self.sparse_y_true is False or not labels.size:
            return labels
        counted = labels[labels != self.ignore_class] if self.ignore_class is not None else labels
        if counted.size and not 0 <= counted.min() <= counted.max() < self.num_classes:
            raise ValueError(
                f"the metric {self.name!r} has {self.num_classes} classes, numbered from 0; "
                f"y_true goes from {counted.min():g} to {counted.max():g}"
            )
        return labels

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        truth = self._classes(y_true, self.sparse_y_true)
        said = self._classes(y_pred, self.sparse_y_pred)
        truth, said = _same_rank(truth, said), _same_rank(said, truth)
        if truth.rank != said.rank:
            raise ShapeError("it takes one class for each example")
        ones = broadcast_to(constant(1.0, "float64"), truth.type.shape)
        weights = ones if weight is None else ones * weight_of(ones, weight)
        if self.ignore_class is not None:
            counts = not_equal(truth, self.ignore_class)
            truth, weights = where(counts, truth, 0), where(counts, weights, 0.0)
        size = self.num_classes
        flat = apply(scatter_op, weights, truth * size + said, shape=(size * size,), axis=0)
        return {self._cells: self._cells + reshape(flat, (size, size))}

    def _classes(self, a: Node, sparse: bool | None) -> Node:
        """Numbers of classes; rows of one number for each class become the index of the largest."""
        rows = a.rank > 1 and a.shape[self.axis] == self.num_classes and a.type.is_float
        if sparse is False or (sparse is None and rows):
            if a.shape[self.axis] != self.num_classes:
                raise ShapeError(f"it takes rows of {self.num_classes} numbers, one for each class")
            return argmax(a, self.axis)
        return cast(a, "int64")

    def result(self) -> Result:
        return self.matrix


class IoU(ConfusionMatrix):
    """The mean over `target_class_ids` of tp/(tp + fp + fn); absent classes do not count."""

    direction = "max"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = [whole("target_class_ids", c, 0) for c in target_class_ids]
        if max(self.target_class_ids) >= num_classes:
            raise ValueError(
                f"target_class_ids are numbers below {num_classes}, got {self.target_class_ids}"
            )

    def result(self) -> float:
        cells, chosen = self._cells.storage, self.target_class_ids
        common = np.diag(cells)[chosen]
        either = (cells.sum(0) + cells.sum(1))[chosen] - common
        present = either > 1e-9
        shares = np.where(present, common / (either + EPSILON), 0.0)
        return float(shares.sum() / (present.sum() + EPSILON))


class MeanIoU(IoU):
    """The mean over all classes of tp/(tp + fp + fn); absent classes do not count."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(whole("num_classes", num_classes, 2))
        super().__init__(
            num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


class BinaryIoU(IoU):
    """The mean over `target_class_ids` of tp/(tp + fp + fn), the class being ŷ ≥ threshold."""

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = number("threshold", threshold, -float("inf"))

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        return super().updates(y_true, cast(y_pred >= self.threshold, "int64"), weight)


def _same_rank(a: Node, b: Node) -> Node:
    """Without a last axis of length 1 that the other has not."""
    return squeeze(a, -1) if a.rank == b.rank + 1 and a.shape[-1] == 1 else a
