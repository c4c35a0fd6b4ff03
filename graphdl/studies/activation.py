"""An activation and its derivative: two curves, and the formulas that are compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import activations
from graphdl.core.errors import GraphError, ShapeError
from graphdl.core.graph import Graph, Node, replace
from graphdl.core.interpret import interpret
from graphdl.differentiate.chain_rule import gradients
from graphdl.ops.build import tensor
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import whole
from graphdl.rewrite.simplify import simplify
from graphdl.studies import picture

FLAT = 0.02  # of the largest slope: below it a neuron hardly learns


@dataclass(frozen=True)
class Activation:
    """g and g′ at the places z; `formula` and `derivative` as text.

    `derivative` is written with g for the output where the operation states it so: g·(1 − g).
    """

    name: str
    z: np.ndarray
    g: np.ndarray
    slope: np.ndarray
    formula: str
    derivative: str

    def __str__(self) -> str:
        return f"{self.name}: g(z) = {self.formula},  g′ = {self.derivative}"

    def plot(self, ax: Any = None) -> Any:
        """g solid, g′ dashed; where g′ is nearly 0 the ground is grey."""
        ax = picture.axes(ax)
        ax.plot(self.z, self.g, label="g(z)", linewidth=2, **picture.line(0))
        ax.plot(self.z, self.slope, label="g′(z)", linewidth=2, **picture.line(1))
        flat = np.abs(self.slope) < FLAT * np.abs(self.slope).max()
        ax.fill_between(self.z, 0, 1, where=flat, transform=ax.get_xaxis_transform(),
                        color=picture.GREY, alpha=0.12, label="saturated: g′ ≈ 0")  # fmt: skip
        return picture.finish(ax, "z", "value", f"{self.name}: g′ = {_short(self.derivative)}")


def _short(text: str, most: int = 44) -> str:
    return (
        text if len(text) <= most and "\n" not in text else f"{text.splitlines()[0][: most - 2]} …"
    )


def activation(
    function: Any, low: float = -6.0, high: float = 6.0, points: int = 401
) -> Activation:
    """The curves of an activation, by name or as a function of nodes, for low ≤ z ≤ high.

    The derivative is the one that backpropagation uses, at z = 0 too (0 for relu).
    """
    if not low < high:
        raise ValueError(f"low must be below high, got {low!r} and {high!r}")
    chosen = activations.get(function)
    z = tensor("z", ("n",), "float64")
    name = getattr(chosen, "__name__", str(function))
    formula, derivative = _formulas(chosen, name)
    g = chosen(z)
    slope = gradients(sum_(g), [z], or_zero=True)[0]
    at = np.linspace(low, high, whole("points", points, 2))
    values, slopes = _values([g, slope], z, at)
    return Activation(name, at, values, slopes, formula, derivative)


def _values(nodes: list[Node], z: Node, at: np.ndarray) -> list[np.ndarray]:
    return [np.array(a) for a in interpret(nodes, {z: at})]


def _formulas(function: Any, name: str) -> tuple[str, str]:
    """g and ∂g/∂z for one number; the derivative speaks of the output, as g, where its rule does."""
    z, output = tensor("z", ()), tensor("g", ())
    try:
        g = function(z)
    except ShapeError as error:
        raise ShapeError(
            f"{name} acts on whole rows, not on single numbers: it has no curve ({error})"
        ) from None
    if not isinstance(g, Node) or g.rank:
        raise ShapeError(f"{name} does not give one number for one number: it has no curve")
    slope = gradients(g, [z], or_zero=True)[0]
    simple = simplify(Graph([z], [slope]))[0].outputs[0]
    return _in_sympy(g), str(replace([simple], {g: output})[0])


def _in_sympy(g: Node) -> str:
    """What the operation is, in SymPy's notation where it has a form there."""
    try:
        return str(g.to_sympy())
    except GraphError:
        return str(g)
