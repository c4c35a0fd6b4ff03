"""Gradient descent on all examples, many steps in one run of compiled code.

The rows of the program are its steps: each holds a rate, and is given J and ‖∇J‖ before it moves. A
step stays where it is once ‖∇J‖ is within the tolerance or something is not finite; from there on all
rows are alike.
"""

from __future__ import annotations

import numpy as np

from graphdl.core.graph import Node, Variable
from graphdl.differentiate.chain_rule import grad
from graphdl.ops.arithmetic import isfinite, sqrt, square, where
from graphdl.ops.reduce import sum as sum_
from graphdl.studies.objective import Objective
from graphdl.studies.rows import Rows, with_data


class Descent:
    """w ← w − η·∂J/∂w for the copies of an objective's weights."""

    def __init__(self, j: Objective, tolerance: float = 0.0) -> None:
        loss = with_data(j)
        gradients = grad(loss, list(j.weights))
        size = _norm(gradients)
        go = isfinite(loss) & isfinite(size) & (size > tolerance)
        rows = Rows(["rate"], loss.dtype, j.target)
        (rate,) = rows.numbers
        pairs = zip(j.weights, gradients, strict=True)
        moved: dict[Variable, Node] = {w: where(go, w - rate * g, w) for w, g in pairs}
        self._rows = rows.compile([loss, size], moved)

    def run(self, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Make a step at each of the rates; returns J and ‖∇J‖ before each."""
        losses, sizes = self._rows.run(rates)
        return losses, sizes


def _norm(gradients: list[Node]) -> Node:
    """√Σ g² over all elements of all gradients"""
    total = sum_(square(gradients[0]))
    for g in gradients[1:]:
        total = total + sum_(square(g))
    return sqrt(total)
