"""Losses: one number for each example (functions), one for the batch (classes). Formulas are Keras's.

A function takes targets and predictions, nodes or arrays, and reduces the last axis. A class adds the
reduction over the batch: by default Σ loss·weight / number of examples.
"""

from __future__ import annotations

from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.ops.arithmetic import square
from graphdl.ops.build import cast, operands, public
from graphdl.ops.entropy import bce, cce
from graphdl.ops.index import one_hot
from graphdl.ops.reduce import mean
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import expand_dims, reshape, squeeze
from graphdl.registry import lookup


@public
def mean_squared_error(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of (ŷ − y)²."""
    y, p = same_form(y_true, y_pred)
    return mean(square(p - y), -1)


@public
def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Node:
    """The mean over the last axis of −y·log ŷ − (1−y)·log(1−ŷ)."""
    y, p = same_form(y_true, y_pred)
    return mean(bce(y, p, from_logits=from_logits), -1)


@public
def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Node:
    """−Σ y·log ŷ over the last axis; y holds a probability for each class."""
    y, p = same_form(y_true, y_pred)
    _many_classes(p, "categorical_crossentropy")
    return cce(y, p, from_logits=from_logits)


@public
def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Node:
    """−log ŷ[y] over the last axis; y holds the number of the class."""
    p = operands(y_pred, floating=True)[0]
    _many_classes(p, "sparse_categorical_crossentropy")
    label = y_true if isinstance(y_true, Node) else operands(y_true)[0]
    if label.rank == p.rank and label.shape[-1] == 1:
        label = reshape(label, label.type.shape[:-1])
    classes = p.shape[-1]
    if not isinstance(classes, int):
        raise ShapeError(
            f"sparse_categorical_crossentropy needs a known number of classes, got {p.type}"
        )
    hot = one_hot(cast(label, "int64"), classes, p.dtype)
    return cce(hot, p, from_logits=from_logits)


def same_form(y_true: Any, y_pred: Any) -> tuple[Node, Node]:
    """Targets and predictions of one shape: n numbers and a column of n are the same examples.

    Broadcasting them would silently compare each target with each prediction.
    """
    y, p = operands(y_true, y_pred, floating=True)
    if y.rank == p.rank + 1 and y.shape[-1] == 1:
        y, p = (y, expand_dims(p, -1)) if p.rank == 1 else (squeeze(y, -1), p)
    elif p.rank == y.rank + 1 and p.shape[-1] == 1:
        y = expand_dims(y, -1)
    fits = y.rank == p.rank and all(
        a == b or isinstance(a, Size) or isinstance(b, Size)
        for a, b in zip(y.shape, p.shape, strict=True)
    )
    if not fits:
        raise ShapeError(f"targets {y.type} and predictions {p.type} must have the same shape")
    return y, p


def weight_of(values: Node, sample_weight: Any) -> Node:
    """One weight an example, in the form of the values it multiplies."""
    weight = cast(operands(sample_weight)[0], values.dtype)
    if weight.rank == values.rank + 1 and weight.shape[-1] == 1:
        weight = squeeze(weight, -1)
    if weight.rank > values.rank:
        raise ShapeError(
            f"sample_weight {weight.type} has more axes than the values, {values.type}"
        )
    while weight.rank and weight.rank < values.rank:
        weight = expand_dims(weight, -1)
    return weight


def _many_classes(p: Node, name: str) -> None:
    """One class has probability 1 whatever the weights are: such a loss is constant."""
    if p.shape[-1:] == (1,):
        raise ShapeError(
            f"{name} over one class is the constant 0: softmax of a single unit is 1 for every "
            "weight, so every gradient is 0. For two classes use one sigmoid unit and "
            "'binary_crossentropy', or two softmax units"
        )


class Loss:
    """A loss of a batch: `__call__(y_true, y_pred, sample_weight=None)` gives a scalar.

    reduction: "sum_over_batch_size" (default), "sum", or None for one number an example.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        if reduction not in ("sum_over_batch_size", "mean", "sum", "none", None):
            raise ValueError(
                f"unknown reduction {reduction!r}; use 'sum_over_batch_size', 'sum' or None"
            )
        self.reduction, self.name = reduction, name or type(self).__name__

    def call(self, y_true: Any, y_pred: Any) -> Node:
        """The loss of each example."""
        raise NotImplementedError

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return public(self._reduced)(y_true, y_pred, sample_weight)

    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Node:
        values = operands(self.call(y_true, y_pred))[0]
        if sample_weight is not None:
            values = values * weight_of(values, sample_weight)
        if self.reduction in ("none", None):
            return values
        return sum_(values) if self.reduction == "sum" else mean(values)


class MeanSquaredError(Loss):
    """The mean of (ŷ − y)²."""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return mean_squared_error(y_true, y_pred)


class _FromLogits(Loss):
    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None) -> None:  # fmt: skip
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)


class BinaryCrossentropy(_FromLogits):
    """−y·log ŷ − (1−y)·log(1−ŷ)"""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return binary_crossentropy(y_true, y_pred, self.from_logits)


class CategoricalCrossentropy(_FromLogits):
    """−Σ y·log ŷ, y a probability for each class"""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return categorical_crossentropy(y_true, y_pred, self.from_logits)


class SparseCategoricalCrossentropy(_FromLogits):
    """−log ŷ[y], y the number of the class"""

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)


class _Wrapped(Loss):
    """A user's function of targets and predictions as a loss."""

    def __init__(self, function: Any) -> None:
        super().__init__(name=getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return self.function(y_true, y_pred)


KNOWN = {
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


def get(loss: Any) -> Loss:
    """A loss from its name, its class, or a function of targets and predictions."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    if callable(loss):
        return next((c() for n, c in KNOWN.items() if globals().get(n) is loss), _Wrapped(loss))
    return lookup("loss", loss, KNOWN | {c.__name__: c for c in KNOWN.values()})()
