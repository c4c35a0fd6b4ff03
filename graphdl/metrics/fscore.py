"""F scores: the weighted harmonic mean of precision and recall, class by class."""

from __future__ import annotations

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.losses.base import same_form, weight_of
from graphdl.metrics.base import Metric, Result, scalar
from graphdl.ops.arithmetic import absolute
from graphdl.ops.build import cast
from graphdl.ops.entropy import EPSILON
from graphdl.ops.reduce import max as max_
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import number

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + β²)·P·R / (β²·P + R) of each class, P its precision and R its recall.

    Targets are 0 and 1, one column for each class. What counts as predicted: the largest of a row,
    or all above `threshold`. average: None (one number for each class), "micro" (all classes counted
    together), "macro" (their mean), "weighted" (weighted by how many of each class there are).
    """

    direction = "max"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if average not in AVERAGES:
            raise ValueError(f"average is None, 'micro', 'macro' or 'weighted', got {average!r}")
        self.average, self.beta = average, number("beta", beta, check=lambda b: b > 0)
        within = {"low": 0, "high": 1, "check": lambda t: t > 0}
        self.threshold = None if threshold is None else number("threshold", threshold, **within)

    def build(self, y_true: Node, y_pred: Node) -> None:
        p = same_form(y_true, y_pred)[1]
        classes = p.shape[-1]
        if p.rank != 2 or not isinstance(classes, int):
            raise ShapeError("it takes one row an example, with a column for each class")
        if not self.variables:
            names = ("true_positives", "false_positives", "false_negatives")
            self._counts = [self.add_variable(name, (classes,)) for name in names]
        if self._counts[0].shape != (classes,):
            raise ShapeError(f"it follows {self._counts[0].shape[0]} classes, there are {classes}")

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        targets, p = same_form(y_true, y_pred)
        y, found = cast(targets, "float64"), cast(self._predicted(p), "float64")
        weights = 1.0 if weight is None else weight_of(found, weight)
        parts = (found * y, found * (1 - y), (1 - found) * y)
        return {
            count: count + sum_(part * weights, 0)
            for count, part in zip(self._counts, parts, strict=True)
        }

    def _predicted(self, p: Node) -> Node:
        """The largest of each row (a row of zeros has none), or all above the threshold."""
        if self.threshold is not None:
            return p > self.threshold
        return (p >= max_(p, -1, keepdims=True)) & (absolute(p) > 1e-9)

    def result(self) -> Result:
        if not self.variables:
            return 0.0
        tp, fp, fn = (count.storage for count in self._counts)
        positives = tp + fn
        if self.average == "micro":
            tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        squared = self.beta**2
        score = (1 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        if self.average == "weighted":
            return float((score * positives).sum() / (positives.sum() + EPSILON))
        return float(score.mean()) if self.average == "macro" else scalar(score)


class F1Score(FBetaScore):
    """2·P·R / (P + R) of each class: FBetaScore with β = 1."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
