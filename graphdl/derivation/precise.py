"""Graphs computed on Python objects: in 50 digits by mpmath, or on SymPy's symbols.

Elementwise operations have the form that they state for SymPy (`Op.sympy`); for mpmath the same
form is read with a namespace of mpmath's functions in SymPy's place, so that no SymPy is needed.
Products, sums and moves are NumPy's own on arrays of objects. Both libraries are loaded when a
kind is first asked for.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.derivation.kinds import Form, NotPossible
from graphdl.ops.shape import summed_axes

DIGITS = 50


class Objects:
    """Numbers that are Python objects: `number` makes one, `functions` stands for SymPy.

    An operation that states a form for SymPy and has a body too takes the form where `stated_first`;
    else the body, whose constants are those that its derivative has.
    """

    def __init__(self, functions: Any, number: Callable[[float], Any], stated_first: bool) -> None:
        self.functions, self.number, self.stated_first = functions, number, stated_first
        self._structure: dict[str, Form] = {
            "max": _extreme(functions.Max),
            "min": _extreme(functions.Min),
            **_STRUCTURE,
        }

    def of(self, value: np.ndarray) -> np.ndarray:
        value = np.asarray(value)
        return self._each(lambda v: self.number(float(v)), value) if _float(value) else value

    def form(self, node: Node, inputs: list[np.ndarray]) -> Form | None:
        op, made_of_objects = node.op, any(a.dtype == object for a in inputs)
        if op.name == "cast":
            return functools.partial(self._cast, source=node.inputs[0].dtype)
        if not made_of_objects:
            return lambda *arrays, **attrs: self.of(op.reference(*arrays, **attrs))
        if op.name in _ORDERS and self.stated_first:
            raise NotPossible(op.name)  # symbols have no order
        known = self._structure.get(op.name) or (op.reference if op.name in _MOVES else None)
        if known is not None:
            return lambda *arrays, **attrs: np.asarray(known(*arrays, **attrs), object)
        if op.name in _ORDERS:
            return op.reference
        stated = None if op.sympy is None else functools.partial(self._elementwise, node)
        return stated if self.stated_first or op.body is None else None

    def _elementwise(self, node: Node, *arrays: np.ndarray, **attrs: Any) -> np.ndarray:
        form: Any = node.op.sympy
        found = self._each(
            lambda *values: form(self.functions, *values), *(a.astype(object) for a in arrays)
        )
        plain = node.dtype == "bool" and not self.stated_first
        return found.astype(bool) if plain else found

    def _each(self, function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
        def one(*values: Any) -> Any:
            try:
                return function(*values)
            except ZeroDivisionError:
                return self.functions.nan

        return np.array(np.frompyfunc(one, len(arrays), 1)(*arrays), dtype=object)

    def _cast(self, a: np.ndarray, dtype: str, source: str) -> np.ndarray:
        if source.startswith("float") and dtype.startswith("float"):
            return a
        if a.dtype != object:
            return self.of(a.astype(dtype))
        if source != "bool":
            raise NotPossible("cast")
        sp, zero, one = self.functions, self.number(0.0), self.number(1.0)
        return self._each(lambda v: sp.Piecewise((one, v), (zero, True)), a)


def _float(a: np.ndarray) -> bool:
    return a.dtype.kind == "f"


# ------------------------------------------------------------------ products, sums and moves

_MOVES = frozenset(
    [
        "named", "stop_gradient", "reshape", "transpose", "broadcast_to", "slice", "place", "concat",
        "flip", "gather", "take_along", "cumsum", "matmul",
    ]
)  # fmt: skip
_ORDERS = frozenset(["argmax", "argmin", "argsort"])


def _mean(a: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> Any:
    count = int(np.prod([a.shape[i] for i in axes], dtype=int))
    return np.sum(a, axis=axes, keepdims=keepdims) / count


def _sum_to(a: np.ndarray, shape: tuple[int, ...]) -> Any:
    return np.sum(a, axis=summed_axes(a.shape, shape), keepdims=True).reshape(shape)


def _scatter(a: np.ndarray, indices: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    out = np.zeros(shape, object)
    rows, span = np.moveaxis(out, axis, 0), tuple(range(axis, axis + indices.ndim))
    moved = np.moveaxis(a, span, tuple(range(indices.ndim)))
    for where in np.ndindex(indices.shape):
        rows[indices[where]] = rows[indices[where]] + moved[where]
    return out


def _put_along(a: np.ndarray, indices: np.ndarray, extent: int, axis: int) -> np.ndarray:
    out = np.zeros((*a.shape[:axis], extent, *a.shape[axis + 1 :]), object)
    for where in np.ndindex(a.shape):
        target = (*where[:axis], indices[where], *where[axis + 1 :])
        out[target] = out[target] + a[where]
    return out


def _extreme(function: Callable[..., Any]) -> Form:
    along = np.frompyfunc(function, 2, 1)

    def reduce(a: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> Any:
        for axis in axes:
            a = along.reduce(a, axis=axis, keepdims=True)
        return a if keepdims else np.squeeze(a, axes)

    return reduce


def _reduced(function: Callable[..., Any]) -> Form:
    return lambda a, axes, keepdims: function(a, axis=axes, keepdims=keepdims)


_STRUCTURE: dict[str, Form] = {
    "sum": _reduced(np.sum), "prod": _reduced(np.prod), "mean": _mean, "sum_to": _sum_to,
    "scatter_add": _scatter, "put_along": _put_along,
}  # fmt: skip


# ---------------------------------------------------------------------------------- mpmath


@functools.cache
def digits() -> Objects:
    """Numbers of mpmath; compute with them within `mpmath.workdps(DIGITS)`."""
    import mpmath as mp  # noqa: PLC0415 - loaded when 50 digits are asked for

    return Objects(_as_sympy(mp), mp.mpf, stated_first=False)


def _as_sympy(mp: Any) -> SimpleNamespace:
    """mpmath under the names by which `Op.sympy` speaks to SymPy."""
    compare = {"Eq": "eq", "Ne": "ne", "Lt": "lt", "Le": "le", "Gt": "gt", "Ge": "ge"}
    same = ("exp", "log", "sin", "cos", "tanh", "cosh", "sqrt", "erf", "sign", "floor", "nan")
    return SimpleNamespace(
        **{name: getattr(mp, name) for name in same},
        **{name: getattr(operator, function) for name, function in compare.items()},
        Abs=mp.fabs, Max=max, Min=min, true=True, false=False,
        And=lambda *a: all(a), Or=lambda *a: any(a), Xor=operator.xor, Not=operator.not_,
        Piecewise=lambda *cases: next(value for value, holds in cases if holds),
    )  # fmt: skip


# ---------------------------------------------------------------------------------- SymPy


@functools.cache
def symbols() -> Objects:
    """Expressions of SymPy: what is held is a number, what changes is a symbol."""
    import sympy as sp  # noqa: PLC0415 - loaded when symbols are asked for

    as_written = {name: _unevaluated(getattr(sp, name)) for name in ("Max", "Min", "Piecewise")}
    functions = SimpleNamespace(**{**vars(sp), **as_written})
    return Objects(functions, lambda v: sp.Float(v, DIGITS), stated_first=True)


def _unevaluated(function: Any) -> Any:
    """Not simplified: to order what is compared takes longer than to differentiate it."""
    return functools.partial(function, evaluate=False)
