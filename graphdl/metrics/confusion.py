"""Counts of right and wrong decisions, and the ratios of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdl.core.graph import Node
from graphdl.metrics.base import Result, ratio
from graphdl.metrics.thresholds import Histograms, Selected, of_class
from graphdl.registry import number, whole


class _Count(Selected):
    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)


class TruePositives(_Count):
    """The weight of positives that were found: y = 1, ŷ > threshold."""

    direction = "max"

    def result(self) -> Result:
        return self.single(self.true_positives)


class FalsePositives(_Count):
    """The weight of negatives taken for positives: y = 0, ŷ > threshold."""

    direction = "min"

    def result(self) -> Result:
        return self.single(self.false_positives)


class TrueNegatives(_Count):
    """The weight of negatives that were recognised: y = 0, ŷ ≤ threshold."""

    direction = "max"

    def result(self) -> Result:
        return self.single(self.true_negatives)


class FalseNegatives(_Count):
    """The weight of positives that were missed: y = 1, ŷ ≤ threshold."""

    direction = "min"

    def result(self) -> Result:
        return self.single(self.false_negatives)


class Precision(Selected):
    """Of the elements predicted positive (ŷ > 1/2), the share that are: tp/(tp + fp), 0 if none.

    thresholds: one or several numbers from 0 to 1. top_k: the k largest of a row count as positive.
    class_id: this class alone.
    """

    direction = "max"

    def result(self) -> Result:
        found = self.true_positives + self.false_positives
        return self.single(ratio(self.true_positives, found))


class Recall(Selected):
    """Of the positive elements, the share predicted so (ŷ > 1/2): tp/(tp + fn), 0 if none.

    thresholds, top_k, class_id: as of Precision.
    """

    direction = "max"

    def result(self) -> Result:
        there = self.true_positives + self.false_negatives
        return self.single(ratio(self.true_positives, there))


class _BestUnder(Histograms):
    """The best of one rate at a threshold where another is at least a given value."""

    direction = "max"

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None,
        dtype: str | None,
    ) -> None:  # fmt: skip
        self.num_thresholds = whole("num_thresholds", num_thresholds)
        many = self.num_thresholds > 1
        super().__init__(np.linspace(0, 1, self.num_thresholds) if many else [0.5], name, dtype)
        self._value, self.class_id = value, class_id
        self.declare()

    def selected(self, y: Node, p: Node) -> tuple[Node, Node]:
        return of_class(y, p, self.class_id)

    def sensitivities(self) -> np.ndarray:
        """tp/(tp + fn): the recall"""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    def specificities(self) -> np.ndarray:
        """tn/(tn + fp)"""
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)

    def precisions(self) -> np.ndarray:
        """tp/(tp + fp)"""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    def best(self, wanted: np.ndarray, held: np.ndarray) -> float:
        """The largest `wanted` where `held` reaches the value; 0 where it nowhere does."""
        return float(np.where(held >= self._value, wanted, 0.0).max())


class SensitivityAtSpecificity(_BestUnder):
    """The best sensitivity tp/(tp + fn) at a threshold with the given specificity tn/(tn + fp)."""

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: str | None = None,
    ) -> None:  # fmt: skip
        self.specificity = number("specificity", specificity, 0, 1)
        super().__init__(self.specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.sensitivities(), self.specificities())


class SpecificityAtSensitivity(_BestUnder):
    """The best specificity tn/(tn + fp) at a threshold with the given sensitivity tp/(tp + fn)."""

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: str | None = None,
    ) -> None:  # fmt: skip
        self.sensitivity = number("sensitivity", sensitivity, 0, 1)
        super().__init__(self.sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.specificities(), self.sensitivities())


class PrecisionAtRecall(_BestUnder):
    """The best precision tp/(tp + fp) at a threshold with the given recall tp/(tp + fn)."""

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: str | None = None,
    ) -> None:  # fmt: skip
        self.recall = number("recall", recall, 0, 1)
        super().__init__(self.recall, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.precisions(), self.sensitivities())


class RecallAtPrecision(_BestUnder):
    """The best recall tp/(tp + fn) at a threshold with the given precision tp/(tp + fp)."""

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: str | None = None,
    ) -> None:  # fmt: skip
        self.precision = number("precision", precision, 0, 1)
        super().__init__(self.precision, num_thresholds, class_id, name, dtype)

    def result(self) -> float:
        return self.best(self.sensitivities(), self.precisions())
