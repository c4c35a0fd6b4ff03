"""Optimizers side by side: their paths over one landscape, and the rate each weight really gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl import optimizers as known
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Graph, Node, Variable, replace
from graphdl.ops.build import tensor
from graphdl.ops.shape import reshape, stack
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.objective import Objective, apart, objective, untouched
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
    _loss: Any = field(repr=False)  # (w1, w2) ↦ J, compiled

    def __str__(self) -> str:
        rows = [
            (r.name, f"{r.rate:g}", f"{r.losses[-1]:.4g}", f"({r.points[-1, 0]:.4g}, {r.points[-1, 1]:.4g})")
            for r in sorted(self.runs, key=lambda r: _finite(r.losses[-1]))
        ]  # fmt: skip
        steps = len(self.runs[0].losses) - 1
        return render(f"after {steps} steps", ("optimizer", "rate η", "J", "(w1, w2)"), rows)

    def plot(self, ax: Any = None) -> Any:
        """The paths over contours of J, and J against the step: two axes."""
        left, right = picture.pair(ax)
        alphas, betas = (_reach(self.runs, k) for k in (0, 1))
        values = np.array([[self._loss(a, b) for a in alphas] for b in betas], np.float64)
        levels = np.quantile(values[np.isfinite(values)], np.linspace(0, 1, 18))
        left.contour(alphas, betas, values, levels=np.unique(levels), cmap="Greys", linewidths=0.8)
        for k, run in enumerate(self.runs):
            style = picture.line(k) | {"linewidth": 1.6}
            left.plot(*run.points.T, label=f"{run.name} (η = {run.rate:g})", **style)
            left.plot(*run.points[-1], picture.MARKERS[k % 7], color=style["color"], markersize=7)
            right.plot(run.losses, **style)
        left.plot(*self.runs[0].points[0], "o", color="white", markeredgecolor="black")
        left.set(xlim=alphas[[0, -1]], ylim=betas[[0, -1]])
        if min(r.losses.min() for r in self.runs) > 0:
            right.set_yscale("log")
        picture.finish(left, "first weight", "second weight", "paths (white: start)")
        picture.finish(right, "step", "loss J", "the loss on the way", legend=False)
        return np.array([left, right])


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
        runner = _Runner(j, known.get(item))
        tried = [runner.race(rate, count) for rate in ([None] if fixed else rates)]
        runs.append(min(tried, key=lambda r: _finite(r.losses[-1])))
    return Comparison(runs, _over_two_numbers(j))


class _Runner:
    """One optimizer's compiled step on copies of the weights and of its own state."""

    def __init__(self, j: Objective, optimizer: known.Optimizer) -> None:
        self.name = type(optimizer).__name__
        with untouched(optimizer):
            updates = optimizer.updates(list(j.weights), j.gradients)
        graph, copies = apart(Graph(j.symbols, [j.loss, *j.gradients], updates))
        self.weights = [copies[w] for w in j.weights]
        self.rate = copies.get(optimizer.learning_rate)
        self.start = [(v, v.value) for v in copies.values()]
        self._step = j.compile([], list(graph.outputs), graph.updates)

    def reset(self, rate: float | None) -> None:
        for v, value in self.start:
            v.assign(value)
        if rate is not None:
            if self.rate is None:
                raise ValueError(
                    f"{self.name}: its rate follows a schedule; give the object itself"
                )
            self.rate.assign(rate)

    def step(self) -> list[np.ndarray]:
        """[J, ∂J/∂w, …] before the step that it makes"""
        return self._step()

    def race(self, rate: float | None, steps: int) -> Race:
        self.reset(rate)
        points, losses = [], []
        for _ in range(steps + 1):
            points.append(np.concatenate([np.ravel(w.value) for w in self.weights]))
            losses.append(float(self.step()[0]))
        shown = float("nan") if self.rate is None else float(self.rate.storage)
        return Race(self.name, shown, np.array(points), np.array(losses))


def _over_two_numbers(j: Objective) -> Any:
    """(w1, w2) ↦ J, compiled"""
    a, b = (tensor(name, (), j.weights[0].dtype) for name in ("w1", "w2"))
    if len(j.weights) == 2:
        pieces = [reshape(n, w.type.shape) for n, w in zip((a, b), j.weights, strict=True)]
    else:
        pieces = [reshape(stack([a, b], 0), j.weights[0].type.shape)]
    return j.compile([a, b], replace([j.loss], dict(zip(j.weights, pieces, strict=True)))[0])


# ------------------------------------------------------------------ effective rates


@dataclass(frozen=True)
class EffectiveRates:
    """−Δw/g of each weight at each step: (steps, elements); NaN where the gradient is 0."""

    rates: np.ndarray
    names: tuple[str, ...]
    optimizer: str

    def __str__(self) -> str:
        last = self.rates[-1][np.isfinite(self.rates[-1])]
        if not last.size:
            return f"{self.optimizer}: every gradient is 0"
        return (
            f"{self.optimizer}: effective rates of {self.rates.shape[1]} weights after "
            f"{len(self.rates)} steps, {last.min():.3g} to {last.max():.3g}, median {np.median(last):.3g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """One line a weight where there are few, else the median and the middle 80 %."""
        ax = picture.axes(ax)
        steps = np.arange(1, len(self.rates) + 1)
        if len(self.names) <= len(picture.COLOURS):
            for k, name in enumerate(self.names):
                ax.plot(steps, self.rates[:, k], label=name, **picture.line(k))
        else:
            low, middle, high = np.nanquantile(self.rates, [0.1, 0.5, 0.9], axis=1)
            ax.fill_between(
                steps, low, high, alpha=0.3, color=picture.COLOURS[0], label="10 to 90 %"
            )
            ax.plot(steps, middle, label="median", **picture.line(0))
        sizes = np.abs(self.rates[np.isfinite(self.rates)])
        if sizes.size and np.nanmin(self.rates) > 0:
            ax.set_yscale("log")
        elif sizes.size:  # momentum may carry a weight against its gradient
            ax.set_yscale("symlog", linthresh=float(np.median(sizes)) or 1.0)
            ax.axhline(0, color=picture.GREY, linewidth=0.8)
        return picture.finish(ax, "step", "effective rate −Δw/g", self.optimizer)


def effective_rates(
    subject: Any, x: Any = None, y: Any = None, *, optimizer: Any = None, steps: int = 100,
    wrt: Any = None, data: Mapping[Node, Any] | None = None, target: str | None = None,
) -> EffectiveRates:  # fmt: skip
    """How large a rate each weight really gets: −Δw/g, step by step, on all examples.

    It is η for SGD, and follows the gradients' history for an adaptive optimizer. optimizer: the
    model's own by default. The model and its optimizer are left as they are.
    """
    j = objective(subject, x, y, wrt=wrt, data=data, target=target)
    if optimizer is None and isinstance(subject, Node):
        raise ValueError("a node has no optimizer: give one, optimizer='adam'")
    runner = _Runner(j, known.get(subject.optimizer if optimizer is None else optimizer))
    found = []
    for _ in range(whole("steps", steps)):
        before = [w.value for w in runner.weights]
        _, *gradients = runner.step()
        pairs = zip(before, runner.weights, gradients, strict=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = [np.ravel(np.where(g == 0, np.nan, (b - w.storage) / g)) for b, w, g in pairs]
        found.append(np.concatenate(moved))
    return EffectiveRates(np.array(found), _names(j.originals), runner.name)


def _names(weights: Sequence[Variable]) -> tuple[str, ...]:
    """A name for each element: dense/kernel[0, 1]."""
    names = []
    for w in weights:
        for index in np.ndindex(w.storage.shape):
            names.append(f"{w.name}[{', '.join(map(str, index))}]" if index else w.name)
    return tuple(names)
