"""Learning rates: too small creeps, too large runs away, and 2/λmax lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.registry import number, whole
from graphdl.studies import picture
from graphdl.studies.curvature import Curvature, curvature_of
from graphdl.studies.descent import Descent
from graphdl.studies.objective import Objective, objective
from graphdl.table import render

SHARES = (0.01, 0.5, 0.95, 1.05)  # of the limit: small, stable, barely stable, large


@dataclass(frozen=True)
class LearningRates:
    """Gradient descent from the same start at several rates.

    losses: (rates, steps + 1), J before each step and after the last; weights: for each rate the
    list of final weights; curvature: at the start, with `limit` = 2/λmax.
    """

    rates: np.ndarray
    losses: np.ndarray
    weights: list[list[np.ndarray]]
    curvature: Curvature

    @property
    def limit(self) -> float:
        """2/λmax from the Hessian at the start: exact for a quadratic J, local for any other."""
        return self.curvature.limit

    @property
    def best(self) -> float:
        """The rate with the lowest final loss."""
        final = np.where(np.isfinite(self.losses[:, -1]), self.losses[:, -1], np.inf)
        return float(self.rates[np.argmin(final)])

    def verdict(self, rate: float) -> str:
        """What theory says of a rate along the direction of greatest curvature."""
        share = rate / self.limit
        if np.isclose(share, 1, rtol=1e-6):
            return "at the limit: oscillates, never shrinks"
        if share > 1:
            return "large: each step overshoots by more than the last"
        return "stable: oscillates and shrinks" if share > 0.5 else "stable: shrinks without a turn"

    def __str__(self) -> str:
        rows = [
            (f"{r:.6g}", f"{r / self.limit:.3g}", f"{j[0]:.6g}", f"{j[-1]:.6g}", self.verdict(r))
            for r, j in zip(self.rates, self.losses, strict=True)
        ]
        columns = ("rate η", "η·λmax/2", "first J", "last J", "near the start")
        title = f"{self.losses.shape[1] - 1} steps of gradient descent; {self.curvature}"
        return render(title, columns, rows, width=100)

    def plot(self, ax: Any = None) -> Any:
        """J against the step, one line a rate (log scale)."""
        ax = picture.axes(ax)
        for k, (rate, losses) in enumerate(zip(self.rates, self.losses, strict=True)):
            label = f"η = {rate:.4g} ({rate / self.limit:.3g} of 2/λmax)"
            ax.plot(np.where(np.isfinite(losses), losses, np.nan), label=label, **picture.line(k))
        if np.nanmin(self.losses) > 0:
            ax.set_yscale("log")
        title = f"gradient descent is stable below 2/λmax = {self.limit:.4g}"
        return picture.finish(ax, "step", "loss J", title)

    def plot_sweep(self, ax: Any = None) -> Any:
        """The final loss against the rate, with 2/λmax drawn in."""
        ax = picture.axes(ax)
        ax.loglog(
            self.rates, self.losses[:, -1], label="after the last step", **picture.line(0, True)
        )
        ax.axhline(self.losses[0, 0], color=picture.GREY, linestyle=":", label="at the start")
        if np.isfinite(self.limit):
            ax.axvline(self.limit, label="limit 2/λmax", **picture.line(1))
        return picture.finish(ax, "learning rate η", "loss J", "which rate?")


def learning_rate_study(
    subject: Any, x: Any = None, y: Any = None, *, rates: Sequence[float] | None = None,
    steps: int = 50, wrt: Any = None, data: Mapping[Node, Any] | None = None,
    target: str | None = None,
) -> LearningRates:  # fmt: skip
    """Gradient descent on all examples at each of `rates`, from the weights as they stand.

    subject: a compiled model with its data x, y, or a scalar node J (with `data` for its symbols).
    By default the rates are 1 %, 50 %, 95 % and 105 % of 2/λmax. All rates share
    one compiled program, which makes all steps of a rate in one run. The model is left as it is.
    """
    j = objective(subject, x, y, wrt=wrt, data=data, target=target)
    curved = curvature_of(j)
    if rates is None and not np.isfinite(curved.limit):
        raise ValueError("J has no upward curvature here, so there is no limit: give rates=[…]")
    found = [s * curved.limit for s in SHARES] if rates is None else rates
    tried = np.array([number("a learning rate", r) for r in found])
    if not len(tried):
        raise ValueError("rates is empty: give one learning rate or more")
    losses, weights = descend(j, tried, whole("steps", steps))
    return LearningRates(tried, losses, weights, curved)


def descend(
    j: Objective, rates: np.ndarray, steps: int
) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """(losses before each step and after the last, final weights) for each rate."""
    descent, losses, weights = Descent(j), [], []
    for rate in rates:
        j.reset()
        seen, _ = descent.run(np.append(np.full(steps, rate), 0.0))  # the last row only looks
        losses.append(seen)
        weights.append([w.value for w in j.weights])
    return np.array(losses), weights
