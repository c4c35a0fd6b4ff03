"""The coefficient of determination R²: the share of the targets' variance that is explained."""

from __future__ import annotations

import warnings

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.losses.base import same_form, weight_of
from graphdl.metrics.base import Metric, Result, scalar
from graphdl.ops.arithmetic import square
from graphdl.ops.build import cast, constant
from graphdl.ops.reduce import size_of
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to
from graphdl.registry import whole

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 − Σ(y − ŷ)² / Σ(y − ȳ)² of each column, averaged over the columns.

    class_aggregation: "uniform_average", "variance_weighted_average", or None (one for each column).
    num_regressors: that many predictors are accounted for, 1 − (1 − R²)·(n − 1)/(n − p − 1).
    """

    direction = "max"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation not in AGGREGATIONS:
            known = ", ".join(map(repr, AGGREGATIONS))
            raise ValueError(f"class_aggregation is one of {known}, got {class_aggregation!r}")
        self.class_aggregation = class_aggregation
        self.num_regressors = whole("num_regressors", num_regressors, 0)

    def build(self, y_true: Node, y_pred: Node) -> None:
        p = same_form(y_true, y_pred)[1]
        columns = p.shape[-1] if p.rank == 2 else None
        if not isinstance(columns, int):
            raise ShapeError("it takes one row an example, with a column for each number")
        if not self.variables:
            names = ("sum", "squared_sum", "residual", "count")
            self._sums = [self.add_variable(name, (columns,)) for name in names]
            self._samples = self.add_variable("num_samples")
        if self._sums[0].shape != (columns,):
            raise ShapeError(f"it follows {self._sums[0].shape[0]} columns, there are {columns}")

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        y, p = (cast(part, "float64") for part in same_form(y_true, y_pred))
        one = constant(1.0, "float64") if weight is None else weight_of(y, weight)
        w = broadcast_to(one, p.type.shape)
        parts = (y * w, square(y) * w, square(y - p) * w, w)
        sums = {s: s + sum_(part, 0) for s, part in zip(self._sums, parts, strict=True)}
        return sums | {self._samples: self._samples + size_of(y, (0, 1))}

    def result(self) -> Result:
        if not self.variables:
            return 0.0
        total, squares, residual, count = (s.storage for s in self._sums)
        with np.errstate(all="ignore"):  # no examples, or targets that are all equal
            variance = squares - total**2 / count
            each = 1 - residual / variance
        each = np.where(np.isinf(each), 0.0, each)
        if self.class_aggregation == "uniform_average":
            each = each.mean()
        elif self.class_aggregation == "variance_weighted_average":
            each = (variance * each).sum() / variance.sum()
        return scalar(self._adjusted(each) if self.num_regressors else each)

    def _adjusted(self, score: np.ndarray) -> np.ndarray:
        """1 − (1 − R²)·(n − 1)/(n − p − 1), n the number of targets."""
        n, p = float(self._samples.storage), self.num_regressors
        if p >= n - 1:
            warnings.warn(
                f"{self.name}: {p} regressors need more than {p + 1} targets, there are {n:g}; "
                "R² is not adjusted",
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (n - 1) / (n - p - 1)
