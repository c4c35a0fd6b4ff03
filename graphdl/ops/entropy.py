"""Cross-entropies, from probabilities and from logits, with their derivatives.

From probabilities they follow Keras: the probability is clipped to [ε, 1-ε], ε = 1e-7, and a row of
class probabilities is first divided by its sum. The derivative is an operation of its own (`…_slope`),
so that the rules which merge a loss with the sigmoid or softmax before it can recognise it:
bce∘sigmoid gives δ = ŷ − y, never the dead 0 of the clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import function, latex_function
from graphdl.core.op import Op, Sample
from graphdl.ops.arithmetic import absolute, clip, eq_op, floating_type, log, samples, where
from graphdl.ops.build import like, operands, public
from graphdl.ops.functions import exp, log1p, relu, sigmoid
from graphdl.ops.reduce import log_softmax, softmax
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import expand_dims

EPSILON = 1e-7


def _clip(p: Node) -> Node:
    return clip(p, like(p, EPSILON), 1 - like(p, EPSILON))


def _np_clip(p: np.ndarray) -> np.ndarray:
    epsilon = p.dtype.type(EPSILON)
    return np.minimum(np.maximum(p, epsilon), 1 - epsilon)


def _sp_clip(sp: Any, p: Any) -> Any:
    return sp.Min(sp.Max(p, EPSILON), 1 - EPSILON)


def _np_bce(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    q = _np_clip(p)
    return -(y * np.log(q) + (1 - y) * np.log(1 - q))


def _np_bce_slope(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    q, epsilon = _np_clip(p), p.dtype.type(EPSILON)
    inside = (p >= epsilon) & (p <= 1 - epsilon)
    return np.where(inside, (1 - y) / (1 - q) - y / q, p.dtype.type(0))


def _bce_slope_body(y: Node, p: Node) -> Node:
    """(1-y)/(1-p) - y/p inside the clip, 0 outside."""
    q, epsilon = _clip(p), like(p, EPSILON)
    inside = (p >= epsilon) & (p <= 1 - epsilon)
    return where(inside, (1 - y) / (1 - q) - y / q, 0.0)


bce_slope_op = Op(
    name="bce_slope",
    is_slope=True,
    infer=floating_type,
    reference=_np_bce_slope,
    body=_bce_slope_body,
    text=function("bce′"),
    latex=latex_function(r"\operatorname{bce}'"),
    sympy=lambda sp, y, p: sp.Piecewise(
        ((1 - y) / (1 - p) - y / p, (p >= EPSILON) & (p <= 1 - EPSILON)), (0, True)
    ),
    samples=samples(2, (0.0, 1.0), (0.2, 0.8)),
)
bce_op = Op(
    name="bce",
    infer=floating_type,
    reference=_np_bce,
    body=lambda y, p: -(y * log(_clip(p)) + (1 - y) * log(1 - _clip(p))),
    partials=lambda n: [
        log(1 - _clip(n.inputs[1])) - log(_clip(n.inputs[1])),
        apply(bce_slope_op, *n.inputs),
    ],
    text=function("bce"),
    sympy=lambda sp, y, p: -y * sp.log(_sp_clip(sp, p)) - (1 - y) * sp.log(1 - _sp_clip(sp, p)),
    samples=samples(2, (0.0, 1.0), (0.2, 0.8)),
)


def _np_bce_logits(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


bce_logits_op = Op(
    name="bce_logits",
    infer=floating_type,
    reference=_np_bce_logits,
    body=lambda y, z: relu(z) - z * y + log1p(exp(-absolute(z))),
    partials=lambda n: [-n.inputs[1], apply(bce_residual_op, *n.inputs)],
    text=function("bce_logits"),
    sympy=lambda sp, y, z: sp.log(1 + sp.exp(z)) - z * y,
    samples=samples(2, (0.0, 1.0), (-3.0, 3.0)),
)


def _np_residual(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """σ(z) − y, as (1−y)·σ(z) − y·σ(−z): no digit is lost where σ saturates."""
    e = np.exp(-np.abs(z))
    big, small = 1 / (1 + e), e / (1 + e)
    return np.where(z >= 0, (1 - y) * big - y * small, (1 - y) * small - y * big)


bce_residual_op = Op(
    name="bce_residual",
    infer=floating_type,
    reference=_np_residual,
    body=lambda y, z: (1 - y) * sigmoid(z) - y * sigmoid(-z),
    partials=lambda n: [-1, sigmoid(n.inputs[1]) * sigmoid(-n.inputs[1])],  # not σ(1−σ): 1−σ is 0
    text=function("residual"),
    sympy=lambda sp, y, z: 1 / (1 + sp.exp(-z)) - y,
    samples=samples(2, (0.0, 1.0), (-3.0, 3.0)),
)


# -------------------------------------------------- classes along the last axis


def _np_cce(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    q = _np_clip(p / p.sum(-1, keepdims=True))
    return -(y * np.log(q)).sum(-1)


def _normalised(p: Node) -> Node:
    return p / sum_(p, -1, keepdims=True)


def _cce_slope_body(y: Node, p: Node) -> Node:
    """With s = Σp and q = clip(p/s):  (Σ g⊙q − g)/s,  g = y/q inside the clip, 0 outside."""
    total = sum_(p, -1, keepdims=True)
    ratio = p / total
    q, epsilon = _clip(ratio), like(p, EPSILON)
    inside = (ratio >= epsilon) & (ratio <= 1 - epsilon)
    g = where(inside, y / q, 0.0)
    return (sum_(g * ratio, -1, keepdims=True) - g) / total


def _np_cce_slope(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    total = p.sum(-1, keepdims=True)
    ratio, epsilon = p / total, p.dtype.type(EPSILON)
    inside = (ratio >= epsilon) & (ratio <= 1 - epsilon)
    g = np.where(inside, y / _np_clip(ratio), p.dtype.type(0))
    return ((g * ratio).sum(-1, keepdims=True) - g) / total


def _column(ct: Node) -> Node:
    return expand_dims(ct, ct.rank)


_ROWS = (Sample(((4, 3), (4, 3)), domain=(0.2, 0.9)),)

cce_slope_op = Op(
    name="cce_slope",
    is_slope=True,
    infer=floating_type,
    reference=_np_cce_slope,
    body=_cce_slope_body,
    text=function("cce′"),
    latex=latex_function(r"\operatorname{cce}'"),
    samples=_ROWS,
)


def _cce_infer(rule: Any, y: Any, p: Any) -> Any:
    kind = floating_type(rule, y, p)
    return kind.with_shape(kind.shape[:-1])


cce_op = Op(
    name="cce",
    infer=_cce_infer,
    reference=_np_cce,
    body=lambda y, p: -sum_(y * log(_clip(_normalised(p))), -1),
    vjp=lambda n, ct: [
        _column(ct) * -log(_clip(_normalised(n.inputs[1]))),
        _column(ct) * apply(cce_slope_op, *n.inputs),
    ],
    text=function("cce"),
    samples=_ROWS,
)


def _np_cce_logits(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    below = z - z.max(-1, keepdims=True)
    gap = np.log(np.exp(below).sum(-1, keepdims=True)) - below
    return (y * np.where(y == 0, y.dtype.type(0), gap)).sum(-1)


def _cce_logits_body(y: Node, z: Node) -> Node:
    """Σ y ⊙ −log softmax(z); a class with y = 0 adds 0 even where its logit is -inf.

    Not logsumexp(z) − z: beside a logit of 100 that difference has no digit below 1e-5.
    """
    gap = -log_softmax(z)
    return sum_(where(apply(eq_op, y, like(y, 0.0)), 0.0, y * gap), -1)


cce_logits_op = Op(
    name="cce_logits",
    infer=_cce_infer,
    reference=_np_cce_logits,
    body=_cce_logits_body,
    vjp=lambda n, ct: [
        _column(ct) * -log_softmax(n.inputs[1]),
        _column(ct) * cce_residual(*n.inputs),
    ],
    text=function("cce_logits"),
    samples=(Sample(((4, 3), (4, 3)), domain=((0.1, 0.9), (-2.0, 2.0))),),
)


#: The derivatives of the losses with respect to a probability.
SLOPES = (bce_slope_op, cce_slope_op)


def cce_residual(y: Node, z: Node) -> Node:
    """softmax(z)·Σy − y"""
    return softmax(z) * sum_(y, -1, keepdims=True) - y


# ------------------------------------------------------------------ the functions of the face


@public
def bce(y: Any, p: Any, from_logits: bool = False) -> Node:
    """−y·log p − (1−y)·log(1−p) of each element; `p` may be the logits."""
    return apply(bce_logits_op if from_logits else bce_op, *operands(y, p, floating=True))


@public
def cce(y: Any, p: Any, from_logits: bool = False) -> Node:
    """−Σ y·log p over the last axis; `p` may be the logits."""
    return apply(cce_logits_op if from_logits else cce_op, *operands(y, p, floating=True))
