"""Sums, products and powers as primitive operations, finite wherever their value is."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

import sympy
from sympy import Expr

from graphdl.ops import arithmetic as a
from graphdl.ops import functions as f
from graphdl.ops.control import stop_gradient_op
from graphdl.ops.from_sympy import exponentials as ex
from graphdl.ops.from_sympy.recipe import Value

if TYPE_CHECKING:
    from graphdl.ops.from_sympy.translator import Translator


def add(t: Translator, e: Expr) -> Value:
    """Terms one after the other; −1 + eᵘ is expm1, 1 − σ(v) is σ(−v)."""
    number, terms = _parts(t, e)
    found: list[tuple[bool, Value]] = []
    for term in terms:
        joined = _joined(t, term, number) if number != 0 else None
        number = number if joined is None else sympy.S.Zero
        found.append(joined or _signed(t, term))
    if number != 0:
        found.insert(0, (t.number(number) < 0, abs(t.number(number))))
    found.sort(key=lambda term: term[0])  # a difference starts with what is not subtracted
    total = t.writer.negative(found[0][1]) if found[0][0] else found[0][1]
    for negative, value in found[1:]:
        total = (t.writer.subtract if negative else t.writer.add)(total, value)
    return total


def _parts(t: Translator, e: Expr) -> tuple[Expr, list[Expr]]:
    """The number in a sum, and the other terms."""
    number = sympy.Add(*[term for term in e.args if t.is_number(term)])
    return number, [term for term in e.args if not t.is_number(term)]


def _signed(t: Translator, term: Expr) -> tuple[bool, Value]:
    """(is it negative, its absolute value), by the sign of its number."""
    negative = type(term) is sympy.Mul and term.args[0].is_negative is True
    return negative, t.value(-term if negative else term)


def _joined(t: Translator, term: Expr, number: Expr) -> tuple[bool, Value] | None:
    """number + term as one function that loses no digits, where there is one."""
    p = ex.decompose(t, term)
    if p.exponent != 0 and not p.sums and not p.factors and ex.is_zero(p.number + number):
        factor = t.number(p.number)
        return factor < 0, t.writer.times(abs(factor), t.emit(f.expm1_op, t.value(p.exponent)))
    one = _complement(t, p, number)
    return None if one is None else _signed(t, one)


def _complement(t: Translator, p: ex.Product, c: Expr) -> Expr | None:
    """c − c·σ(−v) = c·σ(v);  c − 2c·σ(−v) = c·tanh(v/2);  c − c·tanh²u = c/cosh²u"""
    factors = [(type(base), k) for base, k in p.factors]
    if factors == [(sympy.tanh, 2)] and not p.sums and p.exponent == 0 and p.number == -c:
        return c / sympy.cosh(p.factors[0][0].args[0]) ** 2
    if p.factors or p.exponent != 0 or len(p.sums) != 1 or p.sums[0][1] != -1:
        return None
    s = p.sums[0][0]
    if not ex.is_positive_pair(t, s) or sympy.S.Zero not in s:
        return None
    ratio, v = p.number / s[sympy.S.Zero] / c, ex.ordered(s)[2]
    if ratio == -1:
        return c / (1 + sympy.exp(-v))
    return c * sympy.tanh(v / 2) if ratio == -2 else None


def as_one(t: Translator, e: Expr) -> Expr:
    """A sum c − c·σ as the product that it is; any other expression as it is."""
    number, terms = _parts(t, e) if type(e) is sympy.Add else (sympy.S.Zero, [])
    if number == 0 or len(terms) != 1:
        return e
    return _complement(t, ex.decompose(t, terms[0]), number) or e


def product(t: Translator, e: Expr) -> Value:
    """number · Π factorᵏ · e^exponent. Negative powers divide; the exponential comes last."""
    p = ex.decompose(t, e)
    if not ex.rewritable(p):
        bases = e.args if type(e) is sympy.Mul else (e,)
        exponent = p.exponent
        p = ex.Product(p.number, exponent)
        p.factors = [_base_and_power(b) for b in bases if not _is_taken(t, b)]
        factors, tops = [], []
    else:
        factors = ex.known_names(t, p)
        small = [(ex.scaled(t, s), k) for s, k in p.sums]
        factors += [(value, k) for (value, _), k in small]
        tops = [t.writer.times(t.number(k), top) for (_, top), k in small]
    factors += [_powered(t, base, k) for base, k in p.factors]
    quotient = _quotient(t, p.number, factors)
    exponent = reduce(t.writer.add, tops, t.value(p.exponent))
    return quotient if exponent == 0.0 else _times_exp(t, p, quotient, exponent, bool(tops))


def _is_taken(t: Translator, e: Expr) -> bool:
    return t.is_number(e) or ex.exponent_of(t, e) is not None


def _base_and_power(e: Expr) -> tuple[Expr, Expr]:
    return (e.base, e.exp) if type(e) is sympy.Pow else (e, sympy.S.One)


def _times_exp(t: Translator, p: ex.Product, q: Value, exponent: Value, scaled: bool) -> Value:
    """q·eˣ. Where eˣ may overflow though the product does not, its root is multiplied twice."""
    if q == 1.0 or (not scaled and p.exponent.is_nonpositive):
        return t.writer.times(q, t.emit(f.exp_op, exponent))
    if isinstance(q, float) and abs(q) >= 1:
        return t.writer.times(q, t.emit(f.exp_op, exponent))
    half = t.emit(f.exp_op, t.writer.times(0.5, exponent))
    return t.writer.times(t.writer.times(q, half), half)


def _powered(t: Translator, base: Expr, k: Expr) -> tuple[Value, Expr]:
    """A factor and the number it is raised to; √ of a sum of squares does not overflow."""
    if not t.is_number(k):
        return t.emit(a.pow_op, t.value(base), t.value(k)), sympy.S.One
    if type(base) is sympy.Pow and base.exp.is_even and not k.is_Integer:
        return t.emit(a.abs_op, t.value(base.base)), base.exp * k
    if k.is_Rational and k.q == 2 and (squares := _squares(t, base)):
        return hypot(t, *squares), 2 * k
    return t.value(base), k


def _quotient(t: Translator, number: Expr, factors: list[tuple[Value, Expr]]) -> Value:
    """number · Π valueᵏ"""
    w = t.writer
    above = [w.power(v, t.number(k)) for v, k in factors if t.number(k) > 0]
    below = [w.power(v, -t.number(k)) for v, k in factors if t.number(k) < 0]
    exact = not number.is_Rational or number.q & (number.q - 1) == 0
    top, bottom = (number, sympy.S.One) if exact else map(sympy.Integer, (number.p, number.q))
    result = reduce(w.times, above, t.number(top))
    return reduce(w.over, [*below, t.number(bottom)], result)


def _squares(t: Translator, e: Expr) -> tuple[float, list[tuple[float, Value]]] | None:
    """(c, [(cᵢ, bᵢ)]) where the expression is c + Σ cᵢ·bᵢ² and no term is negative."""
    number, squares = 0.0, []
    for term in e.args if type(e) is sympy.Add else ():
        c, rest = term.as_coeff_Mul()
        if t.is_number(term):
            number += t.number(term)
        elif type(rest) is sympy.Pow and rest.exp == 2 and t.number(c) > 0:
            squares.append((t.number(c), t.value(rest.base)))
        else:
            return None
    return (number, squares) if squares and number >= 0 else None


def hypot(t: Translator, number: float, squares: list[tuple[float, Value]]) -> Value:
    """√(c + Σ cᵢ·bᵢ²) = m·√(c/m² + Σ cᵢ·(bᵢ/m)²), m the largest magnitude; derivative 0 at 0."""
    w = t.writer
    sizes = [t.emit(a.abs_op, b) for _, b in squares]
    m = reduce(w.maximum, sizes, math.sqrt(number)) if number else reduce(w.maximum, sizes)
    m = t.emit(stop_gradient_op, m)
    scaled = [w.times(c, w.power(w.over(b, m), 2.0)) for c, b in squares]
    inside = w.power(w.over(math.sqrt(number), m), 2.0) if number else 0.0
    root = w.times(m, t.emit(a.sqrt_op, reduce(w.add, scaled, inside)))
    return root if number else t.emit(a.where_op, t.emit(a.eq_op, m, 0.0), 0.0, root)


def power(t: Translator, e: Expr) -> Value:
    if t.is_number(e.exp):
        return product(t, e)
    if e.base is sympy.E:
        return t.emit(f.exp_op, t.value(e.exp))
    return t.emit(a.pow_op, t.value(e.base), t.value(e.exp))
