"""Where a network of two inputs decides: the exact line of a perceptron, the regions of any other.

g(w0 + w1·x1 + w2·x2) with a rising g decides on the line w0 + w1·x1 + w2·x2 = 0: z < 0 on one side
gives ŷ < g(0), z > 0 on the other ŷ > g(0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError, ShapeError
from graphdl.core.graph import Graph, Node, rebuild, walk
from graphdl.differentiate.chain_rule import gradients
from graphdl.function import function
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import whole
from graphdl.rewrite.simplify import simplify
from graphdl.studies import picture

LEVEL = {"sigmoid": 0.5, "tanh": 0.0, "softsign": 0.0, "relu": 0.0}  # g(z) > g(0) only for z > 0


@dataclass(frozen=True)
class Line:
    """w0 + w1·x1 + w2·x2 = 0"""

    w0: float
    w1: float
    w2: float

    @property
    def intercepts(self) -> tuple[float | None, float | None]:
        """Where it meets the x1 and the x2 axis; None where it does not."""
        return tuple(-self.w0 / w if w else None for w in (self.w1, self.w2))  # type: ignore[return-value]

    def z(self, point: Sequence[float]) -> float:
        """w0 + w1·x1 + w2·x2: its sign is the side"""
        return self.w0 + self.w1 * point[0] + self.w2 * point[1]

    def distance(self, point: Sequence[float]) -> float:
        """|z|/‖(w1, w2)‖"""
        return abs(self.z(point)) / float(np.hypot(self.w1, self.w2))

    def __str__(self) -> str:
        terms = f"{self.w0:.6g} {self.w1:+.6g}·x1 {self.w2:+.6g}·x2".replace("+", "+ ")
        return terms.replace(" -", " − ").replace("-", "−") + " = 0"


@dataclass(frozen=True)
class Decision:
    """The outputs on a grid over the two inputs, and the line where there is an exact one.

    outputs: (len(x2), len(x1), units); level: the output that parts the sides (one unit).
    """

    x1: np.ndarray
    x2: np.ndarray
    outputs: np.ndarray
    level: float
    line: Line | None
    _run: Any = field(repr=False)
    data: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    def __call__(self, points: Any) -> np.ndarray:
        """The outputs at points, one a row."""
        return self._run(np.atleast_2d(np.asarray(points)))

    @property
    def classes(self) -> np.ndarray:
        """The class at each place of the grid."""
        if self.outputs.shape[-1] > 1:
            return self.outputs.argmax(-1)
        return (self.outputs[..., 0] > self.level).astype(np.int64)

    def __str__(self) -> str:
        if self.line is None:
            return f"{len(np.unique(self.classes))} regions seen; no single line parts them"
        text = [f"{self.line}: ŷ > {self.level:g} exactly where z > 0"]
        for name, at in zip(("x1", "x2"), self.line.intercepts, strict=True):
            text.append(
                f"meets the {name} axis at {at:.6g}"
                if at is not None
                else f"never meets the {name} axis"
            )
        return "; ".join(text)

    def plot(self, ax: Any = None) -> Any:
        """Output as shade, the decision as a thick line, data as marks of their class."""
        ax = picture.axes(ax, (6.0, 4.8))
        if self.outputs.shape[-1] == 1:
            self._shade(ax)
        else:
            colours = picture.COLOURS[: self.outputs.shape[-1]]
            edges = np.arange(len(colours) + 1) - 0.5
            ax.contourf(self.x1, self.x2, self.classes, edges, colors=colours, alpha=0.3)
            self._name_regions(ax)
        if self.data is not None:
            _scatter(ax, *self.data)
        return picture.finish(ax, "x1", "x2", str(self.line) if self.line else "")

    def _name_regions(self, ax: Any) -> None:
        """The number of each class, at the place where its output is surest."""
        for k in np.unique(self.classes):
            row, column = np.unravel_index(self.outputs[..., k].argmax(), self.classes.shape)
            inner = lambda at, axis: 0.85 * at + 0.15 * axis.mean()  # noqa: E731  (off the edge)
            place = inner(self.x1[column], self.x1), inner(self.x2[row], self.x2)
            ax.text(*place, f"class {k}", ha="center", va="center")

    def _shade(self, ax: Any) -> None:
        values = self.outputs[..., 0]
        reach = max(float(np.abs(values - self.level).max()), 1e-12)
        levels = np.linspace(self.level - reach, self.level + reach, 21)
        shade = ax.contourf(self.x1, self.x2, values, levels, cmap="RdBu", alpha=0.8)
        ax.figure.colorbar(shade, ax=ax, label="output ŷ", ticks=levels[::5])
        if values.min() < self.level < values.max():
            ax.contour(self.x1, self.x2, values, [self.level], colors="black", linewidths=2)


def _scatter(ax: Any, x: np.ndarray, labels: np.ndarray) -> None:
    for k, label in enumerate(np.unique(labels)):
        at = labels == label
        ax.scatter(*x[at].T, marker=picture.MARKERS[k % 7], color=picture.COLOURS[(1 - k) % 7],
                   edgecolors="white", linewidths=0.6, s=28, label=f"class {label:g}")  # fmt: skip


def decision(
    subject: Any, data: tuple[Any, Any] | None = None, *, level: float | None = None,
    bounds: tuple[tuple[float, float], tuple[float, float]] | None = None, points: int = 101,
    target: str = "cpu",
) -> Decision:  # fmt: skip
    """The decision of a network of two inputs.

    subject: a model with two inputs, or a node of one symbol of shape (n, 2) or of two of shape (n,).
    The exact line is found where what g is applied to is linear in the inputs, which holds when its
    gradient does not depend on them. level: by default g(0) for sigmoid and tanh, else 0.5 for a
    model and 0 for a node. bounds: ((x1 low, high), (x2 low, high)); the data with a margin by
    default, else −3 to 3.
    """
    output, symbols = _two_inputs(subject)
    inner, found = _inside(output)
    line = _line(inner, symbols, target) if found is not None or not _is_model(subject) else None
    if level is None:
        level = found if found is not None else 0.5 if _is_model(subject) else 0.0
    elif found is not None and level != found:
        line = None
    run = _runner(output, symbols, target)
    pair = None if data is None else (np.asarray(data[0]), np.asarray(data[1]).reshape(-1))
    axes = _grid(bounds, pair, whole("points", points, 2))
    places = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    outputs = run(places).reshape(len(axes[1]), len(axes[0]), -1)
    return Decision(*axes, outputs, float(level), line, run, pair)


def _is_model(subject: Any) -> bool:
    return not isinstance(subject, Node)


def _two_inputs(subject: Any) -> tuple[Node, list[Node]]:
    if isinstance(subject, Node):
        output = subject
        symbols = [n for n in walk([subject]) if n.op.name == "tensor"]
    elif not hasattr(subject, "symbolic_outputs"):
        raise TypeError(f"decision takes a model or a node, got {type(subject).__name__}")
    else:
        output, symbols = subject.symbolic_outputs()[0], list(subject._symbols)
    shapes = [s.shape[1:] for s in symbols]
    if shapes not in ([(2,)], [(), ()]):
        forms = ", ".join(str(s.type) for s in symbols) or "none"
        raise ShapeError(f"decision needs two inputs to draw over, got the symbols {forms}")
    return output, sorted(symbols, key=lambda s: s.attrs["name"])


def _inside(output: Node) -> tuple[Node, float | None]:
    """(z, g(0)) where the output is g(z) of a rising g, or a part of it, else (the output, None)."""
    node, moves = output, []
    while node.op.moves and len(node.inputs) == 1:  # a name, a slice, another shape
        moves.append(node)
        node = node.inputs[0]
    if node.op.name not in LEVEL:
        return output, None
    z = node.inputs[0]
    for move in reversed(moves):
        z = rebuild(move, (z,))
    return z, LEVEL[node.op.name]


def _line(z: Node, symbols: list[Node], target: str) -> Line | None:
    """The line z = 0, where ∂z/∂x does not depend on x."""
    if z.rank > 1 and z.shape[-1] != 1:
        return None
    slopes = gradients(sum_(z), symbols, or_zero=True)
    constant = simplify(Graph(symbols, slopes))[0]
    if any(n.op.name == "tensor" for n in constant.nodes):
        return None
    zero = [np.zeros([1 if not isinstance(d, int) else d for d in s.shape]) for s in symbols]
    value, *found = function(symbols, [z, *slopes], target=target)(*zero)
    w1, w2 = (float(w) for w in np.concatenate([np.ravel(a) for a in found]))
    return Line(float(np.ravel(value)[0]), w1, w2)


def _runner(output: Node, symbols: list[Node], target: str) -> Any:
    made = function(symbols, output, target=target)

    def run(points: np.ndarray) -> np.ndarray:
        if points.shape[1:] != (2,):
            raise ShapeError(f"points have two coordinates, got shape {points.shape}")
        arrays = [points] if len(symbols) == 1 else list(points.T)
        found = np.asarray(made(*arrays))
        if len(found) != len(points):
            raise GraphError("the node has not one row of outputs for each point")
        return found.reshape(len(points), -1)

    return run


def _grid(bounds: Any, data: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    if bounds is None and data is not None:
        low, high = data[0].min(0), data[0].max(0)
        margin = 0.1 * np.maximum(high - low, 1e-6)
        bounds = zip(low - margin, high + margin, strict=True)
    (a, b), (c, d) = bounds or ((-3.0, 3.0), (-3.0, 3.0))
    return np.linspace(a, b, count), np.linspace(c, d, count)
