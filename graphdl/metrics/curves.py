"""The area under a curve of rates: of the ROC, or of precision over recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.losses.base import same_form
from graphdl.metrics.base import ratio
from graphdl.metrics.thresholds import Histograms
from graphdl.ops.build import constant
from graphdl.ops.functions import sigmoid
from graphdl.registry import number, whole

CURVES = ("ROC", "PR")
METHODS = ("interpolation", "minoring", "majoring")
BEYOND = 1e-7  # how far the outermost thresholds lie outside [0, 1]


class AUC(Histograms):
    """The area under the curve of true over false positive rates, or of precision over recall.

    num_thresholds: how many points of the curve, evenly spread over [0, 1], or `thresholds`: those
    inside it. curve: "ROC" or "PR". summation_method: "interpolation" (trapezes; for PR the
    interpolation of counts), "minoring" or "majoring" (rectangles below or above the curve).
    multi_label: one curve for each of `num_labels` columns, whose areas are averaged with
    `label_weights`; without it these weigh the columns' elements. from_logits: ŷ is z, and σ(z) the
    probability.
    """

    direction = "max"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        given = [] if thresholds is None else [number("thresholds", t, 0, 1) for t in thresholds]
        self.num_thresholds = (
            len(given) + 2 if given else whole("num_thresholds", num_thresholds, 2)
        )
        inner = sorted(given) or list(np.linspace(0, 1, self.num_thresholds)[1:-1])
        super().__init__([-BEYOND, *inner, 1 + BEYOND], name, dtype, ends=True)
        self.curve = one_of("curve", curve.upper() if isinstance(curve, str) else curve, CURVES)
        self.summation_method = one_of("summation_method", summation_method, METHODS)
        self.thresholds, self.from_logits = thresholds, bool(from_logits)
        self.multi_label, self.num_labels = bool(multi_label), num_labels
        self.label_weights = None if label_weights is None else [float(w) for w in label_weights]
        if num_labels is not None and not multi_label:
            raise ValueError("num_labels belongs to multi_label=True")
        if not multi_label or num_labels is not None:
            self.declare(num_labels)

    def build(self, y_true: Node, y_pred: Node) -> None:
        p = same_form(y_true, y_pred)[1]
        columns = p.shape[-1] if p.rank > 1 else 1
        if self.multi_label:
            if p.rank != 2 or not isinstance(columns, int):
                raise ShapeError("multi_label takes a known number of columns, one a label")
            if not self.variables:
                self.declare(columns)
            if self._labels != columns:
                raise ShapeError(f"it follows {self._labels} labels, there are {columns}")
        if self.label_weights is not None and len(self.label_weights) != columns:
            raise ShapeError(f"{len(self.label_weights)} label_weights for {columns} columns")

    def selected(self, y: Node, p: Node) -> tuple[Node, Node]:
        return (y, sigmoid(p)) if self.from_logits else (y, p)

    def label_factor(self, weights: Node) -> Node:
        if self.multi_label or self.label_weights is None:
            return weights
        return weights * constant(self.label_weights, "float64")

    def result(self) -> float:
        if not self.variables:
            return 0.0
        exact = self.curve == "PR" and self.summation_method == "interpolation"
        areas = (self._interpolated() if exact else self._summed()).sum(0)
        weights = self.label_weights if self.multi_label else None
        return float(np.average(areas, weights=weights))

    def _summed(self) -> np.ndarray:
        """(xₖ − xₖ₊₁)·height between each two thresholds."""
        tp, fp = self.true_positives, self.false_positives
        recall = ratio(tp, tp + self.false_negatives)
        if self.curve == "ROC":
            x, y = ratio(fp, fp + self.true_negatives), recall
        else:
            x, y = recall, ratio(tp, tp + fp)
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2,
            "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }
        return (x[:-1] - x[1:]) * heights[self.summation_method]

    def _interpolated(self) -> np.ndarray:
        """The area under precision over recall, tp running linearly with the number found between.

        With tp = a + s·n for n found, ∫ tp/n d tp = s·(Δtp + a·log(n₁/n₂)), over all positives.
        """
        tp, found = self.true_positives, self.true_positives + self.false_positives
        gained, step = tp[:-1] - tp[1:], found[:-1] - found[1:]
        slope = ratio(gained, np.maximum(step, 0))
        start = tp[1:] - slope * found[1:]
        both = (found[:-1] > 0) & (found[1:] > 0)
        growth = np.where(both, ratio(found[:-1], found[1:]), 1.0)
        return ratio(slope * (gained + start * np.log(growth)), (tp + self.false_negatives)[1:])


def one_of(what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{what} is one of {', '.join(map(repr, known))}, got {value!r:.60}")
    return value
