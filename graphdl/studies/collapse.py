"""Stacked linear layers are one linear layer, however many: the proof, written out and checked.

(x·W₁ + b₁)·W₂ + b₂ = x·(W₁·W₂) + (b₁·W₂ + b₂). The graph of the model itself is read, not the names of
its layers: whatever is a product with weights plus a bias takes part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import Node, Variable, rebuild, replace, walk
from graphdl.core.interpret import interpret
from graphdl.lint.linear import Affine, layers_of, linear_runs
from graphdl.ops.build import tensor, variable
from graphdl.show.text import expression
from graphdl.studies import picture

ROWS = 64  # examples of the numeric check


@dataclass(frozen=True)
class Collapsed:
    """A run of linear layers and the one layer x·W + b that computes the same.

    equations: the proof, a line each; stacked and collapsed: what both give for the same random rows,
    computed in float64.
    """

    layers: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray | None
    equations: tuple[str, ...]
    stacked: np.ndarray
    collapsed: np.ndarray

    @property
    def difference(self) -> float:
        """The largest |stacked − collapsed|"""
        return float(np.max(np.abs(self.stacked - self.collapsed)))

    @property
    def scale(self) -> float:
        """The largest |stacked|"""
        return float(np.max(np.abs(self.stacked)))

    @property
    def exact(self) -> bool:
        """Equal but for rounding: within 1e-15 of the scale for each product on the way."""
        return self.difference <= 1e-15 * len(self.layers) * max(self.scale, 1.0)

    def __str__(self) -> str:
        return "\n".join([
            f"{' → '.join(self.layers)} collapse into one linear layer:",
            *(f"  {line}" for line in self.equations),
            f"  checked on {ROWS} random rows: difference {self.difference:.1e} of {self.scale:.3g}",
        ])  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Each output of the stack against that of the one layer: all on the diagonal."""
        ax = picture.axes(ax, (4.8, 4.6))
        ax.axline((0, 0), slope=1, color=picture.GREY, linestyle="--", label="equal")
        for k in range(min(self.stacked.shape[-1], len(picture.COLOURS))):
            style = {"color": picture.COLOURS[k], "marker": picture.MARKERS[k], "markersize": 4}
            x, y = self.collapsed[..., k].ravel(), self.stacked[..., k].ravel()
            ax.plot(x, y, linestyle="", label=f"output {k + 1}", **style)
        title = f"largest difference {self.difference:.1e}"
        return picture.finish(ax, "one layer x·W + b", " → ".join(self.layers), title)


@dataclass(frozen=True)
class Collapse:
    """The linear runs of a model, each with its proof."""

    model: str
    runs: tuple[Collapsed, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, k: int) -> Collapsed:
        return self.runs[k]

    def __str__(self) -> str:
        if not self.runs:
            return f"{self.model}: no two linear layers follow each other, so nothing collapses"
        return "\n".join(map(str, self.runs))


def collapse(model: Any) -> Collapse:
    """Every run of linear layers in a built model as one linear layer, proved and checked."""
    runs = linear_runs(model.symbolic_outputs())
    return Collapse(model.name, tuple(_collapsed(model, run) for run in runs))


def _collapsed(model: Any, run: Affine) -> Collapsed:
    stacked, one, base, weight, bias = _in_float64(run)
    draw = np.random.default_rng(0)
    x = draw.normal(size=[ROWS, *(d if isinstance(d, int) else ROWS for d in base.shape[1:])])
    left, right = interpret([stacked, one], {base: x})
    values = interpret([n for n in (weight, bias) if n is not None], {})
    return Collapsed(
        tuple(layers_of(model, run)),
        values[0],
        values[1].reshape(-1) if bias is not None else None,
        tuple(_proof(model, run)),
        left,
        right,
    )


def _in_float64(run: Affine) -> tuple[Node, Node, Node, Node, Node | None]:
    """(the run, x·W + b, x, W, b) over float64 copies: the check should not see float32's rounding."""
    base = tensor("x", run.base.type.shape, "float64")
    mapping: dict[Node, Node] = {run.base: base}
    weight, offset = run.weight, run.offset
    parts = [run.node, weight, *([offset] if offset is not None else [])]
    for node in walk(parts, stop={run.base}):
        if isinstance(node, Variable):
            mapping[node] = variable(node.storage, node.name, "float64")
    stacked, weight, *rest = replace(parts, mapping)
    one = base @ weight
    return stacked, one + rest[0] if rest else one, base, weight, rest[0] if rest else None


def _proof(model: Any, run: Affine) -> list[str]:
    """As declared, each layer put into the next, the products parted and joined, the result."""
    names = dict(model.short_names())
    title = run.node.attrs.get("name", "ŷ").rstrip("·")
    x = tensor("x", run.base.type.shape, run.base.dtype)
    plain = _without_names(run, x)
    weight, offset = run.weight, run.offset
    text = lambda node: expression(node, names)  # noqa: E731
    parted = _left_product(x, run)
    lines = [f"{title} = {text(plain)}"]
    if offset is not None:
        lines.append(f"{'':{len(title)}} = {text(parted)} + {text(offset)}")
        lines.append(f"{'':{len(title)}} = x @ ({text(weight)}) + ({text(offset)})")
    else:
        lines.append(f"{'':{len(title)}} = x @ ({text(weight)})")
    rows, columns = run.factors[0].shape[0], run.factors[-1].shape[1]
    lines.append(f"{'':{len(title)}} = x @ W{' + b' if offset is not None else ''}")
    lines.append(f"with W = {text(weight)} of shape ({rows}, {columns})")
    if offset is not None:
        lines.append(f" and b = {text(offset)} of shape ({columns},)")
    if run.base.inputs:
        lines.append(f"and x = {text(run.base)}")
    return lines


def _without_names(run: Affine, x: Node) -> Node:
    """The run as one expression of x: the names inside would stop the printer."""
    new: dict[Node, Node] = {run.base: x}
    for node in walk([run.node], stop={run.base}):
        if node not in new:
            given = tuple(new[i] for i in node.inputs)
            new[node] = given[0] if node.op.name == "named" else rebuild(node, given)
    return new[run.node]


def _left_product(x: Node, run: Affine) -> Node:
    """x @ W₁ @ W₂ …, from the left"""
    product = x
    for factor in run.factors:
        product = product @ factor
    return product
