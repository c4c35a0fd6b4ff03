"""The functions that formulas name, from their definitions, on NumPy arrays.

None of them comes from graphdl. Those of one element are written so that they take complex numbers
too: the derivative `f′` is then Im f(x + ih)/h, exact to the last digits because nothing is
subtracted. Comparisons look at the real part.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

EPSILON = 1e-7  # the clip of probabilities
STEP = 1e-30


def larger(a, b):
    return np.where(np.real(a) >= np.real(b), a, b)


def smaller(a, b):
    return np.where(np.real(a) <= np.real(b), a, b)


def clip(a, low, high):
    return smaller(larger(a, low), high)


def absolute(a):
    return np.where(np.real(a) < 0, -a, a)


def relu(a):
    return np.where(np.real(a) > 0, a, 0)


def softplus(a):
    """log(1 + eᵃ) = max(a, 0) + log(1 + e^−|a|)"""
    return relu(a) + np.log1p(np.exp(-absolute(a)))


def sigmoid(a):
    e = np.exp(-absolute(a))
    return np.where(np.real(a) >= 0, 1, e) / (1 + e)


def elu(a, alpha=1.0):
    return np.where(np.real(a) > 0, a, alpha * np.expm1(smaller(a, 0)))


def celu(a, alpha=1.0):
    return np.where(np.real(a) > 0, a, alpha * np.expm1(smaller(a, 0) / alpha))


def selu(a):
    return 1.0507009873554804934193349852946 * elu(a, 1.6732632423543772848170429916717)


def gelu(a):
    return a * (1 + special.erf(a / math.sqrt(2))) / 2


def gelu_tanh(a):
    return a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))) / 2


def hard_sigmoid(a):
    return clip(a / 6 + 0.5, 0, 1)


def sparse_plus(a):
    middle = (a + 1) ** 2 / 4
    return np.where(np.real(a) >= 1, a, np.where(np.real(a) <= -1, 0, middle))


def soft_shrink(a, t):
    return np.where(np.real(a) > t, a - t, np.where(np.real(a) < -t, a + t, 0))


def log_cosh(a):
    return absolute(a) + np.log1p(np.exp(-2 * absolute(a))) - math.log(2)


def xlogy(a, b):
    zero = np.real(a) == 0
    return np.where(zero, 0, a * np.log(np.where(zero, 1, b)))


def bce(y, p):
    q = clip(p, EPSILON, 1 - EPSILON)
    return -y * np.log(q) - (1 - y) * np.log(1 - q)


def bce_logits(y, z):
    return softplus(z) - y * z


def residual(y, z):
    """σ(z) − y"""
    return sigmoid(z) - y


def surprisal(p):
    return -np.log(clip(p, EPSILON, 1))


ELEMENTWISE = {
    "abs": absolute, "bce": bce, "bce_logits": bce_logits, "celu": celu, "clip": clip,
    "cos": np.cos, "elu": elu, "erf": special.erf, "exp": np.exp, "expm1": np.expm1,
    "floor": lambda a: np.floor(np.real(a)), "gelu": gelu, "gelu_tanh": gelu_tanh,
    "hard_shrink": lambda a, t: np.where(np.abs(np.real(a)) <= t, 0, a),
    "hard_sigmoid": hard_sigmoid, "hard_silu": lambda a: a * hard_sigmoid(a),
    "hard_tanh": lambda a: clip(a, -1, 1), "isfinite": np.isfinite, "isnan": np.isnan,
    "leaky_relu": lambda a, slope: np.where(np.real(a) > 0, a, slope * a),
    "log": np.log, "log1p": np.log1p, "log_cosh": log_cosh,
    "log_sigmoid": lambda a: -softplus(-a), "maximum": larger, "minimum": smaller,
    "mish": lambda a: a * np.tanh(softplus(a)), "mod": lambda a, b: a - b * np.floor(np.real(a / b)),
    "relu": relu, "relu6": lambda a: clip(a, 0, 6), "residual": residual,
    "round": lambda a: np.round(np.real(a)),
    "rsqrt": lambda a: 1 / np.sqrt(a), "selu": selu, "sigmoid": sigmoid,
    "sign": lambda a: np.sign(np.real(a)),
    "silu": lambda a: a * sigmoid(a), "sin": np.sin, "soft_shrink": soft_shrink,
    "softplus": softplus, "softsign": lambda a: a / (1 + absolute(a)), "sparse_plus": sparse_plus,
    "sparse_sigmoid": lambda a: clip((a + 1) / 2, 0, 1), "sqrt": np.sqrt,
    "squareplus": lambda a, b: (a + np.sqrt(a**2 + b)) / 2, "stop_gradient": lambda a: a,
    "surprisal": surprisal, "tanh": np.tanh, "tanh_shrink": lambda a: a - np.tanh(a),
    "threshold": lambda a, t, default: np.where(np.real(a) > t, a, default), "where": np.where,
    "xlogy": xlogy,
}  # fmt: skip
OF_SECOND = ("bce", "bce_logits", "residual")  # f′ is by the prediction, not by the target


def prime(name, place=None):
    """f′, the derivative of an elementwise function by its value, or by another argument: f′₂."""
    place = name in OF_SECOND if place is None else place

    def derivative(*args):
        moved = [np.asarray(a, complex) if k == place else a for k, a in enumerate(args)]
        moved[place] = moved[place] + 1j * STEP
        return np.imag(ELEMENTWISE[name](*moved)) / STEP

    return derivative


# ------------------------------------------------------------------ rows and shapes


def softmax(a, axis=-1):
    e = np.exp(a - np.max(a, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)


def log_softmax(a, axis=-1):
    below = a - np.max(a, axis, keepdims=True)
    return below - np.log(np.sum(np.exp(below), axis, keepdims=True))


def cce(y, p):
    share = p / np.sum(p, -1, keepdims=True)
    return -np.sum(y * np.log(clip(share, EPSILON, 1 - EPSILON)), -1)


def cce_logits(y, z):
    return -np.sum(y * log_softmax(z), -1)


def class_surprisal(p):
    share = p / np.sum(p, -1, keepdims=True)
    return -np.log(clip(share, EPSILON, 1 - EPSILON))


def cce_prime(y, p):
    """∂/∂pⱼ of −Σ yₖ·log qₖ with q = p/s, s = Σp: (Σ yₖ − yⱼ/qⱼ)/s over the k inside the clip"""
    s = np.sum(p, -1, keepdims=True)
    q = p / s
    inside = (q >= EPSILON) & (q <= 1 - EPSILON)
    kept = np.where(inside, y, 0)
    return (np.sum(kept, -1, keepdims=True) - kept / np.where(inside, q, 1)) / s


def place(a, shape, starts, steps):
    out = np.zeros(shape)
    out[_slices(starts, np.shape(a), steps)] = a
    return out


def slice_(a, starts, extents, steps):
    return a[_slices(starts, extents, steps)]


def _slices(starts, extents, steps):
    return tuple(slice(s, s + n * k, k) for s, n, k in zip(starts, extents, steps, strict=True))


def put_along(a, indices, extent, axis):
    out, indices = np.zeros((*a.shape[:axis], extent, *a.shape[axis + 1 :])), whole(indices)
    for at in np.ndindex(a.shape):
        to = (*at[:axis], indices[at], *at[axis + 1 :])
        out[to] += a[at]
    return out


def whole(indices):
    """Whole numbers: 1 may have been read as 1.0."""
    return np.asarray(np.real(indices), np.int64)


def reduction(function):
    def reduced(a, axis=None, keepdims=False):
        return function(a, axis=axis, keepdims=bool(keepdims))

    return reduced


def one_hot(classes, depth):
    """1 at the class, along a new last axis."""
    return (whole(classes)[..., None] == np.arange(int(depth))).astype(float)


SHAPING = {
    "arange": np.arange, "argmax": np.argmax, "argmin": np.argmin,
    "argsort": lambda a: np.argsort(a, -1, kind="stable"), "broadcast": np.broadcast_to,
    "cce": cce, "cce_logits": cce_logits, "class_surprisal": class_surprisal,
    "concat": lambda *parts, axis: np.concatenate(parts, axis), "cumsum": np.cumsum,
    "cce′": cce_prime, "flip": lambda a, axes: np.flip(a, axes),
    "gather": lambda a, indices, axis: np.take(a, whole(indices), axis),
    "log_softmax": log_softmax,
    "logsumexp": lambda a, axis=-1: special.logsumexp(a, axis), "max": reduction(np.max),
    "mean": reduction(np.mean), "min": reduction(np.min), "one_hot": one_hot, "onehot": one_hot,
    "ones": np.ones, "place": place,
    "prod": reduction(np.prod), "put_along": put_along, "reshape": np.reshape, "slice": slice_,
    "softmax": softmax, "sum": reduction(np.sum),
    "take_along": lambda a, indices, axis: np.take_along_axis(a, whole(indices), axis),
    "transpose": np.transpose, "zeros": np.zeros,
    "float64": lambda a: np.asarray(a, np.result_type(a, np.float64)),
    "int32": lambda a: np.asarray(np.real(a), np.int32), "int64": whole,
    "bool": lambda a: np.asarray(a, bool),
}  # fmt: skip


def function(name):
    """The function of that name; KeyError where there is none."""
    if name in SHAPING:
        return SHAPING[name]
    plain, primed, argument = name.partition("′")
    if primed:
        return prime(plain, "₁₂₃₄".index(argument) if argument else None)
    return ELEMENTWISE[plain]
