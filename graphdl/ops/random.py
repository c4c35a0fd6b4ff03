"""Random draws as nodes: value number i of stream s at step t is a function of (seed, s, t, i).

A draw has an identity of its own: two calls never share their numbers by accident. Its stream is
given, or its place in the graph (`core.streams`); its seed is given, or the process's. The generator
is `codegen.random`; nothing here keeps state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen import random as streams
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, leaf
from graphdl.core.notation import Written
from graphdl.core.op import Op
from graphdl.core.types import Type, as_shape, dtype_name


def _draw(function: Any) -> Any:
    def reference(shape: tuple[int, ...], dtype: str, stream: int, seed: int, step: int) -> Any:
        count = int(np.prod(shape, dtype=np.int64))
        return function(seed, stream, step, count, np.dtype(dtype)).reshape(shape)

    return reference


def _random(name: str, function: Any) -> Op:
    return Op(
        name=name,
        infer=lambda rule, **attrs: Type(attrs["shape"], attrs["dtype"]),
        reference=_draw(function),
        vjp=lambda n, ct: (),
        text=lambda _, __, ___: Written(name),
    )


uniform_op = _random("random_uniform", streams.uniform)
normal_op = _random("random_normal", streams.normal)


def _node(
    op: Op, shape: Any, dtype: str | None, stream: int | None = None, seed: int | None = None
) -> Node:
    kind = Type(as_shape(shape), dtype_name(dtype))
    if not kind.is_float:
        raise ShapeError(f"{op.name} draws floating-point numbers, got dtype {kind.dtype}")
    return leaf(Node, op, kind, shape=kind.shape, dtype=kind.dtype, stream=stream, seed=seed)


def uniform(
    shape: Any,
    low: float = 0.0,
    high: float = 1.0,
    dtype: str | None = None,
    *,
    stream: int | None = None,
    seed: int | None = None,
) -> Node:
    """Draws from [low, high), new at every step."""
    draw = _node(uniform_op, shape, dtype, stream, seed)
    return draw if (low, high) == (0.0, 1.0) else draw * (high - low) + low


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str | None = None,
    *,
    stream: int | None = None,
    seed: int | None = None,
) -> Node:
    """Draws from the normal distribution, new at every step."""
    draw = _node(normal_op, shape, dtype, stream, seed)
    return draw if (mean, stddev) == (0.0, 1.0) else draw * stddev + mean


def bernoulli(
    shape: Any,
    p: Any = 0.5,
    dtype: str | None = None,
    *,
    stream: int | None = None,
    seed: int | None = None,
) -> Node:
    """True with probability p, new at every step."""
    return _node(uniform_op, shape, dtype, stream, seed) < p
