"""Three ways to hold gradients within a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphdl.core.graph import Node
from graphdl.ops.arithmetic import clip, maximum, sqrt, square
from graphdl.ops.build import constant
from graphdl.ops.reduce import norm
from graphdl.ops.reduce import sum as sum_


def by_value(gradients: Sequence[Node], limit: Any) -> list[Node]:
    """Each element into [−c, c]."""
    return [clip(g, -limit, limit) for g in gradients]


def by_norm(gradients: Sequence[Node], limit: Any) -> list[Node]:
    """Each gradient to a norm of at most c: g·c/max(‖g‖, c)."""
    return [g * (limit / maximum(norm(g), constant(limit, g.dtype))) for g in gradients]


def by_global_norm(gradients: Sequence[Node], limit: Any) -> list[Node]:
    """All gradients by one factor, to a norm of at most c together: g·c/max(√Σ‖g‖², c)."""
    if not gradients:
        return []
    total = sum_(square(gradients[0]))
    for g in gradients[1:]:
        total = total + sum_(square(g))
    scale = limit / maximum(sqrt(total), constant(limit, total.dtype))
    return [g * scale for g in gradients]


WAYS = {"clipnorm": by_norm, "clipvalue": by_value, "global_clipnorm": by_global_norm}


def clipped(way: str, limit: Any, gradients: Sequence[Node]) -> list[Node]:
    """The gradients, clipped in this way."""
    return WAYS[way](gradients, limit)
