"""Penalties on weights, as terms of the loss."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Node
from graphdl.ops.arithmetic import absolute, square
from graphdl.ops.build import operands, public
from graphdl.ops.reduce import sum as sum_
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


KNOWN = {"l1": L1, "l2": L2, "l1_l2": L1L2}


def get(regularizer: Any) -> Any:
    """A regularizer from its name, any callable as it is, None for None."""
    if regularizer is None or callable(regularizer):
        return regularizer
    return lookup("regularizer", regularizer, KNOWN)()
