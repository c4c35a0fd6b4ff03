"""Rules that compute: elementwise formulas and reductions.

Domains are guarded, so that every graph is finite: exp(tanh x), log(softplus x + 1/2), x/(1 + y²).
"""

from __future__ import annotations

import math

import numpy as np

from tests.differential.rule import Rule, broadcastable


def unary(name, formula, *kinks) -> Rule:
    """An elementwise rule with kinks at the numbers given."""
    return Rule(name, 1, formula, kinks=lambda x: [x - k for k in kinks])


def binary(name, formula, kinks=lambda x, y: []) -> Rule:
    return Rule(name, 2, formula, broadcastable, kinks)


ELEMENTWISE = [
    unary("neg", lambda m, x: -x),
    unary("exp", lambda m, x: m.exp(m.tanh(x))),
    unary("expm1", lambda m, x: m.expm1(m.tanh(x))),
    unary("log", lambda m, x: m.log(m.softplus(x) + 0.5)),
    unary("log1p", lambda m, x: m.log1p(m.square(x))),
    unary("sqrt", lambda m, x: m.sqrt(x * x + 0.25)),
    unary("rsqrt", lambda m, x: m.rsqrt(x * x + 0.25)),
    unary("square", lambda m, x: m.square(m.tanh(x))),
    unary("reciprocal", lambda m, x: 1 / (1 + x * x)),
    unary("power", lambda m, x: m.power(x * x + 0.5, 1.5)),
    unary("cube", lambda m, x: m.tanh(x) ** 3),
    unary("sin", lambda m, x: m.sin(x)),
    unary("cos", lambda m, x: m.cos(x)),
    unary("tanh", lambda m, x: m.tanh(x)),
    unary("erf", lambda m, x: m.erf(x)),
    unary("sigmoid", lambda m, x: m.sigmoid(x)),
    unary("softplus", lambda m, x: m.softplus(x)),
    unary("affine", lambda m, x: 0.7 * x - 0.3),
    unary("abs", lambda m, x: m.abs(x), 0),
    unary("sign", lambda m, x: x * m.sign(x - 0.2), 0.2),
    unary("relu", lambda m, x: m.relu(x), 0),
    unary("relu6", lambda m, x: m.relu6(3 * x), 0, 2),
    unary("leaky_relu", lambda m, x: m.leaky_relu(x, 0.1), 0),
    unary("elu", lambda m, x: m.elu(x), 0),
    unary("celu", lambda m, x: m.celu(x, 0.8), 0),
    unary("selu", lambda m, x: m.selu(x), 0),
    unary("gelu", lambda m, x: m.gelu(x)),
    unary("gelu_tanh", lambda m, x: m.gelu(x, approximate=True)),
    unary("silu", lambda m, x: m.silu(x)),
    unary("mish", lambda m, x: m.mish(x)),
    unary("softsign", lambda m, x: m.softsign(x), 0),
    unary("hard_sigmoid", lambda m, x: m.hard_sigmoid(3 * x), -1, 1),
    unary("hard_tanh", lambda m, x: m.hard_tanh(x), -1, 1),
    unary("log_sigmoid", lambda m, x: m.log_sigmoid(x)),
    unary("clip", lambda m, x: m.clip(x, -0.5, 0.8), -0.5, 0.8),
    Rule("floor", 1, lambda m, x: x - m.floor(x), kinks=lambda x: [x - np.round(x)]),
    Rule("round", 1, lambda m, x: x + m.round(x), kinks=lambda x: [x - 0.5 - np.round(x - 0.5)]),
    unary("stop_gradient", lambda m, x: x * m.stop_gradient(x + 1)),
    unary("double_where", lambda m, x: m.where(x > 0.1, m.log(m.clip(x, 0.05, 9.0)), x), 0.1, 0.05),
    unary("masked_log", lambda m, x: m.sum(x) + m.where(x > 0.1, m.sqrt(m.abs(x)), 0.5), 0, 0.1),
    binary("add", lambda m, x, y: x + y),
    binary("sub", lambda m, x, y: x - y),
    binary("mul", lambda m, x, y: x * m.tanh(y)),
    binary("div", lambda m, x, y: x / (1 + y * y)),
    binary("pow", lambda m, x, y: m.power(m.softplus(x) + 0.5, m.tanh(y))),
    binary("xlogy", lambda m, x, y: m.xlogy(m.tanh(x), y * y + 0.5)),
    binary("maximum", lambda m, x, y: m.maximum(x, y), lambda x, y: [x - y]),
    binary("minimum", lambda m, x, y: m.minimum(x, y), lambda x, y: [x - y]),
    binary("where", lambda m, x, y: m.where(x > y, m.sin(x), y * x), lambda x, y: [x - y]),
    binary(
        "logic",
        lambda m, x, y: m.where((x > 0.3) & ~(y <= x) | (y > 0.7), x, y),
        lambda x, y: [x - 0.3, y - x, y - 0.7],
    ),
    binary(
        "mod",
        lambda m, x, y: m.mod(x, 1 + y * y),
        lambda x, y: [x / (1 + y * y) - np.round(x / (1 + y * y))],
    ),
    binary("bce", lambda m, x, y: m.bce(m.sigmoid(x), m.sigmoid(3 * m.tanh(y)))),
    binary("bce_logits", lambda m, x, y: m.bce(m.sigmoid(x), y, from_logits=True)),
    Rule(
        "three",
        3,
        lambda m, x, y, z: x * m.sigmoid(y) + z,
        broadcastable,
    ),
]


# ------------------------------------------------------------------ reductions


def _some_axes(random, x) -> dict | None:
    if x.ndim == 0 or x.size == 0:
        return None
    count = random.integers(1, x.ndim + 1)
    axes = tuple(sorted(random.choice(x.ndim, count, replace=False).tolist()))
    return {"axis": axes, "keepdims": bool(random.integers(2))}


def _varied_axes(random, x) -> dict | None:
    """Axes with at least two elements: a deviation of one element has a kink at 0."""
    attrs = _some_axes(random, x)
    if attrs and math.prod(x.shape[a] for a in attrs["axis"]) < 2:
        return None
    return attrs


def _one_axis(random, x) -> dict | None:
    return {"axis": int(random.integers(x.ndim))} if x.ndim and x.size else None


def _gaps(x, axis, **_) -> list:
    """Distances between neighbours in order, over the axes as one."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    last = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    rows = last.reshape(*last.shape[: x.ndim - len(axes)], -1)
    return [np.diff(np.sort(rows, -1))]


def _spread(x, axis, **_) -> list:
    return [x.std(axis)]


def _rows_of_classes(random, x, y) -> dict | None:
    """Two classes or more: the probability of a single one is at the bound of the clip."""
    fits = x.shape == y.shape and x.ndim and x.size and x.shape[-1] > 1
    return {} if fits else None


def reduction(name, formula, choose=_some_axes, kinks=lambda x, **attrs: []) -> Rule:
    return Rule(name, 1, formula, choose, kinks)


REDUCTIONS = [
    reduction("sum", lambda m, x, axis, keepdims: m.sum(x, axis, keepdims) * 0.5),
    reduction("mean", lambda m, x, axis, keepdims: m.mean(x, axis, keepdims)),
    reduction("max", lambda m, x, axis, keepdims: m.max(x, axis, keepdims), kinks=_gaps),
    reduction("min", lambda m, x, axis, keepdims: m.min(x, axis, keepdims), kinks=_gaps),
    reduction("prod", lambda m, x, axis, keepdims: m.prod(0.2 * m.tanh(x) + 1, axis, keepdims)),
    reduction("var", lambda m, x, axis, keepdims: m.var(x, axis, keepdims)),
    reduction("std", lambda m, x, axis, keepdims: m.std(x, axis, keepdims), _varied_axes, _spread),
    reduction("norm", lambda m, x, axis, keepdims: m.norm(x * x + 0.1, axis, keepdims)),
    reduction("logsumexp", lambda m, x, axis, keepdims: m.logsumexp(x, axis, keepdims)),
    reduction("softmax", lambda m, x, axis: m.softmax(x, axis), _one_axis),
    reduction("log_softmax", lambda m, x, axis: m.log_softmax(x, axis), _one_axis),
    reduction("cumsum", lambda m, x, axis: m.cumsum(x, axis), _one_axis),
    reduction("sort", lambda m, x, axis: m.sort(x, axis), _one_axis, _gaps),
    reduction(
        "top_k",
        lambda m, x, k: m.top_k(x, k),
        lambda random, x: {"k": min(2, x.shape[-1])} if x.ndim and x.size else None,
        lambda x, k: _gaps(x, x.ndim - 1),
    ),
    Rule(
        "cce",
        2,
        lambda m, x, y: m.cce(m.softmax(x), m.softmax(3 * m.tanh(y))),
        _rows_of_classes,
    ),
    Rule(
        "cce_logits",
        2,
        lambda m, x, y: m.cce(m.softmax(x), y, from_logits=True),
        _rows_of_classes,
    ),
]
