"""Sizes of axes: whole numbers, names, and polynomials of names, with the equalities among them.

A dimension is an `int` or a `Size`. `Size("n")` is a name; `2*n + 1` is a polynomial with whole
coefficients. Equalities ("m is 30") are `Facts`: an immutable map from a name to what it equals
and the place where that was learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphdl.core.errors import ShapeError


@dataclass(frozen=True, slots=True)
class Size:
    """A polynomial of named sizes: terms map a sorted tuple of names to a whole coefficient."""

    terms: tuple[tuple[tuple[str, ...], int], ...]

    def __add__(self, other: Dim) -> Dim:
        return _from(_terms(self), _terms(other))

    def __mul__(self, other: Dim) -> Dim:
        product: dict[tuple[str, ...], int] = {}
        for a, p in _terms(self).items():
            for b, q in _terms(other).items():
                key = tuple(sorted(a + b))
                product[key] = product.get(key, 0) + p * q
        return _from(product)

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __neg__(self) -> Dim:
        return self * -1

    __radd__, __rmul__ = __add__, __mul__

    def __str__(self) -> str:
        return " + ".join(_term_text(names, k) for names, k in self.terms).replace("+ -", "- ")

    __repr__ = __str__

    @property
    def names(self) -> tuple[str, ...]:
        """The names that occur, sorted."""
        return tuple(sorted({name for names, _ in self.terms for name in names}))


Dim = int | Size


def named(name: str) -> Size:
    """The size called `name`."""
    return Size((((name,), 1),))


def dim(value: object) -> Dim:
    """What a user writes for one axis, as a `Dim`: a whole number ≥ 0, a name or a `Size`."""
    if isinstance(value, Size):
        return value
    if isinstance(value, str):
        if not value:
            raise ShapeError("a named size needs a name, got the empty string")
        return named(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ShapeError(f"a size is a whole number or a name (a string), got {value!r}")
    number = value.__index__()
    if number < 0:
        raise ShapeError(f"a size cannot be negative, got {number}")
    return number


def _terms(value: Dim) -> dict[tuple[str, ...], int]:
    return {(): value} if isinstance(value, int) else dict(value.terms)


def _from(*parts: dict[tuple[str, ...], int]) -> Dim:
    total: dict[tuple[str, ...], int] = {}
    for part in parts:
        for names, k in part.items():
            total[names] = total.get(names, 0) + k
    total = {names: k for names, k in total.items() if k}
    if not set(total) - {()}:
        return total.get((), 0)
    return Size(tuple(sorted(total.items(), key=lambda t: (-len(t[0]), t[0]))))


def _term_text(names: tuple[str, ...], k: int) -> str:
    word = "".join(c if c.isprintable() else "?" for c in "·".join(names))
    return str(k) if not names else word if k == 1 else f"-{word}" if k == -1 else f"{k}·{word}"


def product(dims: tuple[Dim, ...]) -> Dim:
    """The number of elements of a shape."""
    total: Dim = 1
    for d in dims:
        total = total * d
    return total


def divide(total: Dim, part: Dim) -> Dim | None:
    """total / part where it is exact for every value of the names, else None."""
    if isinstance(total, int) and isinstance(part, int):
        return total // part if part and total % part == 0 else None
    divisor = _terms(part)
    if len(divisor) != 1:
        return 1 if total == part else None
    (names, k), quotient = next(iter(divisor.items())), {}
    for term, c in _terms(total).items():
        rest = list(term)
        for name in names:
            if name not in rest:
                return None
            rest.remove(name)
        if c % k:
            return None
        quotient[tuple(rest)] = c // k
    return _from(quotient)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of named sizes: name -> (what it equals, where that was learnt)."""

    known: Mapping[str, tuple[Dim, str]] = field(default_factory=dict)

    def resolve(self, d: Dim) -> Dim:
        """`d` with every known name replaced by what it equals."""
        while isinstance(d, Size) and (hit := next((n for n in d.names if n in self.known), None)):
            d = substitute(d, {hit: self.known[hit][0]})
        return d

    def shape(self, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
        return tuple(map(self.resolve, shape)) if self.known else shape

    def equate(self, a: Dim, b: Dim, where: str) -> Facts:
        """These facts and a = b; raises ShapeError when they contradict each other."""
        left, right = self.resolve(a), self.resolve(b)
        if left == right:
            return self
        solution = _solve(left, right)
        if solution is None:
            raise ShapeError(self._contradiction(a, b, left, right, where))
        name, value = solution
        return Facts({**self.known, name: (value, where)})

    def merge(self, other: Facts) -> Facts:
        """All that either knows."""
        if other is self or not other.known:
            return self
        if not self.known:
            return other
        merged = self
        for name, (value, where) in other.known.items():
            merged = merged.equate(named(name), value, where)
        return merged

    def _contradiction(self, a: Dim, b: Dim, left: Dim, right: Dim, where: str) -> str:
        text = f"sizes do not fit in {where}: {left} is not {right}"
        for d in (a, b):
            for name in d.names if isinstance(d, Size) else ():
                if name in self.known:
                    value, source = self.known[name]
                    text += f"; {name!r} is {value} by {source}"
        return text


def substitute(d: Dim, values: Mapping[str, Dim]) -> Dim:
    """`d` with names replaced by values."""
    total: Dim = 0
    for names, k in _terms(d).items():
        term: Dim = k
        for name in names:
            term = term * values.get(name, named(name))
        total = total + term
    return total


def _solve(left: Dim, right: Dim) -> tuple[str, Dim] | None:
    """One name of left = right, expressed by the rest, where that is possible in whole numbers."""
    difference = left - right
    if isinstance(difference, int):
        return None
    terms = _terms(difference)
    for names, k in sorted(terms.items(), key=lambda t: (len(t[0]), t[0]), reverse=True):
        alone = len(names) == 1 and sum(names[0] in other for other in terms) == 1
        if alone:
            rest = _from({n: -c for n, c in terms.items() if n != names})
            value = divide(rest, k)
            if value is not None and not (isinstance(value, int) and value < 0):
                return names[0], value
    return None
