"""Metrics: objects with state. What they add up is written as nodes, so it runs inside the epoch.

State is kept in float64; `result()` of a metric that has seen nothing is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.graph import Node, Variable
from graphdl.core.interpret import interpret
from graphdl.core.tensor import off_tape
from graphdl.losses import same_form, weight_of
from graphdl.ops.arithmetic import equal
from graphdl.ops.build import cast, constant, variable
from graphdl.ops.reduce import argmax, mean, size_of
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to, reshape
from graphdl.registry import lookup, number


class Metric:
    """Base. A subclass declares its state with `add_variable` and says how it is updated."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or _snake(type(self).__name__)
        self.variables: list[Variable] = []

    def add_variable(self, name: str, shape: tuple[int, ...] = ()) -> Variable:
        """A state of zeros, float64."""
        state = variable(np.zeros(shape), f"{self.name}/{name}", "float64")
        self.variables.append(state)
        return state

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        """The new state, from the old one and a batch."""
        raise NotImplementedError

    def result(self) -> float:
        """The metric of all that was seen since the last reset."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch of arrays into account."""
        y, p = _nodes(y_true, y_pred)
        weight = None if sample_weight is None else _nodes(sample_weight)[0]
        with off_tape():
            new = self.updates(y, p, weight)
        for state, value in zip(new, interpret(new.values(), {}), strict=True):
            state.assign(value)

    def reset_state(self) -> None:
        """Forget everything."""
        for state in self.variables:
            state.storage[...] = 0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


def _nodes(*values: Any) -> list[Node]:
    """Arrays as constants; those of floats in the widest dtype among them."""
    arrays = [np.asarray(v) for v in values]
    floats = [a.dtype for a in arrays if a.dtype.name in ("float32", "float64")]
    wide = np.result_type(*floats).name if floats else None
    return [constant(a, wide if a.dtype.kind == "f" else None) for a in arrays]


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() and k else c.lower() for k, c in enumerate(name))


class Mean(Metric):
    """The weighted mean of values: Σ value·weight / Σ weight."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.total, self.count = self.add_variable("total"), self.add_variable("count")

    def values(self, y_true: Node, y_pred: Node) -> Node:
        """One value an example."""
        raise NotImplementedError

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        return self.mean_updates(self.values(y_true, y_pred), weight)

    def mean_updates(self, values: Node, weight: Node | None) -> dict[Variable, Node]:
        """total + Σ value·weight, count + Σ weight."""
        wide = cast(values, "float64")
        if weight is None:
            count = size_of(wide, tuple(range(wide.rank)))
            return {self.total: self.total + sum_(wide), self.count: self.count + count}
        weights = broadcast_to(weight_of(wide, weight), values.type.shape)
        return {
            self.total: self.total + sum_(wide * weights),
            self.count: self.count + sum_(weights),
        }

    def result(self) -> float:
        count = float(self.count.storage)
        return float(self.total.storage) / count if count else 0.0


class BinaryAccuracy(Mean):
    """How often round(ŷ) is y: the share of elements with (ŷ > threshold) = y."""

    def __init__(self, threshold: float = 0.5, name: str | None = None) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: Node, y_pred: Node) -> Node:
        y, p = same_form(y_true, y_pred)
        hit = cast(equal(y, cast(p > self.threshold, p.dtype)), p.dtype)
        return mean(hit, -1) if hit.rank > 1 else hit


class CategoricalAccuracy(Mean):
    """How often the largest ŷ is at the largest y."""

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return cast(equal(argmax(y_true, -1), argmax(y_pred, -1)), y_pred.dtype)


class SparseCategoricalAccuracy(Mean):
    """How often the largest ŷ is at the class y."""

    def values(self, y_true: Node, y_pred: Node) -> Node:
        label = y_true
        if label.rank == y_pred.rank and label.shape[-1] == 1:
            label = reshape(label, label.type.shape[:-1])
        return cast(equal(cast(label, "int64"), argmax(y_pred, -1)), y_pred.dtype)


class Precision(Metric):
    """Of the elements predicted positive (ŷ > 1/2), the share that are: tp/(tp + fp), 0 if none."""

    def __init__(self, threshold: float = 0.5, name: str | None = None) -> None:
        super().__init__(name)
        self.threshold = number("threshold", threshold, 0, 1)
        self.hits = self.add_variable("true_positives")
        self.false_alarms = self.add_variable("false_positives")

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        y, p = same_form(y_true, y_pred)
        positive = cast(p > self.threshold, "float64")
        actual = cast(cast(y, "bool"), "float64")
        if weight is not None:
            positive = positive * weight_of(positive, weight)
        return {
            self.hits: self.hits + sum_(positive * actual),
            self.false_alarms: self.false_alarms + sum_(positive * (1 - actual)),
        }

    def result(self) -> float:
        found = float(self.hits.storage + self.false_alarms.storage)
        return float(self.hits.storage) / found if found else 0.0


class LossTracker(Mean):
    """The mean loss, each batch weighted by its number of examples."""

    def __init__(self) -> None:
        super().__init__("loss")

    def loss_updates(self, loss: Node, examples: Node) -> dict[Variable, Node]:
        return {
            self.total: self.total + cast(loss, "float64") * examples,
            self.count: self.count + examples,
        }


class _Wrapped(Mean):
    """A user's function of targets and predictions, averaged."""

    def __init__(self, function: Any) -> None:
        super().__init__(getattr(function, "__name__", "metric"))
        self.function = function

    def values(self, y_true: Node, y_pred: Node) -> Node:
        return self.function(y_true, y_pred)


KNOWN = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "precision": Precision,
}


def get(metric: Any, y_true: Node, y_pred: Node) -> Metric:
    """A metric from its name; "accuracy" takes the form that fits targets and predictions."""
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, type) and issubclass(metric, Metric):
        return metric()
    if isinstance(metric, str) and metric.lower() in ("accuracy", "acc"):
        return _accuracy(y_true, y_pred, metric)
    if callable(metric):
        return _Wrapped(metric)
    return lookup_name(metric)()


def lookup_name(name: Any) -> type[Metric]:
    """The metric of a name; raises ValueError when there is none."""
    if not isinstance(name, str):
        raise TypeError(f"a metric is a name, an object or a function, got {name!r:.60}")
    return lookup("metric", name, KNOWN | {c.__name__: c for c in KNOWN.values()})


def _accuracy(y_true: Node, y_pred: Node, name: str) -> Metric:
    if y_pred.rank < 2 or y_pred.shape[-1] == 1:
        return BinaryAccuracy(name=name)
    if y_true.rank < y_pred.rank or y_true.shape[-1] == 1:
        return SparseCategoricalAccuracy(name=name)
    return CategoricalAccuracy(name=name)
