"""Linear runs: products with weights, one after the other, with nothing curved between.

Every node is read as base·W₁·W₂·… + c, where `base` is the last node that is not such a form. A run
of two products or more is one: (x·W₁ + b₁)·W₂ + b₂ = x·(W₁·W₂) + (b₁·W₂ + b₂).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphdl.core.graph import Node, Variable, walk
from graphdl.lint.finding import Finding
from graphdl.ops.linalg import matmul
from graphdl.ops.shape import reshape

SAME = ("named", "stop_gradient")


@dataclass(frozen=True, eq=False)
class Affine:
    """node = base @ factors[0] @ factors[1] … + offset"""

    node: Node
    base: Node
    factors: tuple[Node, ...] = ()
    offset: Node | None = None

    @property
    def weight(self) -> Node:
        """W₁ @ W₂ @ …"""
        product = self.factors[0]
        for factor in self.factors[1:]:
            product = matmul(product, factor)
        return product

    def through(self, node: Node, factor: Node) -> Affine:
        """(base·W + c)·F = base·(W·F) + c·F"""
        offset = None if self.offset is None else matmul(_row(self.offset), factor)
        return Affine(node, self.base, (*self.factors, factor), offset)

    def plus(self, node: Node, term: Node, sign: int = 1) -> Affine:
        signed = term if sign > 0 else -term
        offset = signed if self.offset is None else self.offset + signed
        return Affine(node, self.base, self.factors, offset)


def _row(offset: Node) -> Node:
    """A bias as a matrix of one row, so that a product with a matrix is one."""
    return offset if offset.rank == 2 else reshape(offset, (1, -1))


def affine_forms(roots: Iterable[Node]) -> dict[Node, Affine]:
    """The form of every node that the roots are computed from, inputs first."""
    forms: dict[Node, Affine] = {}
    fixed: set[Node] = set()  # nodes of weights and constants alone
    for node in walk(roots):
        if _is_fixed(node, fixed):
            fixed.add(node)
        forms[node] = _form(node, forms, fixed)
    return forms


def _is_fixed(node: Node, fixed: set[Node]) -> bool:
    if isinstance(node, Variable) or node.op.name == "constant":
        return True
    return bool(node.inputs) and all(i in fixed for i in node.inputs)


def _form(node: Node, forms: dict[Node, Affine], fixed: set[Node]) -> Affine:
    name, inputs = node.op.name, node.inputs
    if node in fixed or not inputs:
        return Affine(node, node)
    first = forms[inputs[0]]
    if name in SAME:
        return Affine(node, first.base, first.factors, first.offset)
    if name == "matmul" and inputs[0] not in fixed and inputs[1] in fixed and inputs[1].rank == 2:
        return first.through(node, inputs[1])
    if name in ("add", "sub") and inputs[1] in fixed and inputs[0] not in fixed:
        if _is_bias(inputs[1], node):
            return first.plus(node, inputs[1], 1 if name == "add" else -1)
    elif name == "add" and inputs[0] in fixed and _is_bias(inputs[0], node):
        return forms[inputs[1]].plus(node, inputs[0])
    return Affine(node, node)


def _is_bias(term: Node, node: Node) -> bool:
    """One number a column, the same for every row."""
    return term.rank == 1 or (term.rank == 2 and term.shape[0] == 1 and node.rank == 2)


def linear_runs(roots: Iterable[Node]) -> list[Affine]:
    """The longest linear runs of two products or more, in the order in which data passes them."""
    forms = affine_forms(roots)
    inner = {
        i
        for node, form in forms.items()
        for i in node.inputs
        if form.base is not node and form.base is forms[i].base and form.factors
    }
    return [f for f in forms.values() if len(f.factors) > 1 and f.node not in inner]


def findings(model: Any, outputs: Iterable[Node]) -> list[Finding]:
    """Layers that together are one linear layer."""
    return [_finding(model, run) for run in linear_runs(outputs)]


def _finding(model: Any, run: Affine) -> Finding:
    names = layers_of(model, run)
    narrow = min(int(f.shape[1]) for f in run.factors[:-1])  # type: ignore[arg-type]
    rank = f" of rank {narrow} at most" if narrow < int(run.factors[-1].shape[1]) else ""  # type: ignore[arg-type]
    return Finding(
        "linear layers collapse",
        "warning",
        " → ".join(names),
        f"with nothing curved between them, {len(run.factors)} products are one: "
        f"(x·W₁ + b₁)·W₂ + b₂ = x·(W₁·W₂) + (b₁·W₂ + b₂), a single linear layer{rank}",
        "give the layers before the last an activation, such as 'relu', or keep one layer; "
        "gd.studies.collapse(model) writes the proof out",
    )


def layers_of(model: Any, run: Affine) -> list[str]:
    """The names of the layers whose weights the run multiplies or adds."""
    inside = {*walk([*run.factors, *([run.offset] if run.offset is not None else [])])}
    return [layer.name for layer in model.layers if inside.intersection(layer.weights)]
