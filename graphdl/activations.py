"""Activations by name. Each is a function of nodes (or of numbers). Names and defaults are Keras's."""

from __future__ import annotations

from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_axis
from graphdl.ops import functions
from graphdl.ops.activations import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    mish,
    relu6,
    selu,
    silu,
    softsign,
)
from graphdl.ops.arithmetic import clip, where
from graphdl.ops.build import cast, operands, public
from graphdl.ops.functions import exp, sigmoid, softplus, tanh
from graphdl.ops.index import arange, cumsum, sort, take_along
from graphdl.ops.piecewise import (
    hard_shrink,
    hard_silu,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    tanh_shrink,
    threshold,
)
from graphdl.ops.reduce import log_softmax, softmax
from graphdl.ops.reduce import max as max_
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import flip, split, transpose
from graphdl.registry import lookup

exponential = exp
swish = silu
hard_swish = hard_silu


@public
def linear(a: Any) -> Any:
    """a itself"""
    return a


@public
def relu(
    a: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Node:
    """a above the threshold, held below max_value; under it negative_slope·(a - threshold)."""
    node = operands(a, floating=True)[0]
    if threshold == 0 and max_value is None:
        return leaky_relu(node, negative_slope) if negative_slope else functions.relu(node)
    if threshold == 0 and max_value == 6 and not negative_slope:
        return relu6(node)
    above = where(node > threshold, node, 0.0) if threshold else functions.relu(node)
    if max_value is not None:
        above = clip(above, 0.0, max_value)
    return above - negative_slope * functions.relu(threshold - node) if negative_slope else above


@public
def glu(a: Any, axis: int = -1) -> Node:
    """b·sigmoid(c), where b and c are the halves of a along the axis."""
    node = operands(a, floating=True)[0]
    size = node.shape[as_axis(axis, node.rank, "glu")]
    if not isinstance(size, int) or size % 2:
        raise ShapeError(f"glu halves an axis of even length, got {size} in {node.type}")
    value, gate = split(node, 2, axis)
    return value * sigmoid(gate)


@public
def sparsemax(a: Any, axis: int = -1) -> Node:
    """max(a - τ, 0) along an axis, τ such that the sum is 1: the nearest point of the simplex."""
    node = operands(a, floating=True)[0]
    k = as_axis(axis, node.rank, "sparsemax")
    order = (*(i for i in range(node.rank) if i != k), k)
    back = tuple(order.index(i) for i in range(node.rank))
    last = transpose(node, order)
    shifted = last - max_(last, -1, keepdims=True)
    falling = flip(sort(shifted), -1)
    sums = cumsum(falling)
    counts = cast(arange(node.type.shape[k]) + 1, node.dtype)
    support = sum_(cast(1 + counts * falling > sums, "int64"), -1, keepdims=True)
    tau = (take_along(sums, support - 1) - 1) / cast(support, node.dtype)
    return transpose(functions.relu(shifted - tau), back)


KNOWN = {
    f.__name__: f
    for f in (
        celu, elu, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear,
        log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
        softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink,
        threshold,
    )
} | {"exponential": exp, "swish": silu, "hard_swish": hard_silu}  # fmt: skip


def get(activation: Any) -> Any:
    """A function from its name, a function as it is, `linear` for None."""
    if activation is None:
        return linear
    if callable(activation):
        return getattr(activation, "original", activation)  # graphdl.tf gives it another face
    return lookup("activation", activation, KNOWN)


__all__ = ["exponential", "get", "hard_swish", "swish", *sorted(KNOWN)]
