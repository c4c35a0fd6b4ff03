"""`explore`: from a model and a batch to a page."""

from __future__ import annotations

import html
import os
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphdl.callbacks import History
from graphdl.core.errors import GraphError, ShapeError
from graphdl.explorer.engine import Engine, engine_of, predictor_of
from graphdl.explorer.page import assemble
from graphdl.explorer.playback import Recording
from graphdl.explorer.record import Record, manifest, numbers, record
from graphdl.files.disk import as_path, check_writable, replace
from graphdl.registry import whole
from graphdl.version import __version__

DOTS = 300  # points of the data that the map shows


class Page(os.PathLike):
    """A page that was written: its `path`, which `os.fspath` gives, and `show()` for a notebook."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._text = path, text

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<the page {self.path}, {len(self._text.encode()) // 1024} KiB>"

    def open(self) -> None:
        """Show it in the system's browser."""
        webbrowser.open(self.path.as_uri())

    def show(self, height: int = 900) -> Frame:
        """The page for a notebook's output, kept apart from the notebook's own style and code."""
        return Frame(self._text, whole("height", height))


@dataclass(frozen=True)
class Frame:
    """A page in a frame: what a notebook shows where this is the last value of a cell."""

    text: str
    height: int

    def _repr_html_(self) -> str:
        content = html.escape(self.text, quote=True)
        return (
            f'<iframe srcdoc="{content}" width="100%" height="{self.height}" '
            'title="graphdl explorer" sandbox="allow-scripts"></iframe>'
        )


def explore(
    model: Any,
    x: Any,
    y: Any,
    path: Any = "explore.html",
    *,
    weight: Any = None,
    playback: Any = None,
    title: str | None = None,
    examples: int = 16,
    open: bool = False,
) -> Page:
    """Write a page on where each gradient of `model` comes from; it needs no network and no server.

    x, y: a batch in the form that `fit` takes; the page computes on its first `examples` rows.
    weight: what is lit at first, "dense/kernel" or ("dense/kernel", 0, 2) for one element.
    playback: a `Recording` that was among the callbacks of `fit`, to play its training again; or the
        history that `fit` returned, for the curve of the loss alone.
    open: show the page in the system's browser.

    Raises what `fit` raises for data that does not fit, NotCompiledError before `compile`,
    GraphError for a weight that there is not, and OSError where nothing can be written. A file of
    that name is replaced.
    """
    goal = as_path(path)
    check_writable(goal, overwrite=True)
    model._require_compiled("explore")
    data = model._data("explore", x, y, None, None)
    batch = data.part(0, whole("examples", examples))
    arrays = [*batch.inputs, batch.target]
    engine = engine_of(model, (batch.target.shape[1:], batch.target.dtype.name))
    text = _page_text(model, engine, arrays, data, weight, playback, title)
    replace(goal, [text.encode()])
    page = Page(goal, text)
    if open:
        page.open()
    return page


def _page_text(
    model: Any, engine: Engine, arrays: list[np.ndarray], data: Any, weight: Any,
    playback: Any, title: str | None,
) -> str:  # fmt: skip
    made = record(model, engine, arrays)
    known = made.known
    if weight is not None:
        known["start"] |= _chosen(model, engine, weight)
    shown, all_ = len(arrays[0]), data.rows
    known["rows"] = all_
    known["playback"] = None if playback is None else _playback(model, engine, playback)
    predictor = predictor_of(model, engine)
    known["predictor"] = None
    programs = {"makeProgram": engine.compiled}
    if predictor is not None:
        programs["makePredictor"] = predictor.compiled
        known["predictor"] = {
            "engine": manifest(predictor.compiled, ["value:ŷ"]),
            "input": predictor.input.attrs["name"],
            **_plane(data),
        }
    pictures = {"units": made.units, "layers": made.layers, "width": "wide" * made.wide}
    return assemble(known, pictures, _texts(model, made, known, shown, all_, title), programs)


def _chosen(model: Any, engine: Engine, weight: Any) -> dict[str, Any]:
    """The station and element of a weight named by the caller."""
    name, *index = weight if isinstance(weight, (tuple, list)) else (weight,)
    variable = model.weight(name)
    stations = [s.node for s in engine.journey.stations]
    symbol = engine.state.get(variable)
    if symbol not in stations:
        raise GraphError(f"{name!r} is not trained, so the loss has no gradient for it")
    shape = variable.storage.shape
    fits = len(index) == len(shape) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
    if index and not fits:
        raise ShapeError(f"{name!r} has shape {shape}, so {tuple(index)} is no element of it")
    at = [int(i) for i in index] or [0] * len(shape)
    return {"weight": stations.index(symbol), "index": at}


def _playback(model: Any, engine: Engine, playback: Any) -> dict[str, Any]:
    if isinstance(playback, History):
        losses = [float(v) for v in playback.history.get("loss", ())]
        if not losses:
            raise ValueError("playback is a history without a loss: give it after a fit")
        return {"loss": losses, "epochs": [], "states": []}
    if not isinstance(playback, Recording):
        raise TypeError(
            f"playback is a gd.explorer.Recording that was given to fit(callbacks=[…]), or the "
            f"history that fit returns, got {type(playback).__name__}"
        )
    if not playback.loss:
        raise ValueError("playback has recorded nothing yet: give it to fit(callbacks=[…]) first")
    names = [engine.state[w].attrs["name"] if w in engine.state else "" for w in model.weights]
    shapes = [w.storage.shape for w in model.weights]
    states = []
    for values in playback.states.values():
        if [v.shape for v in values] != shapes:
            raise ShapeError("playback was recorded with another model: its weights differ")
        kept = zip(names, values, strict=True)
        states.append([{"name": n, **numbers(v)} for n, v in kept if n])
    return {"loss": playback.loss, "epochs": list(playback.states), "states": states}


def _plane(data: Any) -> dict[str, Any]:
    """The part of the plane in which the data lies, some of its points and their classes."""
    points = data.inputs[0].astype(float)
    low, high = points.min(0), points.max(0)
    margin = np.maximum(0.08 * (high - low), 0.5 * (high == low))
    every = -(-len(points) // DOTS)
    target = data.target.reshape(len(data.target), -1)
    labels = target.argmax(1) if target.shape[1] > 1 else np.rint(target[:, 0])
    return {
        "low": (low - margin).tolist(),
        "high": (high + margin).tolist(),
        "points": points[::every].round(5).tolist(),
        "labels": labels[::every].astype(int).tolist(),
    }


# ------------------------------------------------------------------ words


def _texts(
    model: Any, made: Record, known: Mapping[str, Any], shown: int, all_: int, title: str | None
) -> dict[str, str]:
    """What stands on the page before any program runs."""
    count = sum(w.storage.size for w in model.weights)
    batch = f"{shown} example{'s' * (shown > 1)}"
    if all_ > shown:
        batch = f"the first {shown} of {all_} examples"
    weights = ", ".join(
        f"{s['shown']} is {s['user']}" for s in known["stations"] if s["role"] == "weight"
    )
    drawn = f"; random draws with seed {known['seed']}" if known["draws"] else ""
    footer = (
        f"{model.name}: {count} weights ({weights}); {batch}{drawn}. Made by graphdl "
        f"{__version__}. This page computes in float64, with the program that graphdl made of the "
        "training step; it loads nothing and sends nothing."
    )
    return {
        "title": title or f"Backpropagation in {model.name}, number by number",
        "generator": f"graphdl {__version__}",
        "optimizer": known["optimizer"]["name"],
        "map": "What the network says for each point of the plane of its two inputs: orange towards "
        "0, blue towards 1. Dots are examples of class 0, squares of class 1; the ring is the "
        "example that is looked at.",
        "noscript": _unclicked(known),
        "footer": footer,
    }


def _unclicked(known: Mapping[str, Any]) -> str:
    """The story where no script runs."""
    start = known["start"]
    name = known["stations"][start["weight"]]["shown"]
    at = ", ".join(map(str, start["index"]))
    return (
        f"This page computes in your browser, and scripts are switched off here. It shows how the "
        f"loss J depends on each weight, such as {name}[{at}]: by the chain rule, a gradient is the "
        "product of what arrives from the loss, what the unit passes on, and the weight's own "
        "input, added up over all paths."
    )
