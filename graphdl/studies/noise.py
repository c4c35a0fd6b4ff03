"""The noise of a batch's gradient against the size of the batch.

A batch of B examples drawn at random has a gradient whose mean is ∇J and whose standard deviation is
σ/√B, σ being that of one example. So sd·√B is the same for every B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.function import function
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.objective import Objective, objective
from graphdl.table import render


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
        cells = [(b, f"{s:.4g}", f"{c:.4g}") for b, s, c in rows]
        footer = [
            f"one example: σ = {self.sigma:.4g}",
            f"mean of all single gradients − ∇J: {self.single_mean_error:.1e} of ‖∇J‖",
        ]
        return render("gradient noise", ("batch B", "sd of ∇J", "sd·√B"), cells, footer)

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
    full, times = of(np.arange(rows)), whole("draws", draws)
    total, squares = np.zeros_like(full), 0.0
    for k in range(rows):  # one after the other: all of them at once may not fit into memory
        single = of(np.array([k]))
        total += single
        squares += np.sum((single - full) ** 2)
    deviations = [
        np.sqrt(np.mean([_off(of(draw.integers(0, rows, b)), full) for _ in range(times)]))
        for b in sizes
    ]
    error = np.linalg.norm(total / rows - full) / max(np.linalg.norm(full), 1e-300)
    return GradientNoise(sizes, np.array(deviations), float(np.sqrt(squares / rows)), float(error))


def _off(gradient: np.ndarray, full: np.ndarray) -> float:
    return float(np.sum((gradient - full) ** 2))


def gradient_of_rows(j: Objective) -> Any:
    """Numbers of examples ↦ the gradient of their mean loss, as one flat float64 vector."""
    run = function(list(j.symbols), j.gradients, target=j.target)

    def of(rows: np.ndarray) -> np.ndarray:
        found = run(*(a[rows] for a in j.arrays))
        return np.concatenate([np.ravel(g) for g in found]).astype(np.float64)

    return of
