"""Means and sums: of values, of a function of targets and predictions, of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.graph import Node, Variable
from graphdl.losses.base import Loss, weight_of
from graphdl.metrics.base import Metric, Result, nodes, ratio
from graphdl.ops.build import cast
from graphdl.ops.reduce import size_of
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to


class _OfValues(Metric):
    """A metric of values that the user computes: `update_state(values, sample_weight=None)`."""

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        raise TypeError(
            f"{type(self).__name__} takes values, not targets and predictions; to follow a function "
            "of these use MeanMetricWrapper(function)"
        )

    def value_updates(self, values: Node, weight: Node | None) -> dict[Variable, Node]:
        """The new state, from the old one and values with their weights."""
        raise NotImplementedError

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take values into account."""
        weight = None if sample_weight is None else nodes(sample_weight)[0]
        self.assign(self.value_updates(nodes(values)[0], weight))

    def __call__(self, values: Any, sample_weight: Any = None) -> Result:  # type: ignore[override]
        self.update_state(values, sample_weight)
        return self.result()


class Sum(_OfValues):
    """Σ value·weight"""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable("total")

    def value_updates(self, values: Node, weight: Node | None) -> dict[Variable, Node]:
        wide = cast(values, "float64")
        wide = wide if weight is None else wide * weight_of(wide, weight)
        return {self.total: self.total + sum_(wide)}

    def result(self) -> float:
        return float(self.total.storage)


class Mean(_OfValues):
    """Σ value·weight / Σ weight; the values of one example count once, as their mean."""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total, self.count = self.add_variable("total"), self.add_variable("count")

    def value_updates(self, values: Node, weight: Node | None) -> dict[Variable, Node]:
        """total + Σ value·weight, count + Σ weight, both divided by the values an example has."""
        wide = cast(values, "float64")
        if weight is None:
            total, count = sum_(wide), size_of(wide, tuple(range(wide.rank)))
        else:
            weights = broadcast_to(weight_of(wide, weight), values.type.shape)
            total, count = sum_(wide * weights), sum_(weights)
        if wide.rank > 1:
            each = size_of(wide, tuple(range(1, wide.rank)))
            total, count = total / each, count / each
        return {self.total: self.total + total, self.count: self.count + count}

    def result(self) -> float:
        count = float(self.count.storage)
        return float(self.total.storage) / count if count else 0.0

    def results(self, states: Sequence[np.ndarray]) -> Sequence[Result]:
        if type(self).result is not Mean.result:
            return super().results(states)
        return ratio(*states).tolist()


class MeanOfExamples(Mean):
    """The weighted mean of one value an example."""

    def values(self, y_true: Node, y_pred: Node) -> Node:
        """One value an example."""
        raise NotImplementedError

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        return self.value_updates(self.values(y_true, y_pred), weight)

    update_state = Metric.update_state  # type: ignore[assignment]
    __call__ = Metric.__call__  # type: ignore[assignment]


class MeanMetricWrapper(MeanOfExamples):
    """A function of targets and predictions (and settings), averaged over the examples."""

    def __init__(
        self, fn: Any, name: str | None = None, dtype: str | None = None, **settings: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self.fn, self.settings = fn, settings

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return self.fn(y_true, y_pred, **self.settings)


class LossMetric(MeanOfExamples):
    """A loss as a metric: its mean over the examples that count, whatever its reduction."""

    direction = "min"

    def __init__(self, loss: Loss, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name or loss.name, dtype)
        self.loss = loss

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        values, counted = self.loss.values(y_true, y_pred)
        if counted is not None:
            mask = cast(counted, "float64")
            weight = mask if weight is None else mask * weight_of(mask, weight)
        return self.value_updates(values, weight)


class LossTracker(MeanOfExamples):
    """The mean loss, each batch weighted by its number of examples."""

    def __init__(self) -> None:
        super().__init__("loss")

    def loss_updates(self, loss: Node, examples: Node) -> dict[Variable, Node]:
        return {
            self.total: self.total + cast(loss, "float64") * examples,
            self.count: self.count + examples,
        }
