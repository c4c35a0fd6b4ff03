"""The surprisal −log p of a probability, clipped as Keras clips it, with its derivative.

As in `entropy`, the derivative is an operation of its own, so that the rules which merge it with the
sigmoid or softmax before it can recognise it: no gradient dies in the clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import function, latex_function
from graphdl.core.op import Op, Sample
from graphdl.ops.arithmetic import clip, floating_type, log, samples, where
from graphdl.ops.build import like, operands, public
from graphdl.ops.entropy import EPSILON, cce_slope_op
from graphdl.ops.reduce import sum as sum_


def _np_slope(p: np.ndarray) -> np.ndarray:
    inside = (p >= p.dtype.type(EPSILON)) & (p <= 1)
    return np.where(inside, -1 / np.where(inside, p, p.dtype.type(1)), p.dtype.type(0))


surprisal_slope_op = Op(
    name="surprisal_slope",
    is_slope=True,
    infer=floating_type,
    reference=_np_slope,
    body=lambda p: where((p >= like(p, EPSILON)) & (p <= 1), -1 / p, 0.0),
    text=function("surprisal′"),
    latex=latex_function(r"\operatorname{surprisal}'"),
    sympy=lambda sp, p: sp.Piecewise((-1 / p, (p >= EPSILON) & (p <= 1)), (0, True)),
    samples=samples(1, (0.1, 0.9)),
)
surprisal_op = Op(
    name="surprisal",
    infer=floating_type,
    reference=lambda p: -np.log(np.minimum(np.maximum(p, p.dtype.type(EPSILON)), 1)),
    body=lambda p: -log(clip(p, like(p, EPSILON), like(p, 1.0))),
    partials=lambda n: [apply(surprisal_slope_op, n.inputs[0])],
    text=function("surprisal"),
    sympy=lambda sp, p: -sp.log(sp.Min(sp.Max(p, EPSILON), 1)),
    samples=samples(1, (0.1, 0.9)),
)


def _np_class_surprisal(p: np.ndarray) -> np.ndarray:
    epsilon = p.dtype.type(EPSILON)
    return -np.log(np.minimum(np.maximum(p / p.sum(-1, keepdims=True), epsilon), 1 - epsilon))


def _class_surprisal_body(p: Node) -> Node:
    """−log clip(p/Σp)"""
    share, epsilon = p / sum_(p, -1, keepdims=True), like(p, EPSILON)
    return -log(clip(share, epsilon, 1 - epsilon))


class_surprisal_op = Op(
    name="class_surprisal",
    infer=floating_type,
    reference=_np_class_surprisal,
    body=_class_surprisal_body,
    vjp=lambda n, ct: [apply(cce_slope_op, ct, n.inputs[0])],
    text=function("class_surprisal"),
    samples=(Sample(((4, 3),), domain=(0.2, 0.9)),),
)


# ------------------------------------------------------------------ the functions of the face


@public
def surprisal(p: Any) -> Node:
    """−log p, p clipped to [ε, 1], ε = 1e-7."""
    return apply(surprisal_op, operands(p, floating=True)[0])


@public
def class_surprisal(p: Any) -> Node:
    """−log of each class's share p/Σp of its row, clipped to [ε, 1 − ε], ε = 1e-7."""
    return apply(class_surprisal_op, operands(p, floating=True)[0])
