"""Constraints: what a weight is brought to after each step of its optimizer.

A constraint is an expression of the new weight, compiled into the step. Norms are taken along
`axis`: 0 for a kernel (inputs, units), so that each unit's incoming weights are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphdl.core.graph import Node, Variable
from graphdl.core.types import as_axes
from graphdl.ops.arithmetic import clip
from graphdl.ops.build import operands, public
from graphdl.ops.functions import relu
from graphdl.ops.reduce import norm
from graphdl.registry import lookup, number, whole

EPSILON = 1e-7  # beside the norm that divides: a weight of norm 0 stays 0


class Constraint:
    """Base: a subclass says in `project(w)` what becomes of a weight."""

    def __call__(self, w: Any) -> Node:
        return public(lambda a: self.project(operands(a, floating=True)[0]))(w)

    def project(self, w: Node) -> Node:
        raise NotImplementedError


class NonNeg(Constraint):
    """max(w, 0)"""

    def project(self, w: Node) -> Node:
        return relu(w)


class UnitNorm(Constraint):
    """w/(ε + ‖w‖) along the axis"""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = _axis(axis)

    def project(self, w: Node) -> Node:
        return w / (EPSILON + _norm(w, self.axis, "UnitNorm"))


class MinMaxNorm(Constraint):
    """w·d/(ε + ‖w‖) with d = rate·clip(‖w‖, min_value, max_value) + (1 - rate)·‖w‖"""

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        self.min_value, self.max_value = (
            number("min_value", min_value),
            number("max_value", max_value),
        )
        if self.min_value > self.max_value:
            raise ValueError(
                f"min_value ({self.min_value:g}) is above max_value ({self.max_value:g})"
            )
        self.rate = number("rate", rate, 0, 1)
        self.axis = _axis(axis)

    def project(self, w: Node) -> Node:
        length = _norm(w, self.axis, type(self).__name__)
        wanted = clip(length, self.min_value, self.max_value)
        if self.rate != 1:
            wanted = self.rate * wanted + (1 - self.rate) * length
        return w * (wanted / (EPSILON + length))


class MaxNorm(Constraint):
    """w·min(‖w‖, max_value)/(ε + ‖w‖) along the axis"""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = number("max_value", max_value), _axis(axis)

    def project(self, w: Node) -> Node:
        length = _norm(w, self.axis, "MaxNorm")
        return w * (clip(length, 0.0, self.max_value) / (EPSILON + length))


def _axis(axis: Any) -> Any:
    """A whole number, or several; which axes there are is known with the weight."""
    if isinstance(axis, (list, tuple)):
        return [_axis(a) for a in axis]
    return whole("axis", axis, -64)


def _norm(w: Node, axis: Any, what: str) -> Node:
    return norm(w, as_axes(axis, w.rank, what), keepdims=True)


def constrained(updates: Mapping[Variable, Node]) -> dict[Variable, Node]:
    """The new values, those of weights with a constraint brought to it."""
    return {v: new if v.constraint is None else v.constraint(new) for v, new in updates.items()}


KNOWN = {
    "max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm,
}  # fmt: skip


def get(constraint: Any) -> Any:
    """A constraint from its name or class, any callable as it is, None for None."""
    if isinstance(constraint, type) and issubclass(constraint, Constraint):
        return constraint()
    if constraint is None or callable(constraint):
        return constraint
    return lookup("constraint", constraint, KNOWN | {c.__name__: c for c in KNOWN.values()})()
