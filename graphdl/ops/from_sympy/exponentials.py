"""Products and logarithms of sums of exponentials, written so that nothing overflows on the way.

A sum S = Σ cᵢ·e^uᵢ is written as e^m · S′ with m = max uᵢ and S′ = Σ cᵢ·e^(uᵢ−m), which is bounded.
In a product the powers of e are added up before the one exponential is taken; in a logarithm they
come out as they are. S does not depend on m, so no gradient flows through m. Where the result has
a name (sigmoid, tanh, softplus, expm1) it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from itertools import product as pairs
from typing import TYPE_CHECKING

import sympy
from sympy import Expr

from graphdl.ops import arithmetic as a
from graphdl.ops import functions as f
from graphdl.ops.control import stop_gradient_op
from graphdl.ops.from_sympy.recipe import Value

if TYPE_CHECKING:
    from graphdl.ops.from_sympy.translator import Translator

Sum = dict[Expr, Expr]  # exponent -> coefficient, a number
MAX_TERMS = 8
MAX_POWER = 4
_HALF = sympy.Rational(1, 2)


def read(t: Translator, e: Expr) -> Sum | None:
    """The expression as a sum of exponentials; None where it is none."""
    if e not in t.sums:
        t.sums[e] = _read(t, e)
    return t.sums[e]


def _read(t: Translator, e: Expr) -> Sum | None:
    if t.is_number(e):
        return {sympy.S.Zero: e}
    if (exponent := exponent_of(t, e)) is not None:
        return {exponent: sympy.S.One}
    if type(e) in (sympy.cosh, sympy.sinh):
        u = e.args[0]
        return {u: _HALF, -u: _HALF if type(e) is sympy.cosh else -_HALF}
    if type(e) is sympy.Pow and e.exp.is_Integer and 2 <= e.exp <= MAX_POWER:
        return _multiplied([read(t, e.base)] * int(e.exp))
    if type(e) is sympy.Mul:
        return _multiplied([read(t, part) for part in e.args])
    return _added([read(t, part) for part in e.args]) if type(e) is sympy.Add else None


def exponent_of(t: Translator, e: Expr) -> Expr | None:
    """u where the expression is e^u (or c^u with a number c > 0)."""
    if type(e) is sympy.exp:
        return e.args[0]
    if type(e) is sympy.Pow and t.is_number(e.base) and not t.is_number(e.exp):
        return e.exp * sympy.log(e.base) if t.number(e.base) > 0 else None
    return None


def _added(sums: list[Sum | None]) -> Sum | None:
    total: Sum = {}
    for s in sums:
        if s is None:
            return None
        for u, c in s.items():
            total[u] = total.get(u, sympy.S.Zero) + c
    total = {u: c for u, c in total.items() if c != 0}
    return total if 0 < len(total) <= MAX_TERMS else None


def _multiplied(sums: list[Sum | None]) -> Sum | None:
    total: Sum | None = {sympy.S.Zero: sympy.S.One}
    for s in sums:
        if s is None or total is None:
            return None
        total = _added([{u + v: c * d} for (u, c), (v, d) in pairs(total.items(), s.items())])
    return total


@dataclass
class Product:
    """number · e^exponent · Π Sᵏ · Π factorᵏ"""

    number: Expr = sympy.S.One
    exponent: Expr = sympy.S.Zero
    sums: list[tuple[Sum, Expr]] = field(default_factory=list)
    factors: list[tuple[Expr, Expr]] = field(default_factory=list)


_RECIPROCAL = {sympy.sech: sympy.cosh, sympy.csch: sympy.sinh}


def decompose(t: Translator, e: Expr) -> Product:
    """The parts of a product or a power."""
    p = Product()
    for part in e.args if type(e) is sympy.Mul else (e,):
        base, k = (part.base, part.exp) if type(part) is sympy.Pow else (part, sympy.S.One)
        if type(base) in _RECIPROCAL:
            base, k = _RECIPROCAL[type(base)](base.args[0]), -k
        if t.is_number(part):
            p.number *= part
        elif (exponent := exponent_of(t, part)) is not None:
            p.exponent += exponent
        elif t.is_number(k) and (s := read(t, base)) is not None and len(s) > 1:
            p.sums.append((s, k))
        else:
            p.factors.append((base, k))
    return p


def rewritable(p: Product) -> bool:
    """May a sum in the product overflow although the product does not?"""
    whole = all(k.is_Integer and k > 0 for _, k in p.sums)
    return bool(p.sums) and (p.exponent != 0 or not whole)


# ------------------------------------------------------------------ products


def known_names(t: Translator, p: Product) -> list[tuple[Value, Expr]]:
    """Takes tanh and the sigmoid out of the product: the factors that stand for them."""
    return [*_take_tanh(t, p), *_take_sigmoids(t, p)]


def _take_tanh(t: Translator, p: Product) -> list[tuple[Value, Expr]]:
    """(c·e^u − c·e^w) / (d·e^u + d·e^w) = c/d · tanh((u − w)/2), and the inverse."""
    for (s, k), (r, n) in pairs(p.sums, p.sums):
        if is_difference(s) and set(s) == set(r) and len(set(r.values())) == 1 and k == -n:
            (u,) = (u for u, c in s.items() if t.number(c) > 0)
            (w,) = set(s) - {u}
            p.sums = [item for item in p.sums if item[0] is not s and item[0] is not r]
            p.number *= (s[u] / r[u]) ** k
            return [(t.writer.emit(f.tanh_op, t.bounded((u - w) / 2)), k), *_take_tanh(t, p)]
    return []


def _take_sigmoids(t: Translator, p: Product) -> list[tuple[Value, Expr]]:
    """e^(j·v) / (1 + e^v)ⁿ = σ(v)ʲ · σ(−v)ⁿ⁻ʲ,  0 ≤ j ≤ n"""
    found: list[tuple[Value, Expr]] = []
    for item in list(p.sums):
        s, n = item[0], -item[1]
        if not (is_positive_pair(t, s) and n.is_Integer and n > 0):
            continue
        w, difference, v = ordered(s)
        rest = p.exponent - n * w
        j = next((j for j in range(min(int(n), 4) + 1) if is_zero(rest - j * difference)), None)
        if j is None:
            continue
        p.sums.remove(item)
        p.exponent = sympy.S.Zero
        (u,) = set(s) - {w}
        p.number *= s[w] ** (j - n) * s[u] ** -j
        found += [(sigmoid(t, v), sympy.Integer(j))] if j else []
        found += [(sigmoid(t, -v), n - j)] if n > j else []
    return found


def sigmoid(t: Translator, v: Expr) -> Value:
    return t.writer.emit(f.sigmoid_op, t.bounded(v))


def is_zero(e: Expr) -> bool:
    return e == 0 or sympy.expand(e) == 0


def is_difference(s: Sum) -> bool:
    return len(s) == 2 and is_zero(sum(s.values()))


def is_positive_pair(t: Translator, s: Sum) -> bool:
    return len(s) == 2 and all(t.number(c) > 0 for c in s.values())


def ordered(s: Sum) -> tuple[Expr, Expr, Expr]:
    """(w, u − w, v) with c·e^w + d·e^u = c·e^w·(1 + e^v); w is 0 where it can be."""
    w = sympy.S.Zero if sympy.S.Zero in s else next(iter(s))
    (u,) = set(s) - {w}
    return w, u - w, u - w + sympy.log(s[u] / s[w])


def scaled(t: Translator, s: Sum) -> tuple[Value, Value]:
    """(S′, m) with S = S′·e^m."""
    exponents = [t.value(u) for u in s]
    top = reduce(t.writer.maximum, exponents)
    if is_difference(s):
        return _scaled_difference(t, exponents, next(iter(s.values()))), top
    top = t.writer.emit(stop_gradient_op, top)  # type: ignore[arg-type]
    terms = [
        t.writer.times(t.number(c), t.writer.emit(f.exp_op, t.writer.subtract(u, top)))
        for u, c in zip(exponents, s.values(), strict=True)
    ]
    return reduce(t.writer.add, terms), top


def _scaled_difference(t: Translator, exponents: list[Value], c: Expr) -> Value:
    """c·(e^u − e^w)·e^(−max(u, w)), exact where u and w are close.

    Through max(u, w) a gradient may flow: where it has a kink, the difference is 0.
    """
    w = t.writer
    d = w.subtract(*exponents)
    above = w.negative(w.emit(f.expm1_op, w.negative(d)))
    g = w.emit(a.where_op, w.emit(a.gt_op, d, 0.0), above, w.emit(f.expm1_op, d))
    return w.times(t.number(c), g)


# ------------------------------------------------------------------ logarithms


def log_of_sum(t: Translator, s: Sum) -> Value:
    """log S: a softplus where S has two positive terms, else m + log S′."""
    if not is_positive_pair(t, s):
        small, top = scaled(t, s)
        return t.writer.add(top, t.writer.emit(a.log_op, small))
    w, _, v = ordered(s)
    soft = t.writer.emit(f.softplus_op, t.value(v))
    return t.writer.add(t.value(w + sympy.log(s[w])), soft)


def log_of_product(t: Translator, p: Product) -> Value | None:
    """log(number · factors) + exponent + Σ k·log S, where every S is positive; else None."""
    if not all(t.number(c) > 0 for s, _ in p.sums for c in s.values()):
        return None
    rest = sympy.Mul(p.number, *[base**k for base, k in p.factors])
    if t.is_number(rest) and t.number(rest) <= 0:
        return None
    total = t.value(p.exponent)
    for s, k in p.sums:
        total = t.writer.add(total, t.writer.times(t.number(k), log_of_sum(t, s)))
    return total if rest == 1 else t.writer.add(total, t.value(sympy.log(rest)))
