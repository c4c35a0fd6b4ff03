"""What all losses share: the form of targets and predictions, weights, masks, reductions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.core.types import dtype_name
from graphdl.losses.targets import Domain, like_output
from graphdl.ops.arithmetic import where
from graphdl.ops.build import cast, operands, public
from graphdl.ops.reduce import mean
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to, expand_dims, squeeze

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


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


def snake(name: str) -> str:
    """A class's name as Keras writes it in logs: KLDivergence is kl_divergence."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


class Loss:
    """A loss of a batch: `__call__(y_true, y_pred, sample_weight=None)` gives a scalar.

    reduction: "sum_over_batch_size" (default; also "mean"): Σ loss·weight / number of losses;
    "mean_with_sample_weight": Σ loss·weight / Σ weight; "sum": Σ loss·weight; None (or "none"): one
    number an example. dtype: the dtype in which it is computed (default: that of the predictions).

    A subclass defines `call(y_true, y_pred)`. What targets it takes, it says in `domain`.
    """

    domain: Domain | None = None

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        if reduction not in (*MEANS, "sum", "none", None):
            raise ValueError(
                f"unknown reduction {reduction!r}; use 'sum_over_batch_size', 'mean', "
                "'mean_with_sample_weight', 'sum' or None"
            )
        self.reduction, self.name = reduction, name or snake(type(self).__name__)
        self.dtype = None if dtype is None else dtype_name(dtype)

    def call(self, y_true: Any, y_pred: Any) -> Node:
        """The loss of each example."""
        raise NotImplementedError

    def mask(self, y_true: Node, y_pred: Node) -> Node | None:
        """Which losses count (a truth value for each), or None where all do."""
        return None

    def target_type(self, output: Node) -> tuple[tuple, str]:
        """The shape of one target and its dtype, for a model with this output."""
        return output.shape[1:], output.dtype

    def check_target(self, y: Any, output: Node) -> np.ndarray:
        """The targets of a model with this output, in the form that the loss takes.

        Raises ShapeError where they do not fit the output.
        """
        return like_output(y, output)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return public(self._reduced)(y_true, y_pred, sample_weight)

    def values(self, y_true: Any, y_pred: Any) -> tuple[Node, Node | None]:
        """(the loss of each example, which of them count)"""
        if self.dtype is not None:
            y_true, y_pred = (cast(operands(v)[0], self.dtype) for v in (y_true, y_pred))
        each = operands(self.call(y_true, y_pred))[0]
        return each, self.mask(operands(y_true)[0], operands(y_pred)[0])

    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Node:
        values, counted = self.values(y_true, y_pred)
        weight = None if sample_weight is None else weight_of(values, sample_weight)
        if counted is not None:
            valid = cast(counted, values.dtype)
            weight = valid if weight is None else weight * valid
        if weight is not None:
            values = values * weight
        if self.reduction in ("none", None):
            return values
        return sum_(values) if self.reduction == "sum" else self._mean(values, weight, counted)

    def _mean(self, values: Node, weight: Node | None, counted: Node | None) -> Node:
        """Divided by the number of losses that count, or by the weights; 0 where these are 0."""
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            divisor = sum_(broadcast_to(weight, values.type.shape))
        elif counted is not None:
            divisor = sum_(cast(counted, values.dtype))
        else:
            return mean(values)
        return where(divisor > 0, sum_(values) / divisor, 0.0)


class Plain(Loss):
    """A loss without settings of its own, with the arguments in Keras's order."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class Wrapped(Loss):
    """A user's function of targets and predictions as a loss."""

    def __init__(self, function: Any) -> None:
        super().__init__(getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return self.function(y_true, y_pred)
