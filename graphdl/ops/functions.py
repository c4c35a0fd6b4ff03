"""The smooth functions: exponentials, logarithms, trigonometry, the error function, sigmoids.

Derivatives are stated in terms of the output where that helps: σ′ = g(1−g), tanh′ = 1−g². They cost
nothing but keep no relative accuracy where g saturates (absolute error below 1e-7 in float32).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import POWER, SUM, Written, function, latex_function
from graphdl.core.op import Op
from graphdl.ops.arithmetic import (
    abs_op,
    and_op,
    elementwise,
    eq_op,
    floating_type,
    isnan_op,
    log_op,
    not_op,
    relu_op,
    samples,
    square,
    unary,
    where_op,
)
from graphdl.ops.build import operands, public


def _exp_latex(_: str, args: Any, __: Any) -> Written:
    return Written(f"e^{{{args[0].text}}}", POWER)


exp_op = elementwise(
    "exp", np.exp, lambda n: [n], floating=True, latex=_exp_latex, sympy=lambda sp, a: sp.exp(a)
)
expm1_op = elementwise(
    "expm1",
    np.expm1,
    lambda n: [exp(n.inputs[0])],
    floating=True,
    sympy=lambda sp, a: sp.exp(a) - 1,
)
log1p_op = elementwise(
    "log1p",
    np.log1p,
    lambda n: [1 / (1 + n.inputs[0])],
    floating=True,
    domain=((-0.5, 2.0),),
    latex=lambda _, args, __: Written(rf"\log\left(1 + {args[0].at_least(SUM)}\right)"),
    sympy=lambda sp, a: sp.log(1 + a),
)
sin_op = elementwise(
    "sin",
    np.sin,
    lambda n: [cos(n.inputs[0])],
    floating=True,
    latex=latex_function(r"\sin"),
    sympy=lambda sp, a: sp.sin(a),
)
cos_op = elementwise(
    "cos",
    np.cos,
    lambda n: [-sin(n.inputs[0])],
    floating=True,
    latex=latex_function(r"\cos"),
    sympy=lambda sp, a: sp.cos(a),
)
tanh_op = elementwise(
    "tanh",
    np.tanh,
    lambda n: [1 - square(n)],
    floating=True,
    latex=latex_function(r"\tanh"),
    sympy=lambda sp, a: sp.tanh(a),
)


def _erf(a: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf, otypes=[np.float64])(a).astype(a.dtype)


erf_op = elementwise(
    "erf",
    _erf,
    lambda n: [2 / math.sqrt(math.pi) * exp(-square(n.inputs[0]))],
    floating=True,
    latex=latex_function(r"\operatorname{erf}"),
    sympy=lambda sp, a: sp.erf(a),
)


def _sigmoid(a: np.ndarray) -> np.ndarray:
    """1/(1+e⁻ᵃ), from e^−|a| alone: it never overflows."""
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + e), e / (1 + e))


sigmoid_op = elementwise(
    "sigmoid",
    _sigmoid,
    lambda n: [n * (1 - n)],
    floating=True,
    latex=latex_function(r"\sigma"),
    sympy=lambda sp, a: 1 / (1 + sp.exp(-a)),
)
softplus_op = elementwise(
    "softplus",
    lambda a: np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))),
    lambda n: [sigmoid(n.inputs[0])],
    floating=True,
    sympy=lambda sp, a: sp.log(1 + sp.exp(a)),
)


def _log_cosh_body(a: Node) -> Node:
    """log((eᵃ + e⁻ᵃ)/2) = |a| + log(1 + e^−2|a|) − log 2"""
    size = apply(abs_op, a)
    return size + softplus(-2 * size) - math.log(2)


log_cosh_op = elementwise(
    "log_cosh",
    lambda a: np.abs(a) + np.log1p(np.exp(-2 * np.abs(a))) - a.dtype.type(math.log(2)),
    lambda n: [tanh(n.inputs[0])],
    floating=True,
    body=_log_cosh_body,
    latex=latex_function(r"\log\cosh"),
    sympy=lambda sp, a: sp.log(sp.cosh(a)),
)


def _pair(name: str, reference: Any, partials: Any, **rest: Any) -> Op:
    return Op(
        name=name,
        infer=floating_type,
        reference=reference,
        partials=partials,
        text=function(name),
        **rest,
    )


def _xlogy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where((a == 0) & ~np.isnan(b), 0, a * np.log(np.where(a == 0, 1, b)))


def _xlogy_partials(node: Node) -> list[Any]:
    x, y = node.inputs
    zero = like_zero(x)
    return [
        apply(where_op, apply(eq_op, x, zero), zero, apply(log_op, y)),
        apply(where_op, apply(eq_op, x, zero), zero, x / y),
    ]


def like_zero(node: Node) -> Node:
    """The scalar 0 of the node's dtype."""
    return operands(0.0, node)[0]


xlogy_op = _pair(
    "xlogy",
    _xlogy,
    _xlogy_partials,
    body=lambda x, y: _xlogy_body(x, y),
    sympy=lambda sp, x, y: sp.Piecewise((0, sp.Eq(x, 0)), (x * sp.log(y), True)),
    samples=samples(2, (-2.0, 2.0), (0.3, 3.0)),
)


def _xlogy_body(x: Node, y: Node) -> Node:
    zero = like_zero(x)
    none = apply(and_op, apply(eq_op, x, zero), apply(not_op, apply(isnan_op, y)))
    return apply(where_op, none, zero, x * apply(log_op, y))


exp = unary(exp_op, "eᵃ")
expm1 = unary(expm1_op, "eᵃ - 1, exact near 0")
log1p = unary(log1p_op, "log(1 + a), exact near 0")
sin = unary(sin_op, "sine of an angle in radians")
cos = unary(cos_op, "cosine of an angle in radians")
tanh = unary(tanh_op, "hyperbolic tangent; derivative 1 - g²")
erf = unary(erf_op, "the error function 2/√π ∫₀ᵃ e^(-t²) dt")
sigmoid = unary(sigmoid_op, "1/(1 + e⁻ᵃ); derivative g(1 - g)")
softplus = unary(softplus_op, "log(1 + eᵃ), never overflowing; derivative sigmoid(a)")
log_cosh = unary(log_cosh_op, "log cosh a, never overflowing; derivative tanh a")
relu = unary(relu_op, "max(0, a); derivative 1 where a > 0, else 0")


@public
def xlogy(x: Any, y: Any) -> Node:
    """x·log y, and 0 where x = 0."""
    return apply(xlogy_op, *operands(x, y, floating=True))
