"""Activations that are formulas of simpler operations.

Each states its meaning in NumPy, its formula (`body`) and, where a kink or a tail matters, its
derivative. Names and default parameters are Keras's. At a kink the derivative is that of the flat
side, except for elu and selu, which take the exponential branch at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import function, latex_function
from graphdl.core.op import Op, Where
from graphdl.ops import functions as f
from graphdl.ops.arithmetic import (
    absolute,
    clip,
    floating_type,
    minimum,
    samples,
    square,
    where,
)
from graphdl.ops.build import like, operands, public

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
GELU_TANH = math.sqrt(2 / math.pi)


def activation(
    name: str,
    reference: Callable[..., Any],
    body: Callable[..., Node],
    partials: Callable[[Node], list[Any]] | None = None,
    parameters: int = 0,
    sympy: Callable[..., Any] | None = None,
) -> Op:
    """An elementwise op of a value and some parameters, declared whole."""
    shown = name.replace("_", r"\_")
    rest = ((0.4, 0.9),) * parameters
    sides = [samples(1 + parameters, side, *rest) for side in ((0.2, 1.8), (-1.8, -0.2))]
    return Op(
        name=name,
        infer=floating_type,
        reference=reference,
        body=body,
        pointwise=True,
        partials=partials,
        text=function(name),
        latex=latex_function(rf"\operatorname{{{shown}}}"),
        sympy=sympy,
        samples=sides[0] + sides[1],
    )


def _np_sigmoid(a: np.ndarray) -> np.ndarray:
    return f.sigmoid_op.reference(a)


def _celu_by_alpha(share: Node) -> Node:
    """∂/∂α of α·(eᵘ − 1) with u = a/α: eᵘ − 1 − u·eᵘ"""
    return f.expm1(share) - share * f.exp(share)


def _np_softplus(a: np.ndarray) -> np.ndarray:
    return f.softplus_op.reference(a)


relu6_op = activation(
    "relu6",
    lambda a: np.minimum(np.maximum(a, 0), 6),
    lambda a: minimum(f.relu(a), 6.0),
    lambda n: [Where((n.inputs[0] > 0) & (n.inputs[0] < 6), 1)],
    sympy=lambda sp, a: sp.Min(sp.Max(a, 0), 6),
)
leaky_relu_op = activation(
    "leaky_relu",
    lambda a, slope: np.where(a > 0, a, slope * a),
    lambda a, slope: where(a > 0, a, slope * a),
    parameters=1,
    sympy=lambda sp, a, slope: sp.Piecewise((a, a > 0), (slope * a, True)),
)
elu_op = activation(
    "elu",
    lambda a, alpha: np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0))),
    lambda a, alpha: where(a > 0, a, alpha * f.expm1(minimum(a, 0.0))),
    lambda n: [
        where(n.inputs[0] > 0, 1.0, n.inputs[1] * f.exp(minimum(n.inputs[0], 0.0))),
        Where(n.inputs[0] <= 0, f.expm1(minimum(n.inputs[0], 0.0))),
    ],
    parameters=1,
    sympy=lambda sp, a, alpha: sp.Piecewise((a, a > 0), (alpha * (sp.exp(a) - 1), True)),
)
celu_op = activation(
    "celu",
    lambda a, alpha: np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0) / alpha)),
    lambda a, alpha: where(a > 0, a, alpha * f.expm1(minimum(a, 0.0) / alpha)),
    lambda n: [
        where(n.inputs[0] > 0, 1.0, f.exp(minimum(n.inputs[0], 0.0) / n.inputs[1])),
        Where(n.inputs[0] <= 0, _celu_by_alpha(minimum(n.inputs[0], 0.0) / n.inputs[1])),
    ],
    parameters=1,
    sympy=lambda sp, a, alpha: sp.Piecewise((a, a > 0), (alpha * (sp.exp(a / alpha) - 1), True)),
)
selu_op = activation(
    "selu",
    lambda a: SELU_SCALE * np.where(a > 0, a, SELU_ALPHA * np.expm1(np.minimum(a, 0))),
    lambda a: SELU_SCALE * where(a > 0, a, SELU_ALPHA * f.expm1(minimum(a, 0.0))),
    lambda n: [
        SELU_SCALE * where(n.inputs[0] > 0, 1.0, SELU_ALPHA * f.exp(minimum(n.inputs[0], 0.0)))
    ],
    sympy=lambda sp, a: SELU_SCALE * sp.Piecewise((a, a > 0), (SELU_ALPHA * (sp.exp(a) - 1), True)),
)
gelu_op = activation(
    "gelu",
    lambda a: 0.5 * a * (1 + f.erf_op.reference(a / math.sqrt(2))),
    lambda a: 0.5 * a * (1 + f.erf(a * math.sqrt(0.5))),
    sympy=lambda sp, a: a * (1 + sp.erf(a / sp.sqrt(2))) / 2,
)
gelu_tanh_op = activation(
    "gelu_tanh",
    lambda a: 0.5 * a * (1 + np.tanh(GELU_TANH * (a + 0.044715 * a * a * a))),
    lambda a: 0.5 * a * (1 + f.tanh(GELU_TANH * (a + 0.044715 * a * a * a))),
    sympy=lambda sp, a: a * (1 + sp.tanh(GELU_TANH * (a + 0.044715 * a**3))) / 2,
)
silu_op = activation(
    "silu",
    lambda a: a * _np_sigmoid(a),
    lambda a: a * f.sigmoid(a),
    sympy=lambda sp, a: a / (1 + sp.exp(-a)),
)
softsign_op = activation(
    "softsign",
    lambda a: a / (1 + np.abs(a)),
    lambda a: a / (1 + absolute(a)),
    lambda n: [1 / square(1 + absolute(n.inputs[0]))],
    sympy=lambda sp, a: a / (1 + sp.Abs(a)),
)
hard_sigmoid_op = activation(
    "hard_sigmoid",
    lambda a: np.minimum(np.maximum(a + 3, 0), 6) / 6,
    lambda a: minimum(f.relu(a + 3), 6.0) / 6,
    lambda n: [Where((n.inputs[0] > -3) & (n.inputs[0] < 3), like(n, 1 / 6))],
    sympy=lambda sp, a: sp.Min(sp.Max(a + 3, 0), 6) / 6,
)
hard_tanh_op = activation(
    "hard_tanh",
    lambda a: np.minimum(np.maximum(a, -1), 1),
    lambda a: clip(a, -1.0, 1.0),
    sympy=lambda sp, a: sp.Min(sp.Max(a, -1), 1),
)
log_sigmoid_op = activation(
    "log_sigmoid",
    lambda a: -_np_softplus(-a),
    lambda a: -f.softplus(-a),
    lambda n: [f.sigmoid(-n.inputs[0])],
    sympy=lambda sp, a: -sp.log(1 + sp.exp(-a)),
)
mish_op = activation(
    "mish",
    lambda a: a * np.tanh(_np_softplus(a)),
    lambda a: a * f.tanh(f.softplus(a)),
    sympy=lambda sp, a: a * sp.tanh(sp.log(1 + sp.exp(a))),
)


def applied(op: Op, a: Any, *parameters: float) -> Node:
    return apply(op, *operands(a, *parameters, floating=True))


@public
def relu6(a: Any) -> Node:
    """min(max(0, a), 6); derivative 1 strictly between 0 and 6."""
    return applied(relu6_op, a)


@public
def leaky_relu(a: Any, negative_slope: Any = 0.2) -> Node:
    """a where a > 0, else negative_slope·a."""
    return applied(leaky_relu_op, a, negative_slope)


@public
def elu(a: Any, alpha: Any = 1.0) -> Node:
    """a where a > 0, else alpha·(eᵃ - 1)."""
    return applied(elu_op, a, alpha)


@public
def celu(a: Any, alpha: Any = 1.0) -> Node:
    """a where a > 0, else alpha·(e^(a/alpha) - 1)."""
    return applied(celu_op, a, alpha)


@public
def selu(a: Any) -> Node:
    """The elu whose two constants keep mean 0 and variance 1."""
    return applied(selu_op, a)


@public
def gelu(a: Any, approximate: bool = False) -> Node:
    """a·Φ(a), Φ the normal distribution function; `approximate` takes the tanh formula."""
    return applied(gelu_tanh_op if approximate else gelu_op, a)


@public
def silu(a: Any) -> Node:
    """a·sigmoid(a), also called swish."""
    return applied(silu_op, a)


@public
def softsign(a: Any) -> Node:
    """a/(1 + |a|)"""
    return applied(softsign_op, a)


@public
def hard_sigmoid(a: Any) -> Node:
    """relu6(a + 3)/6"""
    return applied(hard_sigmoid_op, a)


@public
def hard_tanh(a: Any) -> Node:
    """a held within [-1, 1]"""
    return applied(hard_tanh_op, a)


@public
def log_sigmoid(a: Any) -> Node:
    """log(sigmoid(a)) = -softplus(-a)"""
    return applied(log_sigmoid_op, a)


@public
def mish(a: Any) -> Node:
    """a·tanh(softplus(a))"""
    return applied(mish_op, a)
