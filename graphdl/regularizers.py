"""Penalties on weights, as terms of the loss."""

from __future__ import annotations

from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.ops.arithmetic import absolute, maximum, square
from graphdl.ops.build import like, operands, public
from graphdl.ops.index import eye
from graphdl.ops.linalg import matmul
from graphdl.ops.reduce import norm
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import transpose
from graphdl.registry import lookup, number


class L1L2:
    """l1·Σ|w| + l2·Σw²"""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = number("l1", l1), number("l2", l2)

    def __call__(self, w: Any) -> Node:
        return public(self._penalty)(w)

    def _penalty(self, w: Any) -> Node:
        node = operands(w, floating=True)[0]
        terms = []
        if self.l1:
            terms.append(self.l1 * sum_(absolute(node)))
        if self.l2:
            terms.append(self.l2 * sum_(square(node)))
        return terms[0] + terms[1] if len(terms) == 2 else terms[0] if terms else 0.0 * sum_(node)


class L1(L1L2):
    """l1·Σ|w|"""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2·Σw²"""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class OrthogonalRegularizer:
    """factor · mean |cos| of the angles between the rows (or columns) of a matrix, pair by pair."""

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode is 'rows' or 'columns', got {mode!r}")
        self.factor, self.mode = number("factor", factor), mode

    def __call__(self, w: Any) -> Node:
        return public(self._penalty)(w)

    def _penalty(self, w: Any) -> Node:
        node = operands(w, floating=True)[0]
        if node.rank != 2:
            raise ShapeError(f"OrthogonalRegularizer takes a matrix, got {node.type}")
        rows = node if self.mode == "rows" else transpose(node)
        size = rows.shape[0]
        if not isinstance(size, int) or size < 2:
            raise ShapeError(f"OrthogonalRegularizer compares {self.mode}; {node.type} has {size}")
        unit = rows / maximum(norm(rows, 1, keepdims=True), like(rows, 1e-12))
        cosines = matmul(unit, transpose(unit)) * (1 - eye(size, dtype=node.dtype))
        # each pair stands twice in the matrix
        return self.factor * 0.5 * sum_(absolute(cosines)) / (size * (size - 1) / 2)


KNOWN = {"l1": L1, "l2": L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}


def get(regularizer: Any) -> Any:
    """A regularizer from its name or class, any callable as it is, None for None."""
    if isinstance(regularizer, type) and regularizer in KNOWN.values():
        return regularizer()
    if regularizer is None or callable(regularizer):
        return regularizer
    return lookup("regularizer", regularizer, KNOWN | {c.__name__: c for c in KNOWN.values()})()
