"""What the batch size does: the noise of the gradient, and how many examples a second are learnt from.

A batch of B examples drawn at random has a gradient whose mean is ∇J and whose standard deviation is
σ/√B, σ being that of one example. So sd·√B is the same for every B.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import config
from graphdl.function import function
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.objective import Objective, objective
from graphdl.studies.range_test import training_copy
from graphdl.table import render
from graphdl.training.runner import Runner


@dataclass(frozen=True)
class GradientNoise:
    """The gradient of batches against that of all examples, for each batch size.

    deviations: root of the mean of ‖∇J_batch − ∇J‖²; sigma: the same for single examples, from all of
    them; single_mean_error: ‖mean of the single gradients − ∇J‖ / ‖∇J‖, 0 but for rounding.
    """

    batch_sizes: np.ndarray
    deviations: np.ndarray
    sigma: float
    single_mean_error: float

    @property
    def scaled(self) -> np.ndarray:
        """sd·√B: the same for every B"""
        return self.deviations * np.sqrt(self.batch_sizes)

    def __str__(self) -> str:
        rows = zip(self.batch_sizes.tolist(), self.deviations, self.scaled, strict=True)
        table = render(
            "gradient noise", ("batch B", "sd of ∇J", "sd·√B"),
            [(b, f"{s:.4g}", f"{c:.4g}") for b, s, c in rows],
            [f"one example: σ = {self.sigma:.4g}", f"mean of all single gradients − ∇J: {self.single_mean_error:.1e} of ‖∇J‖"],
        )  # fmt: skip
        return table

    def plot(self, ax: Any = None) -> Any:
        """Measured noise against B, with σ/√B."""
        ax = picture.axes(ax)
        b = self.batch_sizes
        ax.loglog(b, self.sigma / np.sqrt(b), label="σ/√B", **picture.line(1))
        ax.loglog(b, self.deviations, "o", color=picture.COLOURS[0], label="measured")
        return picture.finish(ax, "batch size B", "sd of the batch's gradient")


def gradient_noise(
    model: Any, x: Any, y: Any, *, batch_sizes: Sequence[int] = (1, 4, 16, 64, 256),
    draws: int = 200, seed: int = 0,
) -> GradientNoise:  # fmt: skip
    """How far the gradient of a random batch is from that of all examples, for each batch size.

    Batches are drawn with replacement, `draws` for each size, by a generator started from `seed`.
    One compiled gradient serves every size. The model is left as it is.
    """
    j = objective(model, x, y)
    sizes = np.array([whole("a batch size", b) for b in batch_sizes])
    rows, draw = len(j.arrays[0]), np.random.default_rng(seed)
    of = gradient_of_rows(j)
    full = of(np.arange(rows))
    single = np.array([of(np.array([k])) for k in range(rows)])
    sigma = np.sqrt(np.mean(np.sum((single - full) ** 2, 1)))
    times = whole("draws", draws)
    deviations = [
        np.sqrt(
            np.mean([np.sum((of(draw.integers(0, rows, b)) - full) ** 2) for _ in range(times)])
        )
        for b in sizes
    ]
    error = np.linalg.norm(single.mean(0) - full) / max(np.linalg.norm(full), 1e-300)
    return GradientNoise(sizes, np.array(deviations), float(sigma), float(error))


def gradient_of_rows(j: Objective) -> Any:
    """Numbers of examples ↦ the gradient of their mean loss, as one flat float64 vector."""
    run = function(list(j.symbols), j.gradients, target=j.target)

    def of(rows: np.ndarray) -> np.ndarray:
        found = run(*(a[rows] for a in j.arrays))
        return np.concatenate([np.ravel(g) for g in found]).astype(np.float64)

    return of


# ------------------------------------------------------------------ throughput


@dataclass(frozen=True)
class Throughput:
    """Examples learnt from in a second, and the time of a step, for each batch size."""

    batch_sizes: np.ndarray
    examples_per_second: np.ndarray
    rows: int

    @property
    def step_seconds(self) -> np.ndarray:
        """The time of one step"""
        return self.batch_sizes / self.examples_per_second

    def __str__(self) -> str:
        pairs = zip(
            self.batch_sizes.tolist(), self.examples_per_second, self.step_seconds, strict=True
        )
        rows = [(b, f"{e:,.0f}", f"{s * 1e6:.1f} µs") for b, e, s in pairs]
        return render("throughput of training", ("batch B", "examples/s", "time a step"), rows)

    def plot(self, ax: Any = None) -> Any:
        """Examples a second against B."""
        ax = picture.axes(ax)
        ax.loglog(self.batch_sizes, self.examples_per_second, **picture.line(0, True))
        return picture.finish(ax, "batch size B", "examples a second")


def throughput(
    model: Any, x: Any, y: Any, *, batch_sizes: Sequence[int] = (1, 4, 16, 64, 256),
    seconds: float = 0.2,
) -> Throughput:  # fmt: skip
    """The speed of whole training passes, update included, at each batch size, on this machine.

    Each size runs for about `seconds`, at least three passes; the fastest counts. One compiled step
    serves every size. It trains copies: the model is left as it is.
    """
    data = model._data("throughput", x, y)
    sizes = np.array([min(whole("a batch size", b), data.rows) for b in batch_sizes])
    copy, _ = training_copy(model, data)
    runner = Runner(copy.made, model._target)
    runner.compile()
    found = []
    for batch in sizes:
        session, best, begin, passes = runner.open(data, int(batch)), np.inf, time.perf_counter(), 0
        while passes < 3 or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            session.run(0, session.steps, config.seed(), 0)
            best, passes = min(best, time.perf_counter() - start), passes + 1
        found.append(data.rows / best)
    return Throughput(sizes, np.array(found), data.rows)
