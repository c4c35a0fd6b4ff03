"""What dropout and early stopping do to the loss on training and on test data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import callbacks, layers
from graphdl.config import seeded
from graphdl.model import Model
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.capacity import Examples, fitted, hidden_layer
from graphdl.table import render


@dataclass(frozen=True)
class Run:
    """One training: losses after each epoch, and the test loss of the weights that were kept."""

    name: str
    train: np.ndarray
    test: np.ndarray
    kept: float

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest test loss, counted from 1."""
        return int(np.argmin(self.test)) + 1


@dataclass(frozen=True)
class Regularisation:
    """The same network trained plainly and with each means against overfitting."""

    runs: list[Run]

    def __getitem__(self, name: str) -> Run:
        return next(r for r in self.runs if r.name == name)

    def __str__(self) -> str:
        rows = [
            (r.name, len(r.train), f"{r.train[-1]:.4g}", f"{r.test[-1]:.4g}",
             f"{r.test.min():.4g} ({r.best_epoch})", f"{r.kept:.4g}")
            for r in self.runs
        ]  # fmt: skip
        columns = ("", "epochs", "last train", "last test", "lowest test (epoch)", "kept test")
        return render("the loss on training and test data", columns, rows, width=90)

    def plot(self, ax: Any = None) -> Any:
        """Losses against the epoch: training thin, test thick, the lowest test loss marked."""
        ax = picture.axes(ax, (7.2, 4.6))
        for k, r in enumerate(self.runs):
            style, epochs = picture.line(k), np.arange(1, len(r.train) + 1)
            ax.plot(epochs, r.train, linewidth=0.9, alpha=0.4, zorder=1, **style)
            ax.plot(epochs, r.test, linewidth=2.2, label=r.name, **style)
            mark = {"markersize": 8, "markeredgecolor": "black"}
            ax.plot(
                r.best_epoch, r.test.min(), picture.MARKERS[k % 7], color=style["color"], **mark
            )
        if all(min(r.train.min(), r.test.min()) > 0 for r in self.runs):
            ax.set_yscale("log")
        return picture.finish(ax, "epoch", "loss", "thin: training, thick: test, mark: lowest test")


def regularisation(
    train: Examples, test: Examples, *, rate: float = 0.5, patience: int = 100, epochs: int = 600,
    width: int = 128, batch_size: int = 32, seed: int = 0,
    build: Callable[[Sequence[Any]], Model] | None = None,
) -> Regularisation:  # fmt: skip
    """Train a wide network four times: plain, with dropout, with early stopping, with both.

    rate: of dropout; patience: epochs without a lower test loss before the training is stopped and the
    best weights are put back. build: a list of layers to stand behind the hidden layer → compiled
    model; by default what `capacity` builds, `width` units wide.
    All four start from the same weights (the same `seed`).
    """
    wait, seed = whole("patience", patience, 0), whole("seed", seed, 0)
    make = build or (lambda extra: hidden_layer(train, width, extra))
    runs = []
    for name, drops, stops in (
        ("plain", False, False),
        ("dropout", True, False),
        ("early stopping", False, True),
        ("both", True, True),
    ):
        with seeded(seed):
            extra = [layers.Dropout(rate)] if drops else []
            watch = [_early_stopping(wait)] if stops else []
            model = make(extra)
            history = fitted(model, train, test, epochs, batch_size, watch)
            kept = model.evaluate(*test, verbose=0, return_dict=True)["loss"]
        losses = np.array(history["loss"]), np.array(history["val_loss"])
        runs.append(Run(name, *losses, float(kept)))
    return Regularisation(runs)


def _early_stopping(patience: int) -> Any:
    return callbacks.EarlyStopping(monitor="val_loss", patience=patience, restore_best_weights=True)
