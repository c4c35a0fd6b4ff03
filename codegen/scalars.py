"""The scalar vocabulary: what `ir.Apply` may name, and the functions behind it.

The functions marked `@jit` are pasted into generated modules. They hold for every input, NaN and
infinities included, use no branch that would keep a loop from being vectorised, and keep the dtype
of their argument: every constant is cast.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float32, float64, int32

from codegen import random
from codegen.optimisations import on
from codegen.snippets import Snippets

_snippets = Snippets()
jit = _snippets.record
exact = _snippets.record  # in a generated module: compiled without re-association


@exact
def exp32(a):
    """eᵃ within 1 ULP, subnormals included: 2ᵏ·eʳ with |r| ≤ log(2)/2 and a polynomial for eʳ.

    Coefficients: Cephes (S. Moshier), single precision.
    """
    x = float32(89) if a > float32(89) else (float32(-104) if a < float32(-104) else a)
    k = np.rint(x * float32(1.4426950408889634))
    r = x - k * float32(0.693359375)
    r = r - k * float32(-2.12194440e-4)
    p = float32(1.9875691500e-4)
    p = p * r + float32(1.3981999507e-3)
    p = p * r + float32(8.3334519073e-3)
    p = p * r + float32(4.1665795894e-2)
    p = p * r + float32(1.6666665459e-1)
    p = p * r + float32(5.0000001201e-1)
    p = p * (r * r) + r + float32(1)
    n = float32(k + float32(12582912.0)).view(int32) - int32(0x4B400000)
    h = n >> int32(1)
    s1 = int32((h + int32(127)) << int32(23)).view(float32)
    s2 = int32((n - h + int32(127)) << int32(23)).view(float32)
    return p * s1 * s2


@exact
def log32(a):
    """log a within 1 ULP: a = 2ᵉ·(1 + f), √½ ≤ 1 + f < √2, and a polynomial for log(1 + f).

    Coefficients: Cephes (S. Moshier), single precision.
    """
    tiny = a < float32(1.17549435e-38)
    scale = float32(8388608.0) if tiny else float32(1)
    bits = float32(a * scale).view(int32)
    e = int32((bits - int32(0x3F3504F3)) >> int32(23))
    m = int32(bits - (e << int32(23))).view(float32)
    f = m - float32(1)
    k = float32(e) - (float32(23) if tiny else float32(0))
    z = f * f
    p = float32(7.0376836292e-2)
    p = p * f + float32(-1.1514610310e-1)
    p = p * f + float32(1.1676998740e-1)
    p = p * f + float32(-1.2420140846e-1)
    p = p * f + float32(1.4249322787e-1)
    p = p * f + float32(-1.6668057665e-1)
    p = p * f + float32(2.0000714765e-1)
    p = p * f + float32(-2.4999993993e-1)
    p = p * f + float32(3.3333331174e-1)
    y = f * z * p
    y = y + k * float32(-2.12194440e-4)
    y = y - float32(0.5) * z
    y = (f + y) + k * float32(0.693359375)
    y = a if (a == float32(np.inf)) | (a != a) else y
    y = float32(-np.inf) if a == float32(0) else y
    return float32(np.nan) if a < float32(0) else y


@exact
def log1p32(a):
    """log(1 + a) within 2 ULP: log u + (a − (u − 1))/u with u the rounded 1 + a."""
    u = float32(1) + a
    c = a - (u - float32(1))
    y = log32(u) + c / u
    return log32(u) if (u == float32(0)) | (u == float32(np.inf)) else y


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
    e = exp32(-abs(a))
    return (float32(1) if a >= float32(0) else e) / (float32(1) + e)


@jit
def sigmoid64(a):
    """1/(1 + e⁻ᵃ), from e^-|a| alone: it never overflows."""
    e = np.exp(-abs(a))
    return (float64(1) if a >= float64(0) else e) / (float64(1) + e)


@jit
def softplus32(a):
    """log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)"""
    return relu32(a) + log1p32(exp32(-abs(a)))


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
SINGLE = ("exp", "log", "log1p")  # own bodies in float32: a loop around them is vectorised
PLAIN = """@jit
def {fn}32(a):
    return np.{fn}(a)
"""
TYPED = ("relu", "sign", "mod", "sigmoid", "softplus", "erf")
DRAWS = ("uniform32", "uniform64", "normal32", "normal64")

# What each function takes and, last, gives: b a bool, i an int64, s a float32, d a float64, * anything;
# n numbers, f floats, t anything, but of one dtype all through.
TYPES = {
    **dict.fromkeys(("add", "sub", "mul", "mod", "maximum", "minimum"), "nnn"),
    **dict.fromkeys(("div", "pow"), "fff"),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), "ttb"),
    **dict.fromkeys(("and", "or", "xor"), "bbb"),
    **dict.fromkeys(("neg", "square", "abs", "sign"), "nn"),
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh"), "ff"),
    **dict.fromkeys(("floor", "round", "relu", "sigmoid", "softplus", "erf"), "ff"),
    **dict.fromkeys(("isnan", "isfinite"), "fb"),
    "not": "bb",
    "where": "bttt",
    "clip": "nnnn",
    "cast": "*t",
    **{draw: "iiiis" if draw.endswith("32") else "iiiid" for draw in DRAWS},
}


def fits(fn: str, arguments: tuple[str, ...], result: str) -> bool:
    """May a function of the vocabulary take arguments of these dtypes and give that of the result?"""
    fixed = {"b": "bool", "i": "int64", "s": "float32", "d": "float64"}
    if len(arguments) + 1 != len(TYPES[fn]):
        return False
    pairs = list(zip(TYPES[fn], (*arguments, result), strict=True))
    return (
        all(dtype == fixed.get(kind, dtype) for kind, dtype in pairs)
        and len({dtype for kind, dtype in pairs if kind in "nft"}) <= 1
        and all(dtype != "bool" for kind, dtype in pairs if kind == "n")
        and all(dtype.startswith("float") for kind, dtype in pairs if kind == "f")
    )


def _plain() -> dict[str, str]:
    """The text of those that stand in for own bodies, where these are switched off."""
    return {} if on("functions") else {f"{fn}32": PLAIN.format(fn=fn) for fn in SINGLE}


def source(names: set[str]) -> str:
    """The text of helpers and of all that they call."""
    own = _snippets.source(*(n for n in names if n in _snippets.text), instead=_plain())
    drawn = random.source(*(n for n in names if n in random.SOURCE))
    return "\n\n".join(filter(None, (own, drawn)))
