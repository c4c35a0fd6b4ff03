"""The learning-rate range test (Smith, "Cyclical Learning Rates", 2015): the rate grows from step to
step, the loss falls, then explodes; a good rate lies where it falls fastest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import config
from graphdl.registry import number, whole
from graphdl.studies import picture
from graphdl.studies.copies import examples, training_copy
from graphdl.training.data import Data
from graphdl.training.runner import Runner
from graphdl.training.shuffle import shuffle

SMOOTH = 0.9  # of the running mean, whose weights sum to 1 from the first step on
STOP = 4.0  # times the lowest loss so far: it has exploded


@dataclass(frozen=True)
class RangeTest:
    """The loss of each step's batch, and its running mean, at a rate that grows by a constant factor.

    ended: "diverged" when the loss left 4 times its minimum or was not finite, else "all steps".
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    ended: str

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest per decade.

        The first tenth, where the running mean has seen too little, and the end are left out.
        """
        first, last = len(self.rates) // 10, len(self.rates) - max(1, len(self.rates) // 20)
        slope = np.gradient(self.smoothed, np.log(self.rates))
        return float(self.rates[first:last][np.argmin(slope[first:last])])

    @property
    def at_minimum(self) -> float:
        """The rate with the lowest smoothed loss; a tenth of it is the usual cautious choice."""
        return float(self.rates[np.argmin(self.smoothed)])

    def __str__(self) -> str:
        return (
            f"{len(self.rates)} steps from η = {self.rates[0]:.3g} to {self.rates[-1]:.3g} "
            f"({self.ended}): falls fastest at {self.steepest:.3g}, lowest at {self.at_minimum:.3g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Loss against the rate (log scale), raw and smoothed, with the suggestion marked."""
        ax = picture.axes(ax)
        ax.plot(self.rates, self.losses, color=picture.GREY, alpha=0.45, label="loss of the batch")
        ax.plot(self.rates, self.smoothed, label="running mean", linewidth=2, **picture.line(0))
        ax.axvline(self.steepest, label=f"falls fastest: {self.steepest:.3g}", **picture.line(1))
        tenth = self.at_minimum / 10
        ax.axvline(tenth, label=f"a tenth of the lowest: {tenth:.3g}", **picture.line(2))
        ax.set_xscale("log")
        start, low = self.smoothed[0], min(0.0, float(self.smoothed.min()))
        ax.set_ylim(low - 0.05 * (start - low), start + 1.0 * (start - low))  # not the explosion
        return picture.finish(ax, "learning rate η", "loss")


def range_test(
    model: Any, x: Any, y: Any, *, low: float = 1e-7, high: float = 10.0, steps: int = 100,
    batch_size: int = 32, sample_weight: Any = None,
) -> RangeTest:  # fmt: skip
    """Train a copy for `steps` batches, the rate growing from `low` to `high`.

    The copy has weights, optimizer state and metrics of its own: the model, its optimizer, its rate
    and the random streams stay as they are, to the bit.
    """
    low, high = number("low", low), number("high", high)
    if not 0 < low < high:
        raise ValueError(
            f"the rates run from low to high, 0 < low < high; got {low:g} and {high:g}"
        )
    count, batch = whole("steps", steps, 10), whole("batch_size", batch_size)
    data = examples(model, x, y, sample_weight)
    trial = _Trial(model, data, batch)
    rates = np.geomspace(low, high, count)
    losses: list[float] = []
    smoothed: list[float] = []
    mean, ended = 0.0, "all steps"
    for k, rate in enumerate(rates):
        loss = trial.step(rate, k)
        if not np.isfinite(loss):
            ended = "diverged"
            break
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        losses.append(loss)
        smoothed.append(mean / (1 - SMOOTH ** (k + 1)))
        if k and smoothed[-1] > STOP * min(smoothed):
            ended = "diverged"
            break
    if len(losses) < 2:
        raise ValueError(f"the loss is not finite at the first rates; start below low={low:g}")
    return RangeTest(rates[: len(losses)], np.array(losses), np.array(smoothed), ended)


class _Trial:
    """The training step on copies of everything that it reads or changes."""

    def __init__(self, model: Any, data: Data, batch: int) -> None:
        self._copy, copies = training_copy(model, data)
        rate = copies.get(model.optimizer.learning_rate)
        if rate is None:
            raise ValueError("the optimizer's rate follows a schedule; range_test needs a number")
        self._rate, self._begin = rate, int(model.optimizer.iterations.storage)
        self._session = Runner(self._copy.made, model._target, model._precision).open(data, batch)

    def step(self, rate: float, k: int) -> float:
        """The loss of the k-th batch, before it is learnt from."""
        at = k % self._session.steps
        if at == 0:  # a new pass, in a new order: that of the epoch which fit would run now
            shuffle(self._session.order, config.seed(), self._begin + k, jit=False)
        self._rate.assign(rate)
        self._copy.reset()
        status = self._session.run(at, at + 1, config.seed(), self._begin + k)
        return float("nan") if status else self._copy.loss()
