"""The scalar vocabulary: what `ir.Apply` may name, and the functions behind it.

The functions marked `@jit` are pasted into generated modules. They hold for every input, NaN and
infinities included, use no branch that would keep a loop from being vectorised, and keep the dtype
of their argument: every constant is cast.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float32, float64

from codegen import random
from codegen.snippets import Snippets

_snippets = Snippets()
jit = _snippets.record


@jit
def maximum(a, b):
    """The larger; NaN if either is."""
    return a if (a > b) | (a != a) else b


@jit
def minimum(a, b):
    """The smaller; NaN if either is."""
    return a if (a < b) | (a != a) else b


@jit
def relu32(a):
    """max(0, a); NaN stays."""
    return float32(0) if a <= float32(0) else a


@jit
def relu64(a):
    """max(0, a); NaN stays."""
    return float64(0) if a <= float64(0) else a


@jit
def sign32(a):
    """-1, 0 or 1; NaN stays."""
    one = float32(1) if a > float32(0) else float32(-1)
    return a if (a == float32(0)) | (a != a) else one


@jit
def sign64(a):
    """-1, 0 or 1; NaN stays."""
    one = float64(1) if a > float64(0) else float64(-1)
    return a if (a == float64(0)) | (a != a) else one


@jit
def mod32(a, b):
    """a - b·floor(a/b)"""
    return a - b * np.floor(a / b)


@jit
def mod64(a, b):
    """a - b·floor(a/b)"""
    return a - b * np.floor(a / b)


@jit
def sigmoid32(a):
    """1/(1 + e⁻ᵃ), from e^-|a| alone: it never overflows."""
    e = np.exp(-abs(a))
    return (float32(1) if a >= float32(0) else e) / (float32(1) + e)


@jit
def sigmoid64(a):
    """1/(1 + e⁻ᵃ), from e^-|a| alone: it never overflows."""
    e = np.exp(-abs(a))
    return (float64(1) if a >= float64(0) else e) / (float64(1) + e)


@jit
def softplus32(a):
    """log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)"""
    return relu32(a) + np.log1p(np.exp(-abs(a)))


@jit
def softplus64(a):
    """log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)"""
    return relu64(a) + np.log1p(np.exp(-abs(a)))


@jit
def erf32(a):
    """2/√π ∫₀ᵃ e^(-t²) dt"""
    return float32(math.erf(a))


@jit
def erf64(a):
    """2/√π ∫₀ᵃ e^(-t²) dt"""
    return float64(math.erf(a))


HELPERS = {**_snippets.text, **random.SOURCE}

# How each function is written on the CPU: a template, or the stem of a helper for both float dtypes.
INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "and": "&", "or": "|", "xor": "!=",
}  # fmt: skip
CALL = {
    "neg": "-{0}",
    "square": "{0} * {0}",
    "abs": "abs({0})",
    "exp": "np.exp({0})",
    "expm1": "np.expm1({0})",
    "log": "np.log({0})",
    "log1p": "np.log1p({0})",
    "sqrt": "np.sqrt({0})",
    "sin": "np.sin({0})",
    "cos": "np.cos({0})",
    "tanh": "np.tanh({0})",
    "floor": "np.floor({0})",
    "round": "np.rint({0})",
    "isnan": "np.isnan({0})",
    "isfinite": "np.isfinite({0})",
    "not": "not {0}",
    "where": "{1} if {0} else {2}",
    "maximum": "maximum({0}, {1})",
    "minimum": "minimum({0}, {1})",
    "clip": "minimum(maximum({0}, {1}), {2})",
}
TYPED = ("relu", "sign", "mod", "sigmoid", "softplus", "erf")
DRAWS = ("uniform32", "uniform64", "normal32", "normal64")


def source(names: set[str]) -> str:
    """The text of helpers and of all that they call."""
    own = _snippets.source(*(n for n in names if n in _snippets.text))
    drawn = random.source(*(n for n in names if n in random.SOURCE))
    return "\n\n".join(filter(None, (own, drawn)))


