"""Optimizers side by side: their paths over one landscape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl import optimizers as known
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, replace
from graphdl.ops.shape import reshape, stack
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.objective import Objective, objective
from graphdl.studies.rows import Rows, with_data
from graphdl.studies.stepper import Stepper
from graphdl.table import render

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Race:
    """One optimizer's run: its learning rate, the points it passed, J at each."""

    name: str
    rate: float
    points: np.ndarray  # (steps + 1, 2)
    losses: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Paths of several optimizers from one start on one function of two weights."""

    runs: list[Race]
    _loss: Rows = field(repr=False)  # (w1, w2) ↦ J

    def __str__(self) -> str:
        rows = [
            (r.name, f"{r.rate:g}", f"{r.losses[-1]:.4g}", "({:.4g}, {:.4g})".format(*r.points[-1]))
            for r in sorted(self.runs, key=lambda r: _finite(r.losses[-1]))
        ]  # fmt: skip
        steps = len(self.runs[0].losses) - 1
        return render(f"after {steps} steps", ("optimizer", "rate η", "J", "(w1, w2)"), rows)

    def plot(self, ax: Any = None) -> Any:
        """The paths over contours of J, and J against the step: two axes."""
        left, right = picture.pair(ax)
        alphas, betas = (_reach(self.runs, k) for k in (0, 1))
        grid = np.meshgrid(alphas, betas)
        values = self._loss.run(*(g.ravel() for g in grid))[0].reshape(grid[0].shape)
        levels = np.quantile(values[np.isfinite(values)], np.linspace(0, 1, 18))
        left.contour(alphas, betas, values, levels=np.unique(levels), cmap="Greys", linewidths=0.8)
        for k, run in enumerate(self.runs):
            style = picture.line(k) | {"linewidth": 1.6}
            left.plot(*run.points.T, **style)
            left.plot(*run.points[-1], picture.MARKERS[k % 7], color=style["color"], markersize=7)
            right.plot(_above(run.losses), label=f"{run.name} (η = {run.rate:g})", **style)
        left.plot(*self.runs[0].points[0], "o", color="white", markeredgecolor="black")
        left.set(xlim=alphas[[0, -1]], ylim=betas[[0, -1]])
        if min(r.losses.min() for r in self.runs) >= 0:
            right.set_yscale("log")
        picture.finish(left, "first weight", "second weight", "paths (white: start)")
        picture.finish(right, "step", "loss J", "the loss on the way", legend=False)
        right.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
        return np.array([left, right])


def _above(losses: np.ndarray) -> np.ndarray:
    """Losses that are not negative, kept in reach of a log scale: not below 1e-12 of the first."""
    return np.maximum(losses, 1e-12 * losses[0]) if losses.min() >= 0 else losses


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else float("inf")


def _reach(runs: list[Race], k: int) -> np.ndarray:
    """81 places along an axis, wide enough for every path that did not run away."""
    start = runs[0].points[0]
    size = 3 * max(1.0, float(np.abs(start).max()))
    seen = np.concatenate([r.points[:, k][np.abs(r.points[:, k]) < size] for r in runs])
    low, high = float(seen.min()), float(seen.max())
    margin = 0.15 * max(high - low, 1e-3)
    return np.linspace(low - margin, high + margin, 81)


def compare_optimizers(
    loss: Node, wrt: Any, optimizers: Sequence[Any] | None = None, *, steps: int = 100,
    rates: Sequence[float] = RATES, data: Mapping[Node, Any] | None = None, target: str = "cpu",
) -> Comparison:  # fmt: skip
    """Each optimizer on a scalar node of two weights, from the value they have.

    wrt: one variable with two elements, or two with one. optimizers: names, classes or objects; all
    that gd.optimizers knows by default. An object runs at its own learning rate, a name or a class at
    that of `rates` with the lowest J after the last step: each is shown at its best.
    """
    j = objective(loss, wrt=wrt, data=data, target=target)
    if j.size != 2:
        raise ShapeError(f"a landscape to look at has two weights, these have {j.size}")
    count = whole("steps", steps)
    chosen = list(dict.fromkeys(known.KNOWN.values())) if optimizers is None else list(optimizers)
    runs = []
    for item in chosen:
        fixed = isinstance(item, known.Optimizer)
        stepper = Stepper(j, known.get(item))
        tried = [_race(stepper, rate, count) for rate in ([None] if fixed else rates)]
        runs.append(min(tried, key=lambda r: _finite(r.losses[-1])))
    return Comparison(runs, _over_two_numbers(j))


def _race(stepper: Stepper, rate: float | None, steps: int) -> Race:
    stepper.reset(rate)
    points, losses = [], []
    for _ in range(steps + 1):
        points.append(np.concatenate([np.ravel(w.value) for w in stepper.weights]))
        losses.append(float(stepper.step()[0]))
    shown = float("nan") if stepper.rate is None else float(stepper.rate.storage)
    return Race(stepper.name, shown, np.array(points), np.array(losses))


def _over_two_numbers(j: Objective) -> Rows:
    """(w1, w2) ↦ J, one row a point"""
    rows = Rows(["w1", "w2"], j.weights[0].dtype, j.target)
    numbers = rows.numbers
    if len(j.weights) == 2:
        pieces = [reshape(n, w.type.shape) for n, w in zip(numbers, j.weights, strict=True)]
    else:
        pieces = [reshape(stack(numbers, 0), j.weights[0].type.shape)]
    return rows.compile(replace([with_data(j)], dict(zip(j.weights, pieces, strict=True))))
