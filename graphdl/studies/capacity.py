"""Under-, ideal and overfitting: the loss on training and on test data against the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import layers
from graphdl.config import seeded
from graphdl.model import Model
from graphdl.optimizers import Adam
from graphdl.registry import whole
from graphdl.sequential import Sequential
from graphdl.studies import picture
from graphdl.table import render

Examples = tuple[Any, Any]


@dataclass(frozen=True)
class Capacity:
    """For each width the number of parameters and the losses after each epoch: (widths, epochs)."""

    widths: np.ndarray
    parameters: np.ndarray
    train: np.ndarray
    test: np.ndarray

    @property
    def best(self) -> int:
        """The width with the lowest test loss after the last epoch."""
        return int(self.widths[np.argmin(self.test[:, -1])])

    @property
    def gaps(self) -> np.ndarray:
        """Test loss − training loss after the last epoch: what was learnt by heart."""
        return self.test[:, -1] - self.train[:, -1]

    def verdict(self, k: int) -> str:
        """Below the best width a network underfits, above it it overfits."""
        best = self.best
        if self.widths[k] == best:
            return "ideal"
        return "underfits" if self.widths[k] < best else "overfits"

    def __str__(self) -> str:
        rows = [
            (int(w), int(p), f"{a[-1]:.4g}", f"{b[-1]:.4g}", self.verdict(k))
            for k, (w, p, a, b) in enumerate(
                zip(self.widths, self.parameters, self.train, self.test, strict=True)
            )
        ]
        columns = ("width", "parameters", "train loss", "test loss", "")
        return render(f"after {self.train.shape[1]} epochs", columns, rows)

    def plot(self, ax: Any = None) -> Any:
        """Both losses against the width, the ideal one marked."""
        ax = picture.axes(ax)
        ax.plot(self.widths, self.train[:, -1], label="training data", **picture.line(0, True))
        ax.plot(self.widths, self.test[:, -1], label="test data", **picture.line(1, True))
        ax.axvline(self.best, color=picture.GREY, linestyle=":", label=f"ideal: {self.best} units")
        ax.set_xscale("log", base=2)
        if min(self.train[:, -1].min(), self.test[:, -1].min()) > 0:
            ax.set_yscale("log")
        return picture.finish(ax, "units of the hidden layer", "loss", "underfits ← → overfits")


def capacity(
    train: Examples, test: Examples, *, widths: Sequence[int] = (1, 2, 4, 16, 64),
    build: Callable[[int], Model] | None = None, epochs: int = 300, batch_size: int = 32,
    seed: int | None = None,
) -> Capacity:  # fmt: skip
    """Train one network for each width on `train` = (x, y); watch its loss on `test` = (x, y).

    build: width → compiled model; by default one hidden tanh layer and Adam at 0.01, with sigmoid and
    binary crossentropy for targets of 0 and 1, squared error for any others.
    seed: of everything random, set once before each network, so that the study
    repeats; the process's own seed stays in force where it is None.
    """
    tried = [whole("a width", w) for w in widths]
    seed = None if seed is None else whole("seed", seed, 0)
    make = build or (lambda width: hidden_layer(train, width))
    params, losses = [], []
    for width in tried:
        with seeded(seed):
            model = make(width)
            history = fitted(model, train, test, epochs, batch_size)
        params.append(model.count_params())
        losses.append((history["loss"], history["val_loss"]))
    both = np.array(losses)
    return Capacity(np.array(tried), np.array(params), both[:, 0], both[:, 1])


def hidden_layer(train: Examples, width: int, extra: Sequence[Any] = ()) -> Model:
    """One hidden tanh layer, layers of `extra`, an output; Adam at 0.01.

    Targets that are all 0 or 1 are classes: sigmoid and binary crossentropy. Any others are values:
    linear and squared error.
    """
    x, y = np.asarray(train[0]), np.asarray(train[1])
    classes = bool(np.isin(y, (0, 1)).all())
    outputs = 1 if y.ndim == 1 else y.shape[-1]
    first = layers.Input(shape=x.shape[1:])
    hidden = layers.Dense(width, activation="tanh")
    last = layers.Dense(outputs, activation="sigmoid" if classes else "linear")
    model = Sequential([first, hidden, *extra, last])
    model.compile(Adam(0.01), "binary_crossentropy" if classes else "mse")
    return model


def fitted(
    model: Model, train: Examples, test: Examples, epochs: int, batch_size: int,
    callbacks: Sequence[Any] = (),
) -> dict[str, list[float]]:  # fmt: skip
    """The history of losses; that of training is measured as Keras does, while weights move."""
    history = model.fit(
        *train, epochs=epochs, batch_size=batch_size, verbose=0, validation_data=test,
        callbacks=list(callbacks),
    )  # fmt: skip
    return history.history
