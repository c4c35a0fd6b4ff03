"""Graphs computed in other kinds of number than their own: float64, and complex beside it.

A derivative is judged by what the operations mean, and a judge needs more than float32: complex
numbers for Im f(x + i·h)/h, 50 digits, symbols (`derivation.precise`). Each kind says which of its
forms an operation has; one without a form is computed by its body, and one without either is
`NotPossible` in that kind.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from graphdl.core.errors import GraphdlError
from graphdl.core.graph import Node, walk
from graphdl.core.interpret import Sizes
from graphdl.core.op import Op
from graphdl.core.sizes import Size

Form = Callable[..., Any]


class NotPossible(GraphdlError):
    """An operation that a kind of number has no meaning for; the message is its name."""


class Kind(Protocol):
    """A kind of number: how constants enter it, and what an operation does with it."""

    def of(self, value: np.ndarray) -> np.ndarray:
        """Numbers as numbers of this kind."""
        ...

    def form(self, node: Node, inputs: list[np.ndarray]) -> Form | None:
        """The operation on arrays, or None: then its body is computed."""


def compute(
    roots: Iterable[Node], env: Mapping[Node, np.ndarray], kind: Kind, sizes: Sizes
) -> list[np.ndarray]:
    """The values of the roots in a kind of number; `env` gives those to start from, in that kind."""
    roots = list(roots)
    values = computed(roots, env, kind, sizes)
    return [values[r] for r in roots]


def computed(
    roots: Iterable[Node], env: Mapping[Node, np.ndarray], kind: Kind, sizes: Sizes
) -> dict[Node, np.ndarray]:
    """The values of all nodes on the way from `env` to the roots."""
    values = dict(env)
    with np.errstate(all="ignore"):
        for node in walk(roots, stop=env.keys()):  # type: ignore[arg-type]
            if node not in values:
                values[node] = _evaluate(node, [values[i] for i in node.inputs], kind, sizes)
    return values


def _evaluate(node: Node, inputs: list[np.ndarray], kind: Kind, sizes: Sizes) -> np.ndarray:
    if node.op.name == "constant":
        return kind.of(node.attrs["value"])
    form = kind.form(node, inputs)
    if form is not None:
        return form(*inputs, **{k: sized(v, sizes) for k, v in node.attrs.items()})
    if node.op.body is None:
        raise NotPossible(node.op.name)
    body = node.op.body(*node.inputs, **node.attrs)
    return compute([body], dict(zip(node.inputs, inputs, strict=True)), kind, sizes)[0]


def sized(value: Any, sizes: Sizes) -> Any:
    """An attribute with its named sizes replaced by numbers."""
    if isinstance(value, Size):
        return sizes.value(value)
    return tuple(sized(v, sizes) for v in value) if isinstance(value, tuple) else value


# ---------------------------------------------------------------------------------- float64


def wide(value: Any) -> np.ndarray:
    """Floats as float64, anything else as it is."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class Real:
    """float64, whatever the dtype that the graph declares."""

    def of(self, value: np.ndarray) -> np.ndarray:
        return wide(value)

    def form(self, node: Node, inputs: list[np.ndarray]) -> Form | None:
        if node.op.name == "cast" and node.type.is_float:
            return lambda a, dtype: a.astype(np.float64)
        return _widened(node.op)


@functools.cache
def _widened(op: Op) -> Form:
    return lambda *arrays, **attrs: wide(op.reference(*arrays, **attrs))


# ---------------------------------------------------------------------------------- complex


class Complex:
    """Complex numbers where the change enters, float64 elsewhere.

    Steps, comparisons and orders go by the real part; what is written with |a| for stability's sake
    has here the analytic form that it stands for.
    """

    def of(self, value: np.ndarray) -> np.ndarray:
        return wide(value)

    def form(self, node: Node, inputs: list[np.ndarray]) -> Form | None:
        if not any(a.dtype.kind == "c" for a in inputs):
            return REAL.form(node, inputs)
        name = node.op.name
        if name in _BY_REAL_PART or not node.type.is_float:
            return _by_real_part(node.op)
        if name in _LINEAR:
            return _by_parts(node.op)
        if name in _ANALYTIC:
            return _ANALYTIC[name]
        return None if node.op.body is not None else node.op.reference


REAL = Real()
COMPLEX = Complex()
STEP = 1e-30  # its square is lost beside 1, and no difference is taken: all digits hold


def _by_real_part(op: Op) -> Form:
    return lambda *arrays, **attrs: op.reference(*(np.real(a) for a in arrays), **attrs)


def _by_parts(op: Op) -> Form:
    """A linear operation whose reference rounds through float64: of each part by itself."""

    def both(a: np.ndarray, *rest: np.ndarray, **attrs: Any) -> np.ndarray:
        return op.reference(np.real(a), *rest, **attrs) + 1j * op.reference(
            np.imag(a), *rest, **attrs
        )

    return both


def _magnitude(a: np.ndarray) -> np.ndarray:
    return np.where(np.real(a) < 0, -a, a)


def _sigmoid(a: np.ndarray) -> np.ndarray:
    e = np.exp(-_magnitude(a))
    return np.where(np.real(a) >= 0, 1 / (1 + e), e / (1 + e))


def _softplus(a: np.ndarray) -> np.ndarray:
    return np.where(np.real(a) > 0, a, 0) + np.log1p(np.exp(-_magnitude(a)))


def _erf(a: np.ndarray) -> np.ndarray:
    """2/√π · e^(−a²) · Σ 2ᵏ a²ᵏ⁺¹/(2k+1)!!, whose terms do not alternate."""
    near = np.where(
        np.abs(np.real(a)) < 6, a, np.sign(np.real(a)) * 6
    )  # erf 6 is 1 to the last digit
    term = total = near
    for k in range(1, 160):
        term = term * 2 * near * near / (2 * k + 1)
        total = total + term
    return 2 / np.sqrt(np.pi) * np.exp(-near * near) * total


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(−a)ᵇ with its sign where a < 0 and b is whole: else the angle π would blur Im."""
    whole = (b == np.round(np.real(b))) & (np.real(a) < 0)
    sign = np.where(whole & (np.real(b) % 2 == 1), -1.0, 1.0)
    return sign * np.power(np.where(whole, -a, a), b)


def _cast(a: np.ndarray, dtype: str) -> np.ndarray:
    return a


def _remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a - b * np.floor(np.real(a) / np.real(b))


_BY_REAL_PART = frozenset(["sign", "floor", "round"])
_LINEAR = frozenset(["sum_to", "scatter_add", "put_along"])
_ANALYTIC: dict[str, Form] = {
    "abs": _magnitude, "sigmoid": _sigmoid, "softplus": _softplus, "erf": _erf, "pow": _power,
    "cast": _cast, "mod": _remainder,
}  # fmt: skip
