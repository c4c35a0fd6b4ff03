"""Activations by name. Each is a function of nodes (or of numbers) and an operation of its own."""

from __future__ import annotations

from typing import Any

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
from graphdl.ops.build import public
from graphdl.ops.functions import exp, relu, sigmoid, softplus, tanh
from graphdl.ops.reduce import log_softmax, softmax
from graphdl.registry import lookup

exponential = exp
swish = silu


@public
def linear(a: Any) -> Any:
    """a itself"""
    return a


KNOWN = {
    f.__name__: f
    for f in (
        celu, elu, gelu, hard_sigmoid, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax,
        mish, relu, relu6, selu, sigmoid, silu, softmax, softplus, softsign, tanh,
    )
} | {"exponential": exp, "swish": silu}  # fmt: skip


def get(activation: Any) -> Any:
    """A function from its name, a function as it is, `linear` for None."""
    if activation is None:
        return linear
    if callable(activation):
        return getattr(activation, "original", activation)  # graphdl.tf gives it another face
    return lookup("activation", activation, KNOWN)


__all__ = ["exponential", "get", "swish", *sorted(KNOWN)]
