"""Activations in pieces, and those that bend like one: shrinks, thresholds, the sparse family.

As in `ops.activations`: meaning in NumPy, formula, derivative where a kink or a tail matters; at a
kink the derivative is that of the flat side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.core.op import ZERO, Where
from graphdl.ops import functions as f
from graphdl.ops.activations import activation, applied, hard_sigmoid, hard_sigmoid_op
from graphdl.ops.arithmetic import absolute, minimum, sign, sqrt, square, where
from graphdl.ops.build import like, public

hard_shrink_op = activation(
    "hard_shrink",
    lambda a, t: np.where(np.abs(a) <= t, 0, a),
    lambda a, t: where(absolute(a) <= t, 0.0, a),
    lambda n: [Where(absolute(n.inputs[0]) > n.inputs[1], 1), ZERO],
    parameters=1,
    sympy=lambda sp, a, t: sp.Piecewise((0, sp.Abs(a) <= t), (a, True)),
)
soft_shrink_op = activation(
    "soft_shrink",
    lambda a, t: np.where(np.abs(a) <= t, 0, a - t * np.sign(a)),
    lambda a, t: where(absolute(a) <= t, 0.0, a - t * sign(a)),
    parameters=1,
    sympy=lambda sp, a, t: sp.Piecewise((0, sp.Abs(a) <= t), (a - t * sp.sign(a), True)),
)
threshold_op = activation(
    "threshold",
    lambda a, t, default: np.where(a <= t, default, a),
    lambda a, t, default: where(a <= t, default, a),
    lambda n: [Where(n.inputs[0] > n.inputs[1], 1), ZERO, Where(n.inputs[0] <= n.inputs[1], 1)],
    parameters=2,
    sympy=lambda sp, a, t, default: sp.Piecewise((default, a <= t), (a, True)),
)
tanh_shrink_op = activation(
    "tanh_shrink",
    lambda a: a - np.tanh(a),
    lambda a: a - f.tanh(a),
    lambda n: [square(f.tanh(n.inputs[0]))],
    sympy=lambda sp, a: a - sp.tanh(a),
)
hard_silu_op = activation(
    "hard_silu",
    lambda a: a * hard_sigmoid_op.reference(a),
    lambda a: a * hard_sigmoid(a),
    sympy=lambda sp, a: a * sp.Min(sp.Max(a + 3, 0), 6) / 6,
)
sparse_sigmoid_op = activation(
    "sparse_sigmoid",
    lambda a: np.minimum(np.maximum(a + 1, 0), 2) / 2,
    lambda a: minimum(f.relu(a + 1), 2.0) / 2,
    lambda n: [Where((n.inputs[0] > -1) & (n.inputs[0] < 1), like(n, 1 / 2))],
    sympy=lambda sp, a: sp.Min(sp.Max(a + 1, 0), 2) / 2,
)
sparse_plus_op = activation(
    "sparse_plus",
    lambda a: np.where(a >= 1, a, np.square(np.maximum(np.minimum(a, 1) + 1, 0)) / 4),
    lambda a: where(a >= 1, a, square(f.relu(minimum(a, 1.0) + 1)) / 4),
    lambda n: [sparse_sigmoid(n.inputs[0])],
    sympy=lambda sp, a: sp.Piecewise((a, a >= 1), (sp.Max(a + 1, 0) ** 2 / 4, True)),
)


def _root(a: Node, b: Node) -> Node:
    """√(a² + b), the square of a large a not formed."""
    m = absolute(a)
    inside, outside = minimum(m, 1.0), where(m > 1, m, 1.0)
    return where(m > 1, outside * sqrt(1 + b / outside / outside), sqrt(square(inside) + b))


def _squareplus(a: Node, b: Node) -> Node:
    """(a + r)/2 with r = √(a² + b); left of 0 as b/(2(r - a)), where nothing cancels."""
    r = _root(a, b)
    return where(a < 0, b / (2 * (r + absolute(a))), a / 2 + r / 2)


def _np_squareplus(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    r = np.hypot(a, np.sqrt(b))
    return np.where(a < 0, b / (2 * (r + np.abs(a))), a / 2 + r / 2)


squareplus_op = activation(
    "squareplus",
    _np_squareplus,
    _squareplus,
    lambda n: [n / _root(*n.inputs), 1 / (4 * _root(*n.inputs))],
    parameters=1,
    sympy=lambda sp, a, b: (a + sp.sqrt(a**2 + b)) / 2,
)


@public
def hard_shrink(a: Any, threshold: Any = 0.5) -> Node:
    """a where |a| > threshold, else 0"""
    return applied(hard_shrink_op, a, threshold)


@public
def soft_shrink(a: Any, threshold: Any = 0.5) -> Node:
    """a - threshold·sign(a) where |a| > threshold, else 0"""
    return applied(soft_shrink_op, a, threshold)


@public
def threshold(a: Any, threshold: Any, default_value: Any) -> Node:
    """a where a > threshold, else default_value"""
    return applied(threshold_op, a, threshold, default_value)


@public
def tanh_shrink(a: Any) -> Node:
    """a - tanh(a)"""
    return applied(tanh_shrink_op, a)


@public
def hard_silu(a: Any) -> Node:
    """a·hard_sigmoid(a), also called hard swish"""
    return applied(hard_silu_op, a)


@public
def sparse_sigmoid(a: Any) -> Node:
    """(a + 1)/2 held within [0, 1]"""
    return applied(sparse_sigmoid_op, a)


@public
def sparse_plus(a: Any) -> Node:
    """0 up to -1, (a + 1)²/4 up to 1, then a; derivative sparse_sigmoid(a)"""
    return applied(sparse_plus_op, a)


@public
def squareplus(a: Any, b: Any = 4) -> Node:
    """(a + √(a² + b))/2 for b > 0"""
    return applied(squareplus_op, a, b)
