"""The vocabulary of the random graphs: what may be applied to values that are at hand.

A rule is a formula over a library `m` (graphdl, or PyTorch under graphdl's names) and a chooser,
which looks at the values and returns the formula's attributes, or None where it does not apply.
Domains are guarded, so that every graph is finite: exp(tanh x), log(softplus x + 1/2), x/(1 + y²).
`kinks` are expressions that must stay away from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rule:
    """formula(m, *operands, **attrs) over `arity` operands; see the top of the file."""

    name: str
    arity: int
    formula: Callable[..., Any]
    choose: Callable[..., dict | None] = lambda random, *xs: {}
    kinks: Callable[..., list] = lambda *xs, **attrs: []


def _broadcastable(random, *xs) -> dict | None:
    try:
        np.broadcast_shapes(*(x.shape for x in xs))
    except ValueError:
        return None
    return {}


def _where_broadcastable(*conditions):
    def choose(random, *xs):
        return _broadcastable(random, *xs) if all(c(*xs) for c in conditions) else None

    return choose


def unary(name, formula, *kinks) -> Rule:
    """An elementwise rule with kinks at the numbers given."""
    return Rule(name, 1, formula, kinks=lambda x: [x - k for k in kinks])


def binary(name, formula, kinks=lambda x, y: []) -> Rule:
    return Rule(name, 2, formula, _broadcastable, kinks)


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
        _broadcastable,
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


# ------------------------------------------------------------------ moves


def _reshaped(random, x) -> dict:
    shapes = [(x.size,), (*x.shape, 1), (1, *x.shape), tuple(reversed(x.shape))]
    if x.ndim >= 2:
        shapes.append((x.shape[0], x.size // x.shape[0]) if x.shape[0] else (0, 1))
    return {"shape": shapes[random.integers(len(shapes))]}


def _permuted(random, x) -> dict | None:
    return {"axes": tuple(random.permutation(x.ndim).tolist())} if x.ndim > 1 else None


def _widened(random, x) -> dict:
    shape = tuple(3 if d == 1 and random.integers(2) else d for d in x.shape)
    return {"shape": (2, *shape) if random.integers(2) and x.ndim < 3 else shape}


def _paired(random, x, y) -> dict | None:
    """An axis along which the two can be joined."""
    if x.ndim != y.ndim or not x.ndim:
        return None
    fits = [
        a
        for a in range(x.ndim)
        if all(d == e for i, (d, e) in enumerate(zip(x.shape, y.shape, strict=True)) if i != a)
    ]
    return {"axis": int(random.choice(fits))} if fits else None


def _index(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    key = []
    for d in x.shape:
        start, step = int(random.integers(d)), int(random.integers(1, 3))
        number = random.integers(4) == 0
        key.append(start if number else slice(start, None if random.integers(2) else d, step))
    return {"key": (*key, None) if random.integers(4) == 0 else tuple(key)}


def _widths(random, x) -> dict | None:
    widths = [tuple(random.integers(0, 3, 2).tolist()) for _ in x.shape]
    return {"widths": widths, "value": float(random.integers(2)) * 0.5} if x.ndim else None


def _flipped(random, x) -> dict | None:
    return {"axis": (int(random.integers(x.ndim)),)} if x.ndim else None


def _halved(random, x) -> dict | None:
    even = [a for a, d in enumerate(x.shape) if d % 2 == 0 and d]
    return {"axis": int(random.choice(even))} if even else None


def _halves(m, x, axis):
    first, second = m.split(x, 2, axis)
    return first * m.sigmoid(second)


def _picked(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    axis = int(random.integers(x.ndim))
    shape = [(3,), (2, 2), ()][random.integers(3)]
    return {"axis": axis, "indices": random.integers(0, x.shape[axis], shape)}


def _picked_along(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    axis = int(random.integers(x.ndim))
    shape = tuple(2 if a == axis else d for a, d in enumerate(x.shape))
    return {"axis": axis, "indices": random.integers(0, x.shape[axis], shape)}


def _classes(random, x) -> dict | None:
    return {"labels": random.integers(0, x.shape[-1], x.shape[:-1])} if x.ndim and x.size else None


MOVES = [
    Rule("reshape", 1, lambda m, x, shape: m.reshape(x, shape), _reshaped),
    Rule("transpose", 1, lambda m, x, axes: m.transpose(x, axes), _permuted),
    Rule("broadcast_to", 1, lambda m, x, shape: m.broadcast_to(x, shape), _widened),
    Rule("expand_dims", 1, lambda m, x: m.expand_dims(x, 0)),
    Rule("squeeze", 1, lambda m, x: m.squeeze(x)),
    Rule("concat", 2, lambda m, x, y, axis: m.concat([x, y, x], axis), _paired),
    Rule(
        "stack",
        2,
        lambda m, x, y: m.stack([x, y], 1),
        lambda random, x, y: {} if x.shape == y.shape and 0 < x.ndim < 3 else None,
    ),
    Rule("split", 1, _halves, _halved),
    Rule("index", 1, lambda m, x, key: x[key], _index),
    Rule("flip", 1, lambda m, x, axis: m.flip(x, axis), _flipped),
    Rule("pad", 1, lambda m, x, widths, value: m.pad(x, widths, value), _widths),
    Rule(
        "gather",
        1,
        lambda m, x, axis, indices: m.gather(x, m.constant(indices, x), axis),
        _picked,
    ),
    Rule(
        "take_along",
        1,
        lambda m, x, axis, indices: m.take_along(x, m.constant(indices, x), axis),
        _picked_along,
    ),
    Rule(
        "one_hot",
        1,
        lambda m, x, labels: x * m.one_hot(m.constant(labels, x), x.shape[-1], x),
        _classes,
    ),
]


# ------------------------------------------------------------------ products


def _scaled(x) -> float:
    return 1 / math.sqrt(max(x, 1))


def _matmul(random, x, y) -> dict | None:
    if not x.ndim or not y.ndim or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        return None
    fits = _broadcastable(random, np.empty(x.shape[:-2]), np.empty(y.shape[:-2]))
    return None if fits is None else {"scale": _scaled(x.shape[-1])}


def _ends_meet(random, x, y) -> dict | None:
    fits = x.ndim and y.ndim and x.shape[-1] == y.shape[0]
    return {"scale": _scaled(x.shape[-1])} if fits else None


def _of_ranks(*ranks):
    def choose(random, *xs):
        shapes = [x.shape for x in xs]
        return {} if tuple(map(len, shapes)) == ranks and all(map(math.prod, shapes)) else None

    return choose


def _einsum(equation, *ranks):
    letters = equation.partition("->")[0].split(",")

    def choose(random, *xs):
        if tuple(x.ndim for x in xs) != ranks:
            return None
        seen: dict[str, int] = {}
        for term, x in zip(letters, xs, strict=True):
            for letter, d in zip(term, x.shape, strict=True):
                if seen.setdefault(letter, d) != d:
                    return None
        return {}

    name = f"einsum {equation}"
    return Rule(name, len(ranks), lambda m, *xs: 0.5 * m.einsum(equation, *xs), choose)


PRODUCTS = [
    Rule("matmul", 2, lambda m, x, y, scale: m.matmul(x, y) * scale, _matmul),
    Rule("gram", 1, lambda m, x: 0.3 * m.matmul(x, m.transpose(x, (1, 0))), _of_ranks(2)),
    Rule("gram_t", 1, lambda m, x: 0.3 * m.matmul(m.transpose(x, (1, 0)), m.tanh(x)), _of_ranks(2)),
    Rule("tensordot", 2, lambda m, x, y, scale: m.tensordot(x, y, 1) * scale, _ends_meet),
    Rule("outer", 2, lambda m, x, y: m.outer(x, y), _of_ranks(1, 1)),
    _einsum("ij->ji", 2),
    _einsum("ij,ij->i", 2, 2),
    _einsum("ij,kj->ik", 2, 2),
    _einsum("bij,bjk->bik", 3, 3),
    _einsum("ii->i", 2),
    _einsum("ijk->ik", 3),
]
RULES = {r.name: r for r in [*ELEMENTWISE, *REDUCTIONS, *MOVES, *PRODUCTS]}
