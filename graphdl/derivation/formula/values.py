"""The value of a formula that was read: arrays in, an array out, and errors in sizes and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.functions import derivative, table
from graphdl.derivation.formula.parts import Formula, Part
from graphdl.derivation.formula.tokens import wrong

LARGEST = 4_000_000  # elements of an array in between


@dataclass
class Values:
    """What the names mean in one example: arrays by printed name, quotients by their two names."""

    names: Mapping[str, np.ndarray]
    quotients: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    sizes: Mapping[int, str] = field(default_factory=dict)  # extents that have a name: n

    def size(self, extent: int) -> str:
        return self.sizes.get(extent, str(extent))

    def shape(self, array: np.ndarray) -> str:
        """(n×16)"""
        return f"({'×'.join(map(self.size, array.shape))})" if array.ndim else "a number"


def value_of(formula: Formula, values: Values) -> np.ndarray:
    """The value of the whole formula. Raises FormulaError where parts do not fit."""
    return Evaluator(formula, values).value(formula.body)


class Evaluator:
    """Evaluates parts of one formula in one example, each once."""

    def __init__(self, formula: Formula, values: Values) -> None:
        self.source, self.values = formula.source, values
        self.defined: dict[str, np.ndarray] = {}
        self._done: dict[int, np.ndarray] = {}
        for name, part in formula.definitions:
            self.defined[name] = self.value(part)

    def value(self, part: Part) -> np.ndarray:
        if id(part) not in self._done:
            with np.errstate(all="ignore"):
                for p in part.walk():
                    if id(p) not in self._done:
                        args = [self._done[id(a)] for a in p.args]
                        self._done[id(p)] = np.asarray(_MEANINGS[p.kind](self, p, *args))
        return self._done[id(part)]

    def fail(self, part: Part, message: str) -> FormulaError:
        return wrong(self.source, part.start, part.end, message)

    def number(self, part: Part) -> Any:
        return np.float64(part.value)

    def name(self, part: Part) -> np.ndarray:
        if part.value in self.defined:
            return self.defined[part.value]
        return self.values.names[part.value]

    def quotient(self, part: Part) -> np.ndarray:
        found = self.values.quotients.get(part.value)
        if found is None:
            there = ", ".join(f"∂{a}/∂{b}" for a, b in self.values.quotients)
            raise self.fail(part, f"this quotient is no part of the derivation; there are {there}")
        return found

    def differential(self, part: Part) -> np.ndarray:
        name = part.value
        raise self.fail(part, f"∂{name} alone is no number: write ∂{name}/∂…")

    def negative(self, part: Part, a: np.ndarray) -> Any:
        return -_float(a)

    def inverted(self, part: Part, a: np.ndarray) -> Any:
        return ~_bool(a)

    def absolute(self, part: Part, a: np.ndarray) -> Any:
        return np.abs(a)

    def transposed(self, part: Part, a: np.ndarray) -> Any:
        return np.swapaxes(a, -1, -2) if a.ndim > 1 else a

    def column(self, part: Part, a: np.ndarray) -> Any:
        if a.ndim != 1:
            raise self.fail(
                part, f"[:, None] makes a column of a vector; this is {self.values.shape(a)}"
            )
        return a[:, None]

    def elementwise(self, part: Part, *args: np.ndarray) -> Any:
        self.fits(part, *args)
        a, b = args
        return _COMPARISONS.get(part.value, _OPERATIONS.get(part.kind))(a, b)  # type: ignore[misc]

    def fits(self, part: Part, *args: np.ndarray) -> None:
        """Are the arguments of one shape, up to repeating, and the result of a sensible size?"""
        try:
            shape = np.broadcast_shapes(*(a.shape for a in args))
        except ValueError:
            shapes = " and ".join(map(self.values.shape, args))
            product = part.kind == "mul" and _inner(args[0]) == _inner(args[1].T)
            hint = "; a product of matrices is written @" if product else ""
            raise self.fail(part, f"{shapes} do not fit element by element{hint}") from None
        self.small(part, shape)

    def small(self, part: Part, shape: tuple[int, ...]) -> None:
        if np.prod(shape, dtype=float) > LARGEST:
            raise self.fail(part, "this would be an array far larger than all that it is made of")

    def product(self, part: Part, a: np.ndarray, b: np.ndarray) -> Any:
        """a @ b"""
        if not a.ndim or not b.ndim:
            raise self.fail(part, "@ is a product of matrices and one side is a number: write *")
        inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
        if a.shape[-1] != inner:
            shape = self.values.shape
            hint = _transposition(a, b)
            raise self.fail(part, f"{shape(a)} @ {shape(b)} does not fit{hint}")
        self.small(part, (*a.shape[:-1], *b.shape[-1:]))
        return _float(a) @ _float(b)

    def call(self, part: Part, *args: np.ndarray) -> Any:
        call = part.value
        function = derivative(call.name) if call.primes else table()[call.name]
        assert function is not None
        if call.name == "outer":
            self.small(part, tuple(a.size for a in args))
        else:
            self.fits(part, *args)
        options = {**(function.options or {}), **dict(call.options)}
        try:
            return function.call(*map(_float, args), **options)
        except (ValueError, IndexError, TypeError, ZeroDivisionError):  # no such axis
            shapes = " and ".join(map(self.values.shape, args))
            raise self.fail(part, f"{call.name} does not take {shapes} with this axis") from None


def _inner(a: np.ndarray) -> int | None:
    """The size over which a @ … sums."""
    return a.shape[-1] if a.ndim == 2 else None


def _transposition(a: np.ndarray, b: np.ndarray) -> str:
    """Which transposition makes a @ b fit."""
    if a.ndim != 2 or b.ndim != 2:
        return ""
    (m, k), (p, q) = a.shape, b.shape
    if m == p:
        return "; transpose the first"
    if k == q:
        return "; transpose the second"
    return "; exchange the two" if q == m else ""


def _float(a: np.ndarray) -> np.ndarray:
    return a if a.dtype == np.float64 else a.astype(np.float64)


def _bool(a: np.ndarray) -> np.ndarray:
    return a if a.dtype == bool else a != 0


def _power(a: np.ndarray, b: np.ndarray) -> Any:
    return np.power(_float(a), _float(b))


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: _float(a) + _float(b),
    "sub": lambda a, b: _float(a) - _float(b),
    "mul": lambda a, b: _float(a) * _float(b),
    "div": lambda a, b: _float(a) / _float(b),
    "pow": _power,
    "and": lambda a, b: _bool(a) & _bool(b),
    "or": lambda a, b: _bool(a) | _bool(b),
}
_COMPARISONS: dict[Any, Callable[..., Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip
_MEANINGS: dict[str, Callable[..., Any]] = {
    "number": Evaluator.number, "name": Evaluator.name, "quotient": Evaluator.quotient,
    "differential": Evaluator.differential, "neg": Evaluator.negative, "not": Evaluator.inverted,
    "abs": Evaluator.absolute, "transpose": Evaluator.transposed, "column": Evaluator.column,
    "matmul": Evaluator.product, "call": Evaluator.call,
    **dict.fromkeys([*_OPERATIONS, "compare"], Evaluator.elementwise),
}  # fmt: skip
