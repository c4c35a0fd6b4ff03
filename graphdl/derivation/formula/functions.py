"""The functions that a typed formula may call, by name: an allow-list, each with its meaning.

A function of numbers means what the operation of graphdl of that name means. Its prime is the
derivative that graphdl gives for it: σ′(z), relu′(z), bce′(y, ŷ).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import apply
from graphdl.core.interpret import interpret
from graphdl.derivation.formula.names import plain_spelling
from graphdl.differentiate.chain_rule import grad
from graphdl.ops.build import tensor
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.registry import all_ops


@dataclass(frozen=True)
class Function:
    """What is called, with how many arguments, and which options it knows with their defaults."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1
    options: Mapping[str, Any] | None = None


CLASSES = 1000  # at most, in arange and one_hot

_UNARY = """
    exp expm1 log log1p sqrt rsqrt square abs sign floor sin cos tanh erf sigmoid softplus
    log_cosh relu relu6 selu gelu gelu_tanh silu softsign hard_sigmoid hard_tanh log_sigmoid mish
    tanh_shrink hard_silu sparse_sigmoid sparse_plus
""".split()  # noqa: SIM905
_BINARY = "maximum minimum xlogy mod bce cce bce_logits cce_logits".split()  # noqa: SIM905
_ALIASES = {
    "ln": "log", "sigma": "sigmoid", "logistic": "sigmoid", "swish": "silu", "ReLU": "relu",
    "Relu": "relu", "sgn": "sign", "sqr": "square", "th": "tanh",
}  # fmt: skip


def _reduced(function: Callable[..., Any], axis: Any = None) -> Function:
    def call(a: Any, axis: Any, keepdims: bool) -> Any:
        return function(a, axis=axis, keepdims=keepdims)

    return Function(call, options={"axis": axis, "keepdims": False})


def _along(name: str) -> Function:
    reference = all_ops()[name].reference
    return Function(lambda a, axis: reference(a, axis=axis % a.ndim), options={"axis": -1})


def _where(condition: Any, a: Any, b: Any) -> Any:
    return np.where(np.asarray(condition, bool), a, b)


def _outer(a: Any, b: Any) -> Any:
    return np.multiply.outer(np.ravel(a), np.ravel(b))


def _count(k: Any) -> int:
    """A number of classes; ValueError where it is none, or too large for a formula."""
    if not 0 <= float(k) <= CLASSES:
        raise ValueError
    return int(k)


@functools.cache
def table() -> dict[str, Function]:
    """All functions by the plain spelling of their name; primes apart."""
    ops = all_ops()
    found = {name: Function(ops[name].reference) for name in _UNARY}
    found |= {name: Function(ops[name].reference, 2, 2) for name in _BINARY}
    found |= {k: found[v] for k, v in _ALIASES.items()}
    found |= {name: _along(name) for name in ("softmax", "log_softmax", "logsumexp")}
    found |= {"sum": _reduced(np.sum), "mean": _reduced(np.mean), "prod": _reduced(np.prod)}
    found |= {"max": _reduced(np.max), "min": _reduced(np.min), "Sigma": found["sum"]}
    found |= {
        k: _reduced(np.sum, 0) for k in ("sum_i", "sum_n", "Sigma_i", "Sigma_n", "∑_i", "∑_n")
    }
    found["∑"] = found["sum"]
    found["surprisal"] = Function(ops["surprisal"].reference)
    found["where"] = Function(_where, 3, 3)
    found["clip"] = Function(np.clip, 3, 3)
    found["arange"] = Function(lambda k: np.arange(_count(k)))
    found["one_hot"] = Function(lambda a, k: a[..., None] == np.arange(_count(k)), 2, 2)
    found["outer"] = Function(_outer, 2, 2)
    found["leaky_relu"] = Function(lambda a, s=0.2: np.where(a > 0, a, s * a), 1, 2)
    found["elu"] = Function(lambda a, s=1.0: ops["elu"].reference(a, s), 1, 2)
    found["float64"] = found["float32"] = Function(lambda a: np.asarray(a, np.float64))
    return {plain_spelling(name): f for name, f in found.items()}


def derivative(name: str) -> Function | None:
    """What name′ means, or None where it is no function of its own."""
    plain = {plain_spelling(n): n for n in (*_UNARY, *_BINARY, "surprisal")}
    aliases = {plain_spelling(k): v for k, v in _ALIASES.items()}
    name = aliases.get(name, plain.get(name, ""))
    slope = all_ops().get(f"{name}_slope")
    if slope is not None:
        return Function(slope.reference, 1 if name == "surprisal" else 2, 2)
    return Function(_slope_of(name)) if name in _UNARY else None


def _slope_of(name: str) -> Callable[..., Any]:
    """The derivative of a function of one number, by its own rule."""
    t = tensor("t", ("k",), "float64")
    slope = grad(sum_(apply(all_ops()[name], t)), t)

    def call(a: Any) -> Any:
        return interpret([slope], {t: np.ravel(a)})[0].reshape(np.shape(a))

    return call
