"""True and false positives and negatives, at one threshold or many, from one pass over the data.

The state is two histograms: the weight of the positive and of the negative examples, by the number
of thresholds which their prediction exceeds. All four counts at all thresholds follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable, apply
from graphdl.losses.base import same_form, weight_of
from graphdl.metrics.base import Metric
from graphdl.ops.arithmetic import clip, floor, maximum, where
from graphdl.ops.build import cast, constant
from graphdl.ops.index import arange, one_hot, scatter_op, top_k
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to, expand_dims, getitem, reshape
from graphdl.registry import number

NEVER = -1e10  # a prediction that exceeds no threshold


class Histograms(Metric):
    """Examples sorted by the thresholds they exceed. Thresholds may be given in any order.

    ends: one threshold lies below and one above all predictions, as Keras's AUC has it.
    """

    def __init__(
        self,
        thresholds: Sequence[float] | np.ndarray,
        name: str | None,
        dtype: str | None,
        ends: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self._at = np.asarray(thresholds, np.float64)
        self._ends = ends
        even = np.arange(self._at.size) / max(self._at.size - 1, 1)
        self._even = self._at.size > 2 and np.allclose(self._at, even, atol=1e-7)
        self._order = np.argsort(np.argsort(self._at, kind="stable"))

    def declare(self, labels: int | None = None) -> None:
        """The state, for each of several labels alone where their number is given."""
        shape = (self._at.size + 1,) if labels is None else (self._at.size + 1, labels)
        self._labels = labels
        self._positives = self.add_variable("positives", shape)
        self._negatives = self.add_variable("negatives", shape)

    def selected(self, y: Node, p: Node) -> tuple[Node, Node]:
        """The targets and predictions that are counted."""
        return y, p

    def label_factor(self, weights: Node) -> Node:
        """The weights of elements, with those of labels."""
        return weights

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        y, p = self.selected(*same_form(y_true, y_pred))
        one = constant(1.0, "float64") if weight is None else weight_of(cast(p, "float64"), weight)
        weights = broadcast_to(self.label_factor(one), p.type.shape)
        place, actual = self._exceeded(p), cast(y, "bool")
        return {
            self._positives: self._positives + self._sorted(where(actual, weights, 0.0), place),
            self._negatives: self._negatives + self._sorted(where(actual, 0.0, weights), place),
        }

    def _exceeded(self, p: Node) -> Node:
        """How many thresholds lie below the prediction: ⌈p·(T−1)⌉ where they are evenly spread."""
        if not self._even:
            above = expand_dims(p, p.rank) > constant(self._at, p.dtype)
            return sum_(cast(above, "int64"), -1)
        steps = -floor(-(clip(p, 0.0, 1.0) * (self._at.size - 1)))
        steps = maximum(steps, constant(1.0, p.dtype)) if self._ends else steps
        return cast(where(p > NEVER, steps, 0.0), "int64")

    def _sorted(self, weights: Node, place: Node) -> Node:
        """Σ weights at each place."""
        if self._labels is None:
            return apply(scatter_op, weights, place, shape=(self._at.size + 1,), axis=0)
        shape = (self._at.size + 1, self._labels)
        cell = place * self._labels + arange(self._labels)
        flat = apply(scatter_op, weights, cell, shape=(shape[0] * shape[1],), axis=0)
        return reshape(flat, shape)

    # -------------------------------------------------- counts by threshold, as given

    @property
    def true_positives(self) -> np.ndarray:
        return self._above(self._positives)

    @property
    def false_positives(self) -> np.ndarray:
        return self._above(self._negatives)

    @property
    def false_negatives(self) -> np.ndarray:
        return self._positives.storage.sum(0) - self.true_positives

    @property
    def true_negatives(self) -> np.ndarray:
        return self._negatives.storage.sum(0) - self.false_positives

    def _above(self, histogram: Variable) -> np.ndarray:
        """The weight of what exceeds each threshold."""
        return histogram.storage[::-1].cumsum(0)[::-1][1:][self._order]


class Selected(Histograms):
    """Histograms at given thresholds, of the k largest predictions or of one class alone."""

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        default = 0.5 if top_k is None else NEVER
        several = thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
        at = [default if t is None else number("thresholds", t, 0, 1) for t in several]
        super().__init__(at, name, dtype)
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.declare()

    def selected(self, y: Node, p: Node) -> tuple[Node, Node]:
        if self.top_k is not None:
            p = where(_largest(p, self.top_k), p, NEVER)
        return of_class(y, p, self.class_id)

    def single(self, values: np.ndarray) -> float | np.ndarray:
        """A number for one threshold, an array for several."""
        return float(values[0]) if values.size == 1 else values


def of_class(y: Node, p: Node, class_id: int | None) -> tuple[Node, Node]:
    """The targets and predictions of one class, or all of them."""
    if class_id is None:
        return y, p
    classes = p.shape[-1] if p.rank > 1 else 0
    if not isinstance(classes, int) or not 0 <= class_id < classes:
        raise ShapeError(f"class_id={class_id} is not one of its classes, numbered from 0")
    column = (Ellipsis, slice(class_id, class_id + 1))
    return getitem(y, column), getitem(p, column)


def _largest(p: Node, k: int) -> Node:
    """Where the k largest of the last axis are; of equal ones the first."""
    _, order = top_k(p, k)
    hot = one_hot(order, p.shape[-1], p.dtype)
    return sum_(hot, -2) > 0
