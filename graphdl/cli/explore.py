"""`graphdl explore`: a page for a saved model, or for one of the lecture's."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from graphdl import config, datasets, layers, optimizers
from graphdl.core.types import set_floatx
from graphdl.explorer import Page, Recording, explore
from graphdl.files.load import load_model
from graphdl.sequential import Sequential

STUDENT = ((4.0, 5.0), 1)  # lectures attended, hours on the project; the student passed


def run(asked: Namespace) -> None:
    """Write the page, and say where it is."""
    made = _of_model(asked) if asked.model else DEMOS[asked.demo](asked)
    size = made.path.stat().st_size // 1024
    sys.stdout.write(f"{made.path} ({size} KiB): open it in a browser, it needs no network\n")


def _of_model(asked: Namespace) -> Page:
    """The page of a saved model on the user's data."""
    if not asked.data:
        raise ValueError("--model needs --data FILE.npz with the arrays x and y to compute with")
    model = load_model(asked.model)
    with np.load(asked.data, allow_pickle=False) as arrays:
        missing = {"x", "y"} - set(arrays)
        if missing:
            there = ", ".join(arrays) or "nothing"
            raise ValueError(f"{asked.data} has no array {min(missing)!r}; it holds {there}")
        x, y = arrays["x"], arrays["y"]
    return explore(model, x, y, asked.out, title=Path(asked.model).stem, **_settings(asked))


def _settings(asked: Namespace) -> dict[str, Any]:
    return {"weight": asked.weight, "examples": asked.examples, "open": asked.open}


def _lecture(asked: Namespace) -> Page:
    """Will I pass this class? Two inputs, three hidden units, and a training to play again."""
    config.set_seed(asked.seed)
    set_floatx("float64")
    (x, y), _ = datasets.will_i_pass(standardize=False)
    features, passed = STUDENT
    x, y = np.vstack([features, x]) / 10, np.append(passed, y)
    model = Sequential(
        [layers.Input(shape=(2,)), layers.Dense(3, "tanh"), layers.Dense(1, "sigmoid")],
        name="will_i_pass",
    )
    model.compile(optimizers.SGD(0.5), "binary_crossentropy", target="python")
    recording = Recording()
    model.fit(x, y, epochs=24, batch_size=32, verbose=0, callbacks=[recording])
    title = "Will I pass this class? Where each gradient comes from"
    return explore(model, x, y, asked.out, playback=recording, title=title, **_settings(asked))


def _chain(asked: Namespace) -> Page:
    """ŷ = σ(w₂·σ(w₁·x)) at x = 1, y = 1: the lecture's own example of the chain rule."""
    set_floatx("float64")
    one = np.ones((1, 1))
    units = [layers.Dense(1, "sigmoid", use_bias=False) for _ in range(2)]
    model = Sequential([layers.Input(shape=(1,)), *units], name="chain")
    model.compile(optimizers.SGD(0.1), "binary_crossentropy", target="python")
    model.set_weights([0.5 * one, -one])
    title = "Two weights in a row: where each gradient comes from"
    return explore(model, one, one, asked.out, title=title, **_settings(asked))


DEMOS = {"lecture": _lecture, "chain": _chain}
