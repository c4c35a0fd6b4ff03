"""The loss over a plane in the space of weights: J(W* + α·δ + β·η).

The plane is spanned by two single weights, by two filter-normalised random directions (Li et al.,
"Visualizing the Loss Landscape of Neural Nets", 2017), or by the two principal directions of the
path that training took. The whole grid is one run of one
compiled program, α and β being its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl.callbacks import Callback
from graphdl.core.errors import GraphError, ShapeError
from graphdl.core.graph import Node, Variable, replace
from graphdl.registry import number, whole
from graphdl.studies import picture
from graphdl.studies.copies import copied
from graphdl.studies.objective import Objective, objective
from graphdl.studies.rows import Rows, with_data

Direction = list[np.ndarray]  # one array for each weight


class WeightPath(Callback):
    """Keeps the trainable weights as training goes on: `points`, at the start and after each epoch."""

    def __init__(self) -> None:
        self.points: list[Direction] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if not self.points:
            self._keep()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._keep()

    def _keep(self) -> None:
        self.points.append([w.value for w in self.model.trainable_weights])


@dataclass(frozen=True)
class Landscape:
    """J on a grid: `losses[i, k]` at `alphas[k]` along the first direction, `betas[i]` the second.

    `centre` is J(W*), the value at (0, 0). `path` (points, 2) is the path of training projected onto
    the plane; `explained` the share of its variance that each direction carries, where known.
    """

    alphas: np.ndarray
    betas: np.ndarray
    losses: np.ndarray
    centre: float
    labels: tuple[str, str]
    directions: tuple[Direction, Direction] = field(repr=False)
    path: np.ndarray | None = None
    explained: tuple[float, float] | None = None

    def __str__(self) -> str:
        grid = f"{len(self.alphas)} × {len(self.betas)} points"
        low, high = np.nanmin(self.losses), np.nanmax(self.losses)
        values = f"{low:.4g} to {high:.4g}, {self.centre:.4g} at (0, 0)"
        return f"J over {' and '.join(self.labels)}: {grid}, {values}"

    def plot(self, ax: Any = None) -> Any:
        """Contours of J, W* as a star, the path with its start as a circle."""
        ax = picture.axes(ax, (6.2, 5.0))
        values, levels, title = _levels(self.losses)
        filled = ax.contourf(self.alphas, self.betas, values, levels=levels, cmap="viridis")
        ax.contour(self.alphas, self.betas, values, levels=levels, colors="white", linewidths=0.4)
        ax.figure.colorbar(filled, ax=ax, label=title)
        if self.path is not None:
            ax.plot(*self.path.T, "-", color="black", linewidth=3.2)  # an edge, for dark ground
            mark = {"color": "white", "markeredgecolor": "black"}
            ax.plot(
                *self.path.T, ".-", linewidth=1.6, markersize=7, label="path of training", **mark
            )
            ax.plot(*self.path[0], "s", markersize=8, label="start", **mark)
        star = {"color": "white", "markeredgecolor": "black", "markersize": 13}
        ax.plot(0, 0, "*", label=f"W*: J = {self.centre:.4g}", **star)
        return picture.finish(ax, self.labels[0], self.labels[1])

    def surface(self, ax: Any = None) -> Any:
        """J as a surface; `ax` is a 3-D axes."""
        if ax is None:
            figure = picture.pyplot().figure(figsize=(6.4, 5.2))
            ax = figure.add_axes((0.0, 0.02, 0.94, 0.98), projection="3d")
        values, _, title = _levels(self.losses)
        grid = np.meshgrid(self.alphas, self.betas)
        ax.plot_surface(*grid, values, cmap="viridis", linewidth=0, antialiased=True)
        ax.locator_params(nbins=5)
        ax.set_box_aspect(None, zoom=0.9)  # room for the labels
        ax.set_xlabel(self.labels[0], labelpad=10)
        ax.set_ylabel(self.labels[1], labelpad=10)
        ax.set_zlabel(title, labelpad=8)
        return ax


def _levels(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """What is drawn, at which levels: log J where J spans more than three decades."""
    values = np.where(np.isfinite(losses), losses, np.nan)
    low, high = np.nanmin(values), np.nanmax(values)
    if low > 0 and high > 1e3 * low:
        values, title = np.log10(values), "log10 of the loss J"
    else:
        title = "loss J"
    low, high = np.nanmin(values), np.nanmax(values)
    return values, np.linspace(low, high if high > low else low + 1, 25), title


# ------------------------------------------------------------------ the studies


def landscape(
    subject: Any, x: Any = None, y: Any = None, *, along: Any = "random", span: float = 1.0,
    points: int = 51, seed: int = 0, path: WeightPath | Sequence[Direction] | None = None,
    wrt: Any = None, data: Mapping[Node, Any] | None = None, target: str | None = None,
) -> Landscape:  # fmt: skip
    """J over a plane through the weights as they stand, W*.

    along: "random" for two filter-normalised random directions drawn from `seed`; "pca" for the two
    principal directions of `path`; or two single weights, each (variable or its name, index):
    along=[("dense/kernel", (0, 0)), ("dense/bias", 0)].
    span: the grid runs from −span to span (for "random": 1 is the weights' own size), and further
    where the path does. path: a `WeightPath` callback that saw the training; drawn projected.
    """
    j = objective(subject, x, y, wrt=wrt, data=data, target=target)
    count, span = whole("points", points, 2), number("span", span, 1e-12)
    walked = None if path is None else _offsets(j, path)
    directions, labels, explained = _plane(j, along, seed, walked)
    shadow = None if walked is None else project(walked, directions)
    alphas, betas = (_axis(k, span, count, shadow) for k in (0, 1))
    grid = [np.append(axis.ravel(), 0.0) for axis in np.meshgrid(alphas, betas)]
    *found, centre = along_directions(j, directions).run(*grid)[0]
    losses = np.array(found).reshape(len(betas), len(alphas))
    return Landscape(alphas, betas, losses, float(centre), labels, directions, shadow, explained)


def _plane(
    j: Objective, along: Any, seed: int, walked: np.ndarray | None
) -> tuple[tuple[Direction, Direction], tuple[str, str], tuple[float, float] | None]:
    """The two directions, what they are called, and their shares of the path."""
    if isinstance(along, str) and along == "random":
        names = ("first random direction", "second random direction")
        return _random_pair(j, seed), names, None
    if isinstance(along, str) and along == "pca":
        directions, shares = _principal(j, walked)
        first, second = (
            f"principal direction {k} ({s:.0%} of the path)" for k, s in enumerate(shares, 1)
        )
        return directions, (first, second), shares
    return *_single(j, along), None


def _axis(k: int, span: float, count: int, shadow: np.ndarray | None) -> np.ndarray:
    """An odd count has 0 in its middle; a path that leaves the span widens it, with a margin."""
    reach = span if shadow is None else max(span, 1.1 * float(np.abs(shadow[:, k]).max()))
    return np.linspace(-reach, reach, count)


def along_directions(j: Objective, directions: Sequence[Direction]) -> Rows:
    """(α, β, …) ↦ J(W* + α·δ + β·η + …), one row a point, all points in one run."""
    held = [[_held(d, w) for d, w in zip(ds, j.weights, strict=True)] for ds in directions]
    names = [f"step{k}" for k in range(len(directions))]
    rows = Rows(names, j.weights[0].dtype, j.target)
    moved: dict[Node, Node] = {}
    for k, w in enumerate(j.weights):
        point: Node = copied(w)
        for step, direction in zip(rows.numbers, held, strict=True):
            point = point + step * direction[k]
        moved[w] = point
    return rows.compile(replace([with_data(j)], moved))


def _held(direction: np.ndarray, w: Variable) -> Variable:
    """A direction as a variable: its numbers are no part of the program."""
    held = copied(w)
    held.assign(direction)
    return held


# ------------------------------------------------------------------ directions


def _random_pair(j: Objective, seed: int) -> tuple[Direction, Direction]:
    draw = np.random.default_rng(whole("seed", seed, 0))
    return tuple(  # type: ignore[return-value]
        [filter_normalised(draw.normal(size=w.storage.shape), w.storage) for w in j.weights]
        for _ in range(2)
    )


def filter_normalised(direction: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """d_u ← d_u/‖d_u‖ · ‖w_u‖ for each unit u (the last axis); 0 for biases and other vectors."""
    if weight.ndim < 2:
        return np.zeros_like(direction)
    inputs = tuple(range(weight.ndim - 1))
    norm = lambda a: np.sqrt(np.sum(np.square(a, dtype=np.float64), inputs, keepdims=True))  # noqa: E731
    return direction / norm(direction) * norm(weight)


def _principal(
    j: Objective, walked: np.ndarray | None
) -> tuple[tuple[Direction, Direction], tuple[float, float]]:
    """The two directions in which the path extends most, and their shares of its variance."""
    if walked is None or len(walked) < 3:
        raise ValueError(
            'along="pca" needs the path of a training of two epochs or more: '
            "fit(…, callbacks=[path := gd.studies.WeightPath()]), then path=path"
        )
    _, size, axes = np.linalg.svd(walked, full_matrices=False)
    shares = np.square(size) / max(np.sum(np.square(size)), np.finfo(float).tiny)
    ends = np.cumsum([w.storage.size for w in j.weights])[:-1]
    parts = [
        [
            p.reshape(w.storage.shape)
            for p, w in zip(np.split(axes[k], ends), j.weights, strict=True)
        ]
        for k in (0, 1)
    ]
    return (parts[0], parts[1]), (float(shares[0]), float(shares[1]))


def _single(j: Objective, along: Any) -> tuple[tuple[Direction, Direction], tuple[str, str]]:
    """Two elements of weights as directions of length 1."""
    if not isinstance(along, (list, tuple)) or len(along) != 2:
        raise ValueError(f"along is 'random', 'pca' or two weights, got {along!r:.80}")
    made = [_element(j, item) for item in along]
    return (made[0][0], made[1][0]), (made[0][1], made[1][1])


def _element(j: Objective, item: Any) -> tuple[Direction, str]:
    which, index = item if isinstance(item, tuple) else (item, ())
    index = index if isinstance(index, tuple) else (index,)
    owners = {w.name: k for k, w in enumerate(j.originals)}
    name = which.name if isinstance(which, Variable) else which
    if name not in owners:
        raise GraphError(f"no weight is called {name!r}; there are {', '.join(owners)}")
    direction = [np.zeros(w.storage.shape) for w in j.weights]
    chosen = direction[owners[name]]
    try:
        if len(index) != chosen.ndim:
            raise IndexError
        chosen[index] = 1
    except IndexError:
        raise ShapeError(f"{name!r} of shape {chosen.shape} has no element {index}") from None
    text = f"{name}[{', '.join(map(str, index))}]" if index else name
    return direction, f"change of {text}"


# ------------------------------------------------------------------ the path


def _offsets(j: Objective, path: WeightPath | Sequence[Direction]) -> np.ndarray:
    """Each point of the path as a flat vector from W*."""
    points = path.points if isinstance(path, WeightPath) else list(path)
    shapes = [w.storage.shape for w in j.weights]
    for point in points:
        if [np.shape(a) for a in point] != shapes:
            raise ShapeError(
                f"a point of the path has arrays of {[np.shape(a) for a in point]}, "
                f"the weights are of {shapes}"
            )
    flat = lambda arrays: np.concatenate([np.ravel(a) for a in arrays]).astype(np.float64)  # noqa: E731
    here = flat([w.storage for w in j.weights])
    return np.array([flat(p) - here for p in points])


def project(offsets: np.ndarray, directions: Sequence[Direction]) -> np.ndarray:
    """The coefficients of the nearest points in the plane (the directions need not be orthogonal)."""
    basis = np.stack([np.concatenate([np.ravel(a) for a in d]) for d in directions], axis=1)
    return np.linalg.lstsq(basis, offsets.T)[0].T
