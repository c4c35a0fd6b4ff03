"""One case for each rule: the form it looks for and, where it stabilises, where it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp

import graphdl.ops.operators  # noqa: F401  (Python's operators on nodes)
from graphdl.core.graph import Node, apply
from graphdl.ops import arithmetic as a
from graphdl.ops import entropy, linalg, reduce, shape, surprisal
from graphdl.ops import functions as f
from graphdl.ops.build import cast, constant
from graphdl.ops.shape import broadcast_to, reshape, transpose

Shape = tuple[int, ...]
ROWS, ROW, ONE = (4, 3), (1, 2), (1,)


@dataclass(frozen=True)
class Case:
    """`build` makes the form from symbols named and shaped as `inputs` says.

    A stabilising rule adds `hard`, single-precision inputs at which the plain form fails, and
    `exact`, the value there from numbers of mpmath (rows as lists of numbers).
    """

    build: Callable[..., Node]
    inputs: Mapping[str, Shape] = field(default_factory=lambda: {"x": ROWS})
    low: float = -2.0
    high: float = 2.0
    hard: Mapping[str, Any] = field(default_factory=dict)
    exact: Callable[..., Any] | None = None


def pair(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, ROWS)


def positive(build: Callable[..., Node], **rest: Any) -> Case:
    return Case(build, low=0.1, high=2.0, **rest)


def total(x: Node, axes: tuple[int, ...] = (1,), keepdims: bool = False) -> Node:
    return apply(reduce.sum_op, x, axes=axes, keepdims=keepdims)


def slope(z: Node) -> Node:
    p = f.sigmoid(z)
    return p * (1 - p)


def tangent(p: Node, c: Node) -> Node:
    return p * (c - total(c * p, (p.rank - 1,), True))


def minus_tangent(p: Node, c: Node) -> Node:
    return p * (total(c * p, (p.rank - 1,), True) - c)


# ------------------------------------------------------------------ exact values


def lse(xs: list) -> Any:
    return mp.log(sum(map(mp.exp, xs)))


def softmaxed(xs: list) -> list:
    return [mp.exp(x - lse(xs)) for x in xs]


def sigma(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def soft(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


STABILITY = {
    "log∘softmax": Case(
        lambda x: a.log(reduce.softmax(x)),
        hard={"x": [[0, -200]]}, exact=lambda x: [v - lse(x) for v in x],
    ),
    "log∘sigmoid": Case(
        lambda x: a.log(f.sigmoid(x)), hard={"x": [-200]}, exact=lambda x: -soft(-x),
    ),
    "log(1−sigmoid)": Case(
        lambda x: a.log(1 - f.sigmoid(x)), hard={"x": [200]}, exact=lambda x: -soft(x),
    ),
    "log1p(−sigmoid)": Case(
        lambda x: f.log1p(-f.sigmoid(x)), hard={"x": [200]}, exact=lambda x: -soft(x),
    ),
    "log(1+exp)": Case(
        lambda x: a.log(1 + f.exp(x)), hard={"x": [200, -20]}, exact=soft,
    ),
    "log1p∘exp": Case(
        lambda x: f.log1p(f.exp(x)), hard={"x": [200]}, exact=soft,
    ),
    "log∘Σ∘exp": Case(
        lambda x: a.log(total(f.exp(x))), hard={"x": [[200, 201]]}, exact=lambda x: [lse(x)],
    ),
    "log∘mean∘exp": Case(
        lambda x: a.log(reduce.mean(f.exp(x), 1)),
        hard={"x": [[200, 201]]}, exact=lambda x: [lse(x) - mp.log(len(x))],
    ),
    "log∘exp": Case(
        lambda x: a.log(f.exp(x)), hard={"x": [200, -200]}, exact=lambda x: x,
    ),
    "log∘square": positive(
        lambda x: a.log(a.square(x)), hard={"x": [1e30, 1e-30]}, exact=lambda x: mp.log(x * x),
    ),
    "log past a view of σ": Case(
        lambda x: a.log(transpose(reduce.softmax(x))) + a.log(transpose(1 - f.sigmoid(x)))
        + a.log(1 - transpose(f.sigmoid(x))),
        hard={"x": [[0, -200]]},
        exact=lambda x: [v - lse(x) - 2 * soft(v) for v in x],
    ),
    "log(1+x)": positive(
        lambda x: a.log(1 + x), hard={"x": [1e-10]}, exact=mp.log1p,
    ),
    "log(1−x)": Case(
        lambda x: a.log(1 - x), low=-2, high=0.9,
        hard={"x": [1e-10]}, exact=lambda x: mp.log1p(-x),
    ),
    "exp−1": Case(
        lambda x: f.exp(x) - 1, hard={"x": [1e-10]}, exact=mp.expm1,
    ),
    "1−exp": Case(
        lambda x: 1 - f.exp(x), hard={"x": [1e-10]}, exact=lambda x: -mp.expm1(x),
    ),
    "1−cos": Case(
        lambda x: 1 - f.cos(x), hard={"x": [1e-3]}, exact=lambda x: 2 * mp.sin(x / 2) ** 2,
    ),
    "expm1/(1+exp)": Case(
        lambda x: f.expm1(x) / (1 + f.exp(x)), hard={"x": [200]}, exact=lambda x: mp.tanh(x / 2),
    ),
    "exp/(1+exp)": Case(
        lambda x: f.exp(x) / (1 + f.exp(x)), hard={"x": [200]}, exact=sigma,
    ),
    "1/(1+exp)": Case(
        lambda x: 3 / (1 + f.exp(x)), hard={"x": [90]}, exact=lambda x: 3 * sigma(-x),
    ),
    "exp/Σexp": Case(
        lambda x: f.exp(x) / total(f.exp(x), keepdims=True),
        hard={"x": [[200, 201]]}, exact=softmaxed,
    ),
    "1/exp": Case(
        lambda x: 1 / f.exp(x), hard={"x": [90]}, exact=lambda x: mp.exp(-x),
    ),
    "√∘square": Case(
        lambda x: a.sqrt(a.square(x)), hard={"x": [1e30, -1e-30]}, exact=abs,
    ),
    "√∘exp": Case(
        lambda x: a.sqrt(f.exp(x)), hard={"x": [100]}, exact=lambda x: mp.exp(x / 2),
    ),
    "softplus(x)−x": Case(
        lambda x: f.softplus(x) - x, hard={"x": [50]}, exact=lambda x: soft(-x),
    ),
    "x−softplus(x)": Case(
        lambda x: x - f.softplus(x), hard={"x": [50]}, exact=lambda x: -soft(-x),
    ),
    "tanh from exponentials": Case(
        lambda x: (f.exp(x) - f.exp(-x)) / (f.exp(x) + f.exp(-x)),
        hard={"x": [100, 1e-6]}, exact=mp.tanh,
    ),
    "2σ(2x)−1": Case(
        lambda x: 2 * f.sigmoid(2 * x) - 1, hard={"x": [1e-6]}, exact=mp.tanh,
    ),
}  # fmt: skip

DERIVATIVES = {
    "∇log∘sigmoid": Case(
        lambda u, z: (u / f.sigmoid(z) - u * (1 / (1 - f.sigmoid(z))) + u) * slope(z),
        pair("u", "z"),
        hard={"u": [3, 3], "z": [-200, 200]},
        exact=lambda u, z: u * sigma(-z) - u * sigma(z) + u * sigma(z) * sigma(-z),
    ),
    "∇log∘softmax": Case(
        lambda u, z: tangent(reduce.softmax(z), u / reduce.softmax(z)),
        pair("u", "z"),
        hard={"u": [[0.25, 0.5]], "z": [[0, -200]]},
        exact=lambda u, z: [v - q * sum(u) for v, q in zip(u, softmaxed(z), strict=True)],
    ),
    "∇softplus": Case(
        lambda x: (3 * f.sigmoid(-x)) * f.exp(x), hard={"x": [200]}, exact=lambda x: 3 * sigma(x),
    ),
    "∇sigmoid": Case(
        lambda x: a.square(f.sigmoid(-x)) * f.exp(x),
        hard={"x": [90]}, exact=lambda x: sigma(x) * sigma(-x),
    ),
    "∇logsumexp": Case(
        lambda u, x: (u * (1 / total(f.exp(x), keepdims=True))) * f.exp(x),
        pair("u", "x"),
        hard={"u": [[3, 3]], "x": [[200, 201]]},
        exact=lambda u, x: [v * q for v, q in zip(u, softmaxed(x), strict=True)],
    ),
    "∇logsumexp of rows": Case(
        lambda x: reshape(3 * (1 / total(f.exp(x))), (x.shape[0], 1)) * f.exp(x),
        hard={"x": [[200, 201]]}, exact=lambda x: [3 * q for q in softmaxed(x)],
    ),
    "∇(exp/Σexp)": Case(
        lambda u, x: (
            u * (1 / total(f.exp(x), keepdims=True))
            - total(u * (reduce.softmax(x) / total(f.exp(x), keepdims=True)), keepdims=True)
        ) * f.exp(x),
        pair("u", "x"),
        hard={"u": [[1, 3]], "x": [[200, 201]]},
        exact=lambda u, x: [
            q * (v - sum(w * r for w, r in zip(u, softmaxed(x), strict=True)))
            for v, q in zip(u, softmaxed(x), strict=True)
        ],
    ),
    "∇√∘square: (½/|x|)·x": Case(
        lambda x: (0.5 / a.absolute(x)) * x, hard={"x": [0]}, exact=lambda x: mp.sign(x) / 2,
    ),
    "∇log∘square: (u/x²)·x": Case(
        lambda u, x: (u / a.square(x)) * x, pair("u", "x"),
        hard={"u": [1], "x": [1e-30]}, exact=lambda u, x: u / x,
    ),
    "∇√∘square: (½/|x|)·2x": Case(
        lambda x: (3 * (0.5 / a.absolute(x))) * (2 * x),
        hard={"x": [0]}, exact=lambda x: 3 * mp.sign(x),
    ),
    "∇log∘square: (u/x²)·2x": Case(
        lambda u, x: (3 * (u / a.square(x))) * (2 * x), pair("u", "x"),
        hard={"u": [1], "x": [1e-30]}, exact=lambda u, x: 6 * u / x,
    ),
    "∇tanh": Case(
        lambda x: (3 / (f.exp(x) + f.exp(-x))) * f.exp(x),
        hard={"x": [100]}, exact=lambda x: 3 * sigma(2 * x),
    ),
    "−∇log∘softmax": Case(
        lambda u, z: minus_tangent(reduce.softmax(z), u / reduce.softmax(z)),
        pair("u", "z"),
        hard={"u": [[0.25, 0.5]], "z": [[0, -200]]},
        exact=lambda u, z: [q * sum(u) - v for v, q in zip(u, softmaxed(z), strict=True)],
    ),
    "∇√∘exp": Case(
        lambda x: (0.5 / f.exp(0.5 * x)) * f.exp(x),
        hard={"x": [100]}, exact=lambda x: mp.exp(x / 2) / 2,
    ),
    "∇1/exp": Case(
        lambda x: (3 / f.exp(x)) * f.exp(x), hard={"x": [100, -110]}, exact=lambda x: mp.mpf(3),
    ),
}  # fmt: skip

CLIPPED = [[100, -100]]  # logits of a certain prediction
LOSSES = {
    "bce∘sigmoid": Case(
        lambda y, z: entropy.bce(y, f.sigmoid(z)), pair("y", "z"),
        hard={"y": [1], "z": [-100]}, exact=lambda y, z: soft(-z),
    ),
    "bce∘view∘sigmoid": Case(
        lambda y, z: entropy.bce(reshape(y, (-1,)), reshape(f.sigmoid(z), (-1,))), pair("y", "z"),
        hard={"y": [[1]], "z": [[-100]]}, exact=lambda y, z: [soft(-z[0])],
    ),
    "cce∘softmax": Case(
        lambda y, z: entropy.cce(y, reduce.softmax(z)), pair("y", "z"),
        hard={"y": [[0, 1]], "z": CLIPPED},
        exact=lambda y, z: [sum(t * (lse(z) - v) for t, v in zip(y, z, strict=True))],
    ),
    "bce∘sigmoid: δ = ŷ − y": Case(
        lambda u, y, z: (u * apply(entropy.bce_slope_op, y, f.sigmoid(z))) * slope(z),
        pair("u", "y", "z"),
        hard={"u": [3], "y": [1], "z": [-100]}, exact=lambda u, y, z: u * (sigma(z) - y),
    ),
    "cce∘softmax: δ = ŷ·Σy − y": Case(
        lambda y, z: tangent(
            reduce.softmax(z), 3 * apply(entropy.cce_slope_op, y, reduce.softmax(z))
        ),
        pair("y", "z"),
        hard={"y": [[0, 1]], "z": CLIPPED},
        exact=lambda y, z: [3 * (q * sum(y) - t) for q, t in zip(softmaxed(z), y, strict=True)],
    ),
    "cce∘softmax: −δ = y − ŷ·Σy": Case(
        lambda y, z: minus_tangent(
            reduce.softmax(z), 3 * apply(entropy.cce_slope_op, y, reduce.softmax(z))
        ),
        pair("y", "z"),
        hard={"y": [[0, 1]], "z": CLIPPED},
        exact=lambda y, z: [3 * (t - q * sum(y)) for q, t in zip(softmaxed(z), y, strict=True)],
    ),
    "surprisal∘sigmoid": Case(
        lambda z: surprisal.surprisal(f.sigmoid(z)), pair("z"),
        hard={"z": [-100]}, exact=lambda z: soft(-z),
    ),
    "surprisal∘softmax": Case(
        lambda z: surprisal.surprisal(reduce.softmax(z)), pair("z"),
        hard={"z": CLIPPED}, exact=lambda z: [lse(z) - v for v in z],
    ),
    "class surprisal∘softmax": Case(
        lambda z: surprisal.class_surprisal(reduce.softmax(z)), pair("z"),
        hard={"z": CLIPPED}, exact=lambda z: [lse(z) - v for v in z],
    ),
    "∇surprisal∘sigmoid": Case(
        lambda u, z: (u * apply(surprisal.surprisal_slope_op, f.sigmoid(z))) * slope(z),
        pair("u", "z"),
        hard={"u": [3], "z": [-100]}, exact=lambda u, z: -u * sigma(-z),
    ),
    "∇surprisal∘softmax": Case(
        lambda u, z: tangent(
            reduce.softmax(z), u * apply(surprisal.surprisal_slope_op, reduce.softmax(z))
        ),
        pair("u", "z"),
        hard={"u": [[0.25, 0.5]], "z": CLIPPED},
        exact=lambda u, z: [q * sum(u) - v for q, v in zip(softmaxed(z), u, strict=True)],
    ),
    "−∇surprisal∘softmax": Case(
        lambda u, z: minus_tangent(
            reduce.softmax(z), u * apply(surprisal.surprisal_slope_op, reduce.softmax(z))
        ),
        pair("u", "z"),
        hard={"u": [[0.25, 0.5]], "z": CLIPPED},
        exact=lambda u, z: [v - q * sum(u) for q, v in zip(softmaxed(z), u, strict=True)],
    ),
}  # fmt: skip

ALGEBRA = {
    "numbers folded": Case(lambda x: x + constant(2.0, "float64") * constant(3.0, "float64")),
    "x·1": Case(lambda x: 1 * x),
    "x+0": Case(lambda x: x + 0),
    "x−0": Case(lambda x: x - 0),
    "x/1": Case(lambda x: x / 1),
    "x+(−k)": Case(lambda x: x + -3),
    "x−(−k)": Case(lambda x: x - -3),
    "x/2ᵏ": Case(lambda x: x / -8),
    "k·(n·x)": Case(lambda x: 2 * (0.3 * x)),
    "x·x": Case(lambda x: x * x),
    "x+x": Case(lambda x: x + x),
    "x⁰": Case(lambda x: a.power(x, 0)),
    "x¹": Case(lambda x: a.power(x, constant(1.0, "float64"))),
    "x²": Case(lambda x: a.power(x, constant(2.0, "float64"))),
    "x³": Case(lambda x: x**3),
    "x⁻¹": Case(lambda x: x**-1),
    "(−k)·x": Case(lambda x: x * -3),
    "x/(−k)": Case(lambda x: x / -3),
    "(−k)/x": Case(lambda x: -3 / x),
    "0−x": Case(lambda x: 0 - x),
    "−(−x)": Case(lambda x: -(-x)),  # noqa: B002
    "x+(−y)": Case(lambda x, y: -y + x, pair("x", "y")),
    "x−(−y)": Case(lambda x, y: x - (-y), pair("x", "y")),
    "(−x)−y": Case(lambda x, y: -x - y, pair("x", "y")),
    "−(x−y)": Case(lambda x, y: -(x - y), pair("x", "y")),
    "(−x)·y": Case(lambda x, y: x * -y, pair("x", "y")),
    "(−x)/y": Case(lambda x, y: -x / y, pair("x", "y")),
    "x/(−y)": Case(lambda x, y: x / -y, pair("x", "y")),
    "Σ(−x)": Case(lambda x: total(-x)),
    "mean(−x)": Case(lambda x: reduce.mean(-x)),
    "square(−x)": Case(lambda x: a.square(-x)),
    "|−x|": Case(lambda x: a.absolute(-x)),
    "where(k, a, b)": Case(lambda x: a.where(constant(True), x[:1], x)),
    "where(c, x, x)": Case(lambda x: a.where(x > 0, x[:1], x[:1])),
    "where(¬c, a, b)": Case(lambda x, y: a.where(~(x > 0), x, y), pair("x", "y")),
    "where(c, where(c, a, d), b)": Case(
        lambda x, y: a.where(x > 0, a.where(x > 0, y[:1], x), 3.0), pair("x", "y")
    ),
    "where(c, a, where(c, d, b))": Case(
        lambda x, y: a.where(x > 0, 3.0, a.where(x > 0, x, y[:1])), pair("x", "y")
    ),
    "max(x, x)": Case(lambda x: a.maximum(x, x)),
    "min(x, x)": Case(lambda x: a.minimum(x, x)),
    "x and x": Case(lambda x: (x > 0) & (x > 0)),
    "x or x": Case(lambda x: (x > 0) | (x > 0)),
    "¬¬x": Case(lambda x: ~~(x > 0)),
    "||x||": Case(lambda x: a.absolute(a.absolute(x))),
    "square|x|": Case(lambda x: a.square(a.absolute(x))),
    "relu∘relu": Case(lambda x: f.relu(f.relu(x))),
    "cast there and back": Case(lambda x: cast(cast(x > 0, "float32"), "bool")),
    "cast(c) > 0": Case(lambda x: cast(x < 0, "float64") > 0),
}

MOVEMENT = {
    "reshape to its own shape": Case(lambda x: apply(shape.reshape_op, x, shape=ROWS)),
    "broadcast to its own shape": Case(lambda x: apply(shape.broadcast_op, x, shape=ROWS)),
    "sum to its own shape": Case(lambda x: apply(shape.sum_to_op, x, shape=ROWS)),
    "sum to a shape": Case(
        lambda x: apply(shape.sum_to_op, x, shape=(3,)) + apply(shape.sum_to_op, x, shape=(4, 1))
    ),
    "reshape∘reshape": Case(lambda x: reshape(reshape(x, (12,)), (2, 6))),
    "transpose∘transpose": Case(lambda x: transpose(transpose(x[None], (2, 0, 1)), (1, 0, 2))),
    "broadcast∘broadcast": Case(lambda x: broadcast_to(broadcast_to(x, (2, 4, 3)), (5, 2, 4, 3))),
    "places side by side": Case(
        lambda x, y: (
            shape.place(y, (4, 5), (0, 3), (1, 1)) + shape.place(x, (4, 5), (0, 0), (1, 1))
        ),
        {"x": ROWS, "y": (4, 2)},
    ),
    "slice∘slice": Case(lambda x: x[1:, ::2][::2, 1:], {"x": (6, 5)}),
    "flip∘flip": Case(lambda x: shape.flip(shape.flip(x), 1)),
    "broadcast∘reshape": Case(
        lambda x, s: (
            broadcast_to(reshape(x, (1, 1, 4, 3)), (1, 2, 4, 3))
            + broadcast_to(reshape(s, ()), (1, 2, 4, 3))
        ),
        {"x": ROWS, "s": (1, 1)},
    ),
    "reshape∘broadcast": Case(lambda x: reshape(broadcast_to(x, ROWS), (2, 6)), {"x": (1, 1)}),
    "transpose∘broadcast": Case(lambda x: transpose(broadcast_to(x, ROWS)), {"x": ()}),
    "slice∘broadcast": Case(lambda x: broadcast_to(x, ROWS)[1:], {"x": ()}),
    "flip∘broadcast": Case(lambda x: shape.flip(broadcast_to(x, ROWS)), {"x": (1,)}),
    "broadcast last": Case(
        lambda x, y: (
            broadcast_to(x, ROWS) * y + f.exp(broadcast_to(x, ROWS)) * broadcast_to(x, ROWS)
        ),
        {"x": (3,), "y": ROWS},
    ),
}

PRODUCTS = {
    "(A·B)ᵀ": Case(
        lambda x, y: linalg.swap(linalg.matmul(x, linalg.swap(y))),
        {"x": (2, 4, 3), "y": (5, 3)},
    ),
}

REDUCTIONS = {
    "reduction of one element": Case(lambda x: reduce.mean(x[:, :1], 1) + reduce.max(x[:1, :1])),
    "reduction of a reduction": Case(
        lambda x: (
            reduce.max(reduce.max(x, 0, keepdims=True), (0, 2)) + total(total(x, (1,)), (0, 1))
        ),
        {"x": (2, 4, 3)},
    ),
    "reduction of a view": Case(
        lambda x: reduce.mean(reshape(x, (2, 6)), keepdims=True) + reduce.min(transpose(x))
    ),
    "sum of a broadcast": Case(lambda x: total(broadcast_to(x, (5, 4, 3)), (0, 2)), {"x": (4, 1)}),
}

STABILISING = {**STABILITY, **DERIVATIVES, **LOSSES}
EXACT = {**ALGEBRA, **MOVEMENT, **PRODUCTS, **REDUCTIONS}
CASES = {**STABILISING, **EXACT}
