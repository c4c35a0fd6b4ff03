"""The numerics contract as data: what comes out at zeros, kinks, ties, infinities and NaN.

A row is a formula, its inputs, the value and the gradient of its sum. "free" is any value; "bad"
any that is not finite; a pair `(a, b)` inside a list admits both. Numbers of the table hold in float32
and float64; where they differ the expectation is a `By` of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cosh, exp, inf, log, log1p, nan, pi, sqrt

import numpy as np

import graphdl as gd
from graphdl.ops import entropy

FREE, BAD = "free", "bad"


@dataclass(frozen=True)
class By:
    """An expectation that differs with the dtype."""

    float32: object
    float64: object


@dataclass(frozen=True)
class About:
    """A number where digits are lost by the formula itself: right to 1e-6 in either dtype."""

    number: float


@dataclass(frozen=True)
class Row:
    """f(*inputs), its value and the gradients of its sum with respect to each input."""

    name: str
    f: object
    inputs: tuple
    value: object
    gradients: tuple


def row(name, f, x, value, gradient):
    """A row of one input."""
    return Row(name, f, (x,), value, (gradient,))


def pair(name, f, x, y, value, dx, dy):
    """A row of two scalar inputs."""
    return Row(name, f, (x, y), value, (dx, dy))


def softmax_loss(label):
    hot = np.eye(3)[label]
    return lambda z: gd.sum(entropy.cce(gd.constant(hot, z.dtype), z, from_logits=True))


def sigmoid_loss(y):
    return lambda z: entropy.bce(gd.constant(y, z.dtype), z, from_logits=True)


def clipped_loss(y):
    return lambda p: entropy.bce(gd.constant(y, p.dtype), p)


def sigmoid(x):
    return exp(x) / (1 + exp(x))


def softplus(x):
    return log1p(exp(x))


THIRD, LOW, HIGH = 1 / 3, -log(1e-7), -log(1 - 1e-7)
CROSS_ENTROPIES = [
    row("softmax-CE label 0", softmax_loss(0), [1e4, -1e4, 0], 0, [0, 0, 0]),
    row("softmax-CE label 1", softmax_loss(1), [1e4, -1e4, 0], 20000, [1, -1, 0]),
    row("softmax-CE equal", softmax_loss(0), [0, 0, 0], log(3), [-2 * THIRD, THIRD, THIRD]),
    row("softmax-CE -inf, label 1", softmax_loss(1), [-inf, 0, 0], log(2), [0, -0.5, 0.5]),
    row("softmax-CE -inf, label 0", softmax_loss(0), [-inf, 0, 0], inf, [-1, 0.5, 0.5]),
    row("softmax-CE all -inf", softmax_loss(0), [-inf, -inf, -inf], nan, FREE),
    row("softmax-CE inf", softmax_loss(0), [inf, 0, 0], BAD, FREE),
    row("softmax-CE 3e38", softmax_loss(1), [3e38, -3e38, 0], By(inf, 6e38), [1, -1, 0]),
    row("softmax-CE 1e-30", softmax_loss(0), [1e-30, 0, 0], log(3), [-2 * THIRD, THIRD, THIRD]),
    row("log_softmax", lambda z: gd.log_softmax(z)[0], [1e4, -1e4], 0, [0, 0]),
    row("log_softmax of the other", lambda z: gd.log_softmax(z)[1], [1e4, -1e4], -20000, [-1, 1]),
    row("softmax", gd.softmax, [1e4, -1e4, 1e4], [0.5, 0, 0.5], [0, 0, 0]),
    row("softmax of -inf", gd.softmax, [-inf, -inf], [nan, nan], FREE),
    row("BCE y=0", sigmoid_loss(0), [1e4, -1e4, 100, 0, 30], [1e4, 0, 100, log(2), softplus(30)],
        [1, 0, 1, 0.5, sigmoid(30)]),
    row("BCE y=1", sigmoid_loss(1), [1e4, -1e4, -100, 0], [0, 1e4, 100, log(2)], [0, -1, -1, -0.5]),
    row("BCE y=1 in the tail", sigmoid_loss(1), [30], [softplus(-30)], [-sigmoid(-30)]),
    row("BCE z=100 y=1", sigmoid_loss(1), [100], By([3.78351e-44], [exp(-100)]),
        By([-3.78351e-44], [-exp(-100)])),
    row("BCE z=-100 y=0", sigmoid_loss(0), [-100], By([3.78351e-44], [exp(-100)]),
        By([3.78351e-44], [exp(-100)])),
    row("BCE infinite y=0", sigmoid_loss(0), [inf, -inf], [FREE, FREE], [1, 0]),
    row("BCE infinite y=1", sigmoid_loss(1), [inf, -inf], [FREE, FREE], [0, -1]),
    row("BCE of p, y=0", clipped_loss(0), [0, 1, 1e-10],
        By([1.1920929e-07, 15.942385, 1.1920929e-07], [HIGH, -log(1 - (1 - 1e-7)), HIGH]),
        [0, 0, 0]),
    row("BCE of p, y=1", clipped_loss(1), [0, 1, 1e-10],
        By([16.118095, 1.1920929e-07, 16.118095], [LOW, HIGH, LOW]),
        [0, 0, 0]),
    row("CCE of p", lambda p: entropy.cce(gd.constant([0.0, 1.0, 0.0], p.dtype), p), [1, 0, 0],
        By(16.118095, LOW), [0, 0, 0]),
]  # fmt: skip
EXPONENTIALS = [
    row("log1p", gd.log1p, [1e-20, inf, 0, -0.0], [1e-20, inf, 0, 0], [1, 0, 1, 1]),
    row("log1p at -1 and below", gd.log1p, [-1, -2], [-inf, nan], [inf, -1]),
    row("expm1", gd.expm1, [1e-20, -1e4, 1e4, 0], [1e-20, -1, inf, 0], [1, 0, inf, 1]),
    row("exp at its ends", gd.exp, [89, -104, -800], By([inf, 0, 0], [exp(89), exp(-104), 0]),
        By([inf, 0, 0], [exp(89), exp(-104), 0])),
    row("exp subnormal", gd.exp, [-103], By([1.4013e-45], [exp(-103)]),
        By([1.4013e-45], [exp(-103)])),
    row("log at 0", gd.log, [0, -1], [-inf, nan], [inf, -1]),
    row("erf", gd.erf, [0], [0], [2 / sqrt(pi)]),
    row("erf far out", gd.erf, [10, -10], [1, -1],
        By([4.2039e-44] * 2, [2 / sqrt(pi) * exp(-100)] * 2)),
]  # fmt: skip
SIGMOIDS = [
    row("softplus", gd.softplus, [1e4, -1e4, 100, 0, 20, 21, inf, -inf],
        [1e4, 0, 100, log(2), softplus(20), softplus(21), inf, 0],
        [1, 0, 1, 0.5, sigmoid(20), sigmoid(21), 1, 0]),
    row("softplus in the tail", gd.softplus, [-20], [softplus(-20)], [sigmoid(-20)]),
    row("softplus subnormal", gd.softplus, [-100], By([3.78351e-44], [exp(-100)]),
        By([3.78351e-44], [exp(-100)])),
    row("sigmoid", gd.sigmoid, [1e4, -1e4, inf, -inf, 0], [1, 0, 1, 0, 0.5], [0, 0, 0, 0, 0.25]),
    row("sigmoid 89", gd.sigmoid, [89], [1], [(0, exp(-89))]),
    row("sigmoid -89", gd.sigmoid, [-89], [exp(-89)], [exp(-89)]),
    row("sigmoid -104", gd.sigmoid, [-104], By([(0, 1e-45)], [exp(-104)]),
        By([(0, 1e-45)], [exp(-104)])),
    row("sigmoid 17", gd.sigmoid, [17], By([(0.99999994, 1)], [sigmoid(17)]),
        By([(0, 4.13994e-08, 5.9604645e-08)], [About(4.1399375e-08)])),
    row("log_sigmoid", gd.log_sigmoid, [-1e4, 1e4, -100, 0], [-1e4, 0, -100, -log(2)], [1, 0, 1, 0.5]),
    row("tanh", gd.tanh, [1e4, -1e4, 20, inf, 0, 1e-20], [1, -1, 1, 1, 0, 1e-20], [0, 0, 0, 0, 1, 1]),
    row("tanh 9", gd.tanh, [9], By([(0.99999994, 1)], [0.9999999695400409]),
        By([(6.09199e-08, 1.1920929e-07, 0)], [About(cosh(9) ** -2)])),
]  # fmt: skip
SPECIAL = [0.0, -0.0, nan, inf, -inf]
ACTIVATIONS = [
    row("relu", gd.relu, SPECIAL, [0, 0, nan, inf, 0], [0, 0, 0, 1, 0]),
    row("abs", gd.abs, SPECIAL, [0, 0, nan, inf, inf], [0, 0, FREE, 1, -1]),
    row("sign", gd.sign, SPECIAL, [0, 0, nan, 1, -1], [0] * 5),
    row("leaky_relu", lambda x: gd.leaky_relu(x, 0.01), SPECIAL, [0, 0, nan, inf, -inf],
        [0.01, 0.01, 0.01, 1, 0.01]),
    row("elu", gd.elu, SPECIAL, [0, 0, nan, inf, -1], [1, 1, FREE, 1, 0]),
    row("selu", gd.selu, SPECIAL, [0, 0, nan, inf, -1.7580993408473766],
        [1.7580993408473766, 1.7580993408473766, FREE, 1.0507009873554805, 0]),
    row("relu6", gd.relu6, SPECIAL, [0, 0, nan, 6, 0], [0] * 5),
    row("relu6 at its ends", gd.relu6, [0, 6], [0, 6], [0, 0]),
    row("hard_tanh", gd.hard_tanh, SPECIAL, [0, 0, nan, 1, -1], [1, 1, FREE, 0, 0]),
    row("hard_tanh at its ends", gd.hard_tanh, [-1, 1], [-1, 1], [1, 1]),
    row("hard_sigmoid", gd.hard_sigmoid, SPECIAL, [0.5, 0.5, nan, 1, 0], [1 / 6, 1 / 6, 0, 0, 0]),
    row("hard_sigmoid at its ends", gd.hard_sigmoid, [-3, 3], [0, 1], [0, 0]),
    row("gelu", gd.gelu, SPECIAL, [0, 0, nan, inf, (nan, 0)], [0.5, 0.5, FREE, FREE, FREE]),
    row("silu", gd.silu, SPECIAL, [0, 0, nan, inf, (nan, 0)], [0.5, 0.5, FREE, FREE, FREE]),
    row("softsign", gd.softsign, SPECIAL, [0, 0, nan, (nan, 1), (nan, -1)], [1, 1, FREE, FREE, FREE]),
    row("floor", gd.floor, SPECIAL, [0, 0, nan, inf, -inf], [0] * 5),
    row("round", gd.round, SPECIAL, [0, 0, nan, inf, -inf], [0] * 5),
    row("round halves", gd.round, [0.5, 1.5, 2.5, -0.5], [0, 2, 2, 0], [0] * 4),
    row("clip", lambda x: gd.clip(x, 0.0, 1.0), [0, 1, nan], [0, 1, nan], [1, 1, FREE]),
]  # fmt: skip
TIES = [
    pair("maximum tie", gd.maximum, 1, 1, 1, 0.5, 0.5),
    pair("minimum tie", gd.minimum, 1, 1, 1, 0.5, 0.5),
    row("maximum with 0", lambda x: gd.maximum(x, 0.0), 0, 0, 0),
    row("max tie", gd.max, [2, 2, 1], 2, [0.5, 0.5, 0]),
    row("max tie along an axis", lambda x: gd.max(x, axis=-1), [2, 2, 1], 2, [0.5, 0.5, 0]),
    pair("maximum of NaN", gd.maximum, nan, 1, nan, FREE, FREE),
    pair("minimum of NaN", gd.minimum, 1, nan, nan, FREE, FREE),
    row("max of NaN", gd.max, [nan, 1], nan, FREE),
    row("min of NaN", gd.min, [1, nan], nan, FREE),
    row("mean absolute error at 0", lambda x: gd.mean(gd.abs(x)), [0], 0, [0]),
]
POWERS = [
    row("sqrt", gd.sqrt, [0, -1], [0, nan], [inf, nan]),
    row("norm at 0", gd.norm, [0, 0], 0, [0, 0]),
    pair("pow(0, 0)", gd.power, 0, 0, 1, 0, 0),
    pair("pow(0, 1/2)", gd.power, 0, 0.5, 0, inf, 0),
    pair("pow(0, 2)", gd.power, 0, 2, 0, 0, 0),
    pair("pow(-2, 2)", gd.power, -2, 2, 4, -4, nan),
    pair("pow(0, -1)", gd.power, 0, -1, inf, -inf, -inf),
    row("x**2", lambda x: x**2, [0], [0], [0]),
    row("x**-1", lambda x: x**-1, [0], [inf], [-inf]),
    row("rsqrt", gd.rsqrt, [0], [inf], [-inf]),
    row("1/x", lambda x: 1 / x, [0], [inf], [-inf]),
    row("x/x", lambda x: x / x, [0], [nan], [nan]),
    row("x*log(x)", lambda x: x * gd.log(x), [0], [nan], [nan]),
    pair("xlogy(0, 0)", gd.xlogy, 0, 0, 0, 0, 0),
]
MASKED = [
    row("where 1/x", lambda x: gd.where(gd.equal(x, 0.0), 0.0, 1 / x), [0, 2], [0, 0.5], [0, -0.25]),
    row("where log", lambda x: gd.where(x > 0, gd.log(x), 0.0), [0, -1, 2], [0, 0, log(2)],
        [0, 0, 0.5]),
    row("where sqrt", lambda x: gd.where(x > 0, gd.sqrt(x), 0.0), [0], [0], [0]),
    row("where exp", lambda x: gd.where(x < 0, gd.exp(x), 1.0), [-1, 800], [exp(-1), 1], [exp(-1), 0]),
    row("double where", lambda x: gd.where(x > 0, gd.log(gd.where(x > 0, x, 1.0)), 0.0),
        [0, -1, 2], [0, 0, log(2)], [0, 0, 0.5]),
    row("where behind a chain", lambda x: gd.where(x > 0, gd.exp(gd.log(gd.sqrt(x)) * 2), 0.0),
        [0, -1, 4], [0, 0, About(4)], [0, 0, About(1)]),
    row("where behind moves", lambda x: gd.where(x > 0, gd.flip(gd.log(gd.flip(x))), 0.0),
        [0, -1, 2], [0, 0, log(2)], [0, 0, 0.5]),
]  # fmt: skip
REDUCTIONS = [
    row("logsumexp of -inf", gd.logsumexp, [-inf, -inf], -inf, [0, 0]),
    row("logsumexp -inf, 0", gd.logsumexp, [-inf, 0], 0, [0, 1]),
    row("logsumexp inf", gd.logsumexp, [inf, 0], inf, FREE),
    row("logsumexp inf, -inf", gd.logsumexp, [inf, -inf], inf, FREE),
    row("logsumexp inf, inf", gd.logsumexp, [inf, inf], inf, FREE),
    row("logsumexp NaN", gd.logsumexp, [nan, 0], nan, FREE),
    row("logsumexp 1e4", gd.logsumexp, [1e4, 1e4], 1e4 + log(2), [0.5, 0.5]),
    row("logsumexp -1e4", gd.logsumexp, [-1e4, -1e4], -1e4 + log(2), [0.5, 0.5]),
    row("std of a constant", gd.std, [3, 3, 3], 0, [0, 0, 0]),
    row("var of a constant", gd.var, [3, 3, 3], 0, [0, 0, 0]),
    row("normalised constant", lambda x: (x - gd.mean(x)) / gd.sqrt(gd.var(x) + 1e-5), [3, 3, 3],
        [0, 0, 0], [0, 0, 0]),
    row("two-pass var", gd.var, [1e4, 1e4 + 1, 1e4 + 2], 2 * THIRD, [-2 * THIRD, 0, 2 * THIRD]),
    row("sum of nothing", lambda x: gd.sum(x, 0), np.zeros(0), 0, np.zeros(0)),
    row("sum of NaN", gd.sum, [nan, 1], nan, [1, 1]),
    row("prod with a zero", gd.prod, [0, 2, 3], 0, [6, 0, 0]),
    row("prod with two zeros", gd.prod, [0, 0, 3], 0, [0, 0, 0]),
]  # fmt: skip
SUBNORMALS = [
    row("subnormal · 1/2", lambda x: x * 0.5, [1e-40], [5e-41], [0.5]),
    row("subnormal + 0", lambda x: x + 0.0, [1e-40], [1e-40], [1]),
    row("underflow", lambda x: x * x, [1e-30], By([0], [1e-60]), [2e-30]),
]
# Keeping a NaN or an infinity alive at run time: no rewrite may remove it.
KEPT = [
    row("0*x", lambda x: 0.0 * x, [inf], [nan], [0]),
    row("x-x", lambda x: x - x, [inf], [nan], [0]),
]
TABLE = {
    "cross-entropies": CROSS_ENTROPIES, "exponentials": EXPONENTIALS, "sigmoids": SIGMOIDS,
    "activations": ACTIVATIONS, "ties": TIES, "powers": POWERS, "masked": MASKED,
    "reductions": REDUCTIONS, "subnormals": SUBNORMALS, "kept": KEPT,
}  # fmt: skip
