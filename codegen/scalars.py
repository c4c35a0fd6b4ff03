"""The scalar vocabulary: what `ir.Apply` may name, and the functions behind it.

The functions marked `@jit` are pasted into generated modules. They hold for every input, NaN and
infinities included, use no branch that would keep a loop from being vectorised, and keep the dtype
of their argument: every constant is cast. So do those of `codegen.single` and `codegen.double`; where
the optimisation "functions" is switched off, those of the C library stand in their place.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64

from codegen import random
from codegen.double import exp64, log1p64
from codegen.optimisations import on
from codegen.single import exp32, log1p32
from codegen.snippets import scalar_functions

jit = scalar_functions.record  # in a generated module, `jit` is its compiler


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
    e = exp64(-abs(a))
    return (float64(1) if a >= float64(0) else e) / (float64(1) + e)


@jit
def softplus32(a):
    """log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)"""
    return relu32(a) + log1p32(exp32(-abs(a)))


@jit
def softplus64(a):
    """log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)"""
    return relu64(a) + log1p64(exp64(-abs(a)))


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
    "sqrt": "np.sqrt({0})",
    "sin": "np.sin({0})",
    "cos": "np.cos({0})",
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
TYPED = ("relu", "sign", "mod", "sigmoid", "softplus")
OWN = {  # bodies of our own, and what the C library has in their place
    **{f"{fn}{bits}": f"np.{fn}(a)" for fn in ("exp", "expm1", "log", "log1p", "tanh")
       for bits in (32, 64)},
    "sin32": "np.sin(a)",
    "cos32": "np.cos(a)",
    "erf32": "float32(math.erf(a))",
    "erf64": "math.erf(a)",
}  # fmt: skip
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


def is_vectorised(fn: str, dtype: str) -> bool:
    """Is the function the costly kind of which a vector register takes a whole row at once?"""
    return fn + dtype[-2:] in OWN or fn in ("sigmoid", "softplus")


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


def source(names: set[str]) -> str:
    """The text of helpers and of all that they call."""
    instead = {} if on("functions") else _library()
    own = (n for n in names if n in scalar_functions.text)
    drawn = random.source(*(n for n in names if n in random.SOURCE))
    return "\n\n".join(filter(None, (scalar_functions.source(*own, instead=instead), drawn)))


def _library() -> dict[str, str]:
    """The functions of our own as calls of the C library."""
    return {name: f"@jit\ndef {name}(a):\n    return {call}\n" for name, call in OWN.items()}
