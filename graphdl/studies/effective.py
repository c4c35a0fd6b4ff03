"""The rate that each weight really gets: −Δw/g, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import optimizers as known
from graphdl.core.graph import Node, Variable
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.objective import objective
from graphdl.studies.stepper import Stepper


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
            f"{self.optimizer}: effective rates of {self.rates.shape[1]} weights at step "
            f"{len(self.rates)}: {last.min():.3g} to {last.max():.3g}, median {np.median(last):.3g}"
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
            ax.set_ylim(sizes.min() / 1.5, sizes.max() * 1.5)  # wide enough for a level line
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
    stepper = Stepper(j, known.get(subject.optimizer if optimizer is None else optimizer))
    found = []
    for _ in range(whole("steps", steps)):
        before = [w.value for w in stepper.weights]
        _, *gradients = stepper.step()
        pairs = zip(before, stepper.weights, gradients, strict=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = [np.ravel(np.where(g == 0, np.nan, (b - w.storage) / g)) for b, w, g in pairs]
        found.append(np.concatenate(moved))
    return EffectiveRates(np.array(found), _names(j.originals), stepper.name)


def _names(weights: Sequence[Variable]) -> tuple[str, ...]:
    """A name for each element: dense/kernel[0, 1]."""
    names = []
    for w in weights:
        for index in np.ndindex(w.storage.shape):
            names.append(f"{w.name}[{', '.join(map(str, index))}]" if index else w.name)
    return tuple(names)
