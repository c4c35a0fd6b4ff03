"""From a SymPy expression to a recipe of primitive operations. SymPy is loaded with this module.

Expressions are taken apart by exact class: a class that is not listed is refused, whatever it is
called and whatever it could do. Formulas that overflow as they are written, though their value is
finite, are written differently (`exponentials`, and the named cases here).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
from sympy import Expr
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from graphdl.core.errors import GraphError
from graphdl.core.notation import plain
from graphdl.core.op import Op
from graphdl.ops import arithmetic as a
from graphdl.ops import exponentials as ex
from graphdl.ops import functions as f
from graphdl.ops.recipe import Recipe, Ref, Value, Writer

MAX_PARTS = 20_000
MAX_DEPTH = 100

_PLAIN: dict[type, Op] = {
    sympy.sin: f.sin_op,
    sympy.cos: f.cos_op,
    sympy.tanh: f.tanh_op,
    sympy.erf: f.erf_op,
    sympy.Abs: a.abs_op,
    sympy.sign: a.sign_op,
    sympy.floor: a.floor_op,
    sympy.exp: f.exp_op,
    sympy.Mod: a.mod_op,
}
_COMPARISONS: dict[type, Op] = {
    sympy.StrictLessThan: a.lt_op,
    sympy.LessThan: a.le_op,
    sympy.StrictGreaterThan: a.gt_op,
    sympy.GreaterThan: a.ge_op,
    sympy.Equality: a.eq_op,
    sympy.Unequality: a.ne_op,
}
_LOGIC: dict[type, Op] = {sympy.And: a.and_op, sympy.Or: a.or_op, sympy.Xor: a.xor_op}
_NUMBERS = tuple(
    type(n)
    for n in (
        sympy.Integer(2), sympy.S.Zero, sympy.S.One, sympy.S.NegativeOne, sympy.S.Half,
        sympy.Rational(2, 3), sympy.Float(0.1), sympy.pi, sympy.E, sympy.EulerGamma,
        sympy.GoldenRatio, sympy.Catalan, sympy.oo, -sympy.oo, sympy.nan,
    )
)  # fmt: skip
_SYMBOLS = (sympy.Symbol, sympy.Dummy)


def translate(name: str, e: Expr, symbols: list[sympy.Symbol]) -> Recipe:
    """The recipe of an expression; raises GraphError on what has no counterpart here."""
    check(name, e)
    t = Translator(name, symbols)
    result = t.value(e)
    if isinstance(result, float):
        raise GraphError(f"the formula of {plain(name)} is the number {result}; use gd.constant")
    return t.writer.recipe(result)


def check(name: str, e: sympy.Basic) -> None:
    """Every part is of a class that is listed; each is looked at once."""
    depth: dict[sympy.Basic, int] = {}
    stack = [e]
    while stack:
        part = stack[-1]
        if type(part) not in KNOWN:
            raise GraphError(_unknown(name, type(part).__name__))
        waiting = [i for i in part.args if i not in depth]
        if waiting and len(stack) <= 2 * MAX_PARTS:
            stack.extend(waiting)
            continue
        depth[stack.pop()] = 1 + max((depth[i] for i in part.args), default=0)
        if len(depth) > MAX_PARTS or depth[part] > MAX_DEPTH:
            raise GraphError(
                f"the formula of {plain(name)} is too large: {len(depth)} parts, nested "
                f"{depth[part]} deep; at most {MAX_PARTS} and {MAX_DEPTH} are taken. Declare its "
                "parts with gd.elementwise and compose them"
            )


def _unknown(name: str, found: str) -> str:
    functions = sorted(k.__name__ for k in KNOWN if issubclass(k, sympy.Function))
    return (
        f"the formula of {plain(name)} holds {plain(found)}, which is not an elementwise function "
        f"known here; write it with + - * / **, comparisons, Piecewise, Max, Min and "
        f"{', '.join(f for f in functions if f not in ('Max', 'Min', 'Piecewise'))}"
    )


class Translator:
    """Translates the parts of one formula, each once."""

    def __init__(self, name: str, symbols: list[sympy.Symbol]) -> None:
        self.name = name
        self.writer = Writer(len(symbols))
        self.sums: dict[Expr, ex.Sum | None] = {}
        self._values: dict[Any, Value] = {s: Ref(i) for i, s in enumerate(symbols)}
        self._free: dict[sympy.Basic, frozenset] = {s: frozenset((s,)) for s in symbols}

    def free(self, e: sympy.Basic) -> frozenset:
        """The symbols of an expression, found through its parts, each looked at once."""
        if e not in self._free:
            self._free[e] = frozenset().union(*map(self.free, e.args))
        return self._free[e]

    def is_number(self, e: sympy.Basic) -> bool:
        return not self.free(e)

    def value(self, e: Expr) -> Value:
        """The expression as a value of the recipe."""
        if e not in self._values:
            numeric = self.is_number(e)
            self._values[e] = self.number(e) if numeric else _RULES[type(e)](self, e)
        return self._values[e]

    def values(self, e: Expr) -> Iterator[Value]:
        return map(self.value, e.args)

    def emit(self, op: Op, *operands: Value) -> Ref:
        return self.writer.emit(op, *operands)

    def truth(self, e: Any) -> Ref:
        """A condition."""
        if e not in self._values:
            self._values[e] = self._truth(e)
        return self._values[e]  # type: ignore[return-value]

    def _truth(self, e: Any) -> Ref:
        if isinstance(e, Relational):
            return self.emit(_COMPARISONS[type(e)], *self.values(e))  # type: ignore[arg-type]
        parts = [self.truth(part) for part in e.args]
        if type(e) is sympy.Not:
            return self.emit(a.not_op, *parts)
        return reduce(lambda x, y: self.emit(_LOGIC[type(e)], x, y), parts)

    def number(self, e: Expr) -> float:
        """A constant expression as the nearest float."""
        if e is sympy.nan:
            return math.nan
        if e in (sympy.oo, -sympy.oo):
            return math.inf if e == sympy.oo else -math.inf
        try:
            exact = Fraction(int(e.p), int(e.q)) if e.is_Rational else e.evalf(30)
            found = float(exact)
        except (TypeError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            raise GraphError(
                f"the formula of {plain(self.name)} holds the constant {plain(str(e)[:60])}, "
                "which is not a real number within the range of floats"
            )
        return found


# ------------------------------------------------------------------ sums, products, powers


def _add(t: Translator, e: Expr) -> Value:
    """Terms one after the other; −1 + eᵘ is expm1, 1 − σ(v) is σ(−v)."""
    number = sympy.Add(*[term for term in e.args if t.is_number(term)])
    terms: list[tuple[bool, Value]] = []
    for term in e.args:
        if not t.is_number(term):
            joined = _joined(t, term, number) if number != 0 else None
            number = number if joined is None else sympy.S.Zero
            terms.append(joined or _signed(t, term))
    if number != 0:
        terms.insert(0, (t.number(number) < 0, abs(t.number(number))))
    terms.sort(key=lambda term: term[0])  # a difference starts with what is not subtracted
    total = t.writer.negative(terms[0][1]) if terms[0][0] else terms[0][1]
    for negative, value in terms[1:]:
        total = (t.writer.subtract if negative else t.writer.add)(total, value)
    return total


def _signed(t: Translator, term: Expr) -> tuple[bool, Value]:
    """(is it negative, its absolute value), by the sign of its number."""
    negative = term.could_extract_minus_sign() and type(term) is sympy.Mul
    return negative, t.value(-term if negative else term)


def _joined(t: Translator, term: Expr, number: Expr) -> tuple[bool, Value] | None:
    """number + term as one function that loses no digits, where there is one."""
    p = ex.decompose(t, term)
    if p.factors or not ex.is_zero(p.number + number):
        return _joined_sigmoid(t, p, number)
    if p.exponent != 0 and not p.sums:
        return _scaled_by(t, p.number, t.emit(f.expm1_op, t.value(p.exponent)))
    return _joined_sigmoid(t, p, number)


def _joined_sigmoid(t: Translator, p: ex.Product, number: Expr) -> tuple[bool, Value] | None:
    """c − c·σ(−v) = c·σ(v);  c − 2c·σ(−v) = c·tanh(v/2)"""
    if p.factors or p.exponent != 0 or len(p.sums) != 1 or p.sums[0][1] != -1:
        return None
    s = p.sums[0][0]
    if not ex.is_positive_pair(t, s) or sympy.S.Zero not in s:
        return None
    ratio, v = p.number / s[sympy.S.Zero] / number, ex.ordered(s)[2]
    if ratio == -1:
        return _scaled_by(t, number, ex.sigmoid(t, v))
    return _scaled_by(t, number, t.emit(f.tanh_op, t.value(v / 2))) if ratio == -2 else None


def _scaled_by(t: Translator, number: Expr, value: Value) -> tuple[bool, Value]:
    factor = t.number(number)
    return factor < 0, t.writer.times(abs(factor), value)


def _product(t: Translator, e: Expr) -> Value:
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
    """q·eˣ. Where eˣ may overflow though the product does not, half of it is multiplied in twice."""
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
        return _hypot(t, *squares), 2 * k
    return t.value(base), k


def _quotient(t: Translator, number: Expr, factors: list[tuple[Value, Expr]]) -> Value:
    """number · Π valueᵏ"""
    w = t.writer
    above = [w.power(v, t.number(k)) for v, k in factors if t.number(k) > 0]
    below = [w.power(v, -t.number(k)) for v, k in factors if t.number(k) < 0]
    top, bottom = (number.p, number.q) if number.is_Rational else (number, sympy.S.One)
    if bottom & (bottom - 1) == 0 if isinstance(bottom, int) else True:
        top, bottom = number, sympy.S.One  # the quotient is exact, or no quotient
    result = reduce(w.times, above, t.number(sympy.sympify(top)))
    return reduce(w.over, [*below, t.number(sympy.sympify(bottom))], result)


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


def _hypot(t: Translator, number: float, squares: list[tuple[float, Value]]) -> Value:
    """√(c + Σ cᵢ·bᵢ²) = m·√(c/m² + Σ cᵢ·(bᵢ/m)²), m the largest magnitude; derivative 0 at 0."""
    w = t.writer
    sizes = [t.emit(a.abs_op, b) for _, b in squares]
    m = reduce(w.maximum, sizes, math.sqrt(number)) if number else reduce(w.maximum, sizes)
    m = t.emit(ex.stop_gradient_op, m)
    scaled = [w.times(c, w.power(w.over(b, m), 2.0)) for c, b in squares]
    inside = w.power(w.over(math.sqrt(number), m), 2.0) if number else 0.0
    root = w.times(m, t.emit(a.sqrt_op, reduce(w.add, scaled, inside)))
    return root if number else t.emit(a.where_op, t.emit(a.eq_op, m, 0.0), 0.0, root)


def _power(t: Translator, e: Expr) -> Value:
    if t.is_number(e.exp):
        return _product(t, e)
    if e.base is sympy.E:
        return t.emit(f.exp_op, t.value(e.exp))
    return t.emit(a.pow_op, t.value(e.base), t.value(e.exp))


# ------------------------------------------------------------------ functions


def _log(t: Translator, e: Expr) -> Value:
    """Powers of e come out of a logarithm; log(1 + u) is log1p(u)."""
    u = e.args[0]
    if (s := ex.read(t, u)) is not None and len(s) > 1:
        return ex.log_of_sum(t, s)
    p = ex.decompose(t, u)
    if (p.sums or p.exponent != 0) and (found := ex.log_of_product(t, p)) is not None:
        return found
    if type(u) is sympy.Pow and t.is_number(u.exp):
        inner = sympy.Abs(u.base) if u.exp.is_even else u.base
        return t.writer.times(t.number(u.exp), t.value(sympy.log(inner)))
    if type(u) is sympy.Add and u.args[0] == 1:
        return t.emit(f.log1p_op, t.value(u - 1))
    return t.emit(a.log_op, t.value(u))


def _sinh(t: Translator, e: Expr) -> Value:
    """sinh u = 2·sinh(u/2)·cosh(u/2): the halves do not overflow before the whole does."""
    return t.writer.times(2.0, t.writer.times(_half_sinh(t, e), _half_cosh(t, e)))


def _cosh(t: Translator, e: Expr) -> Value:
    """cosh u = 1 + 2·sinh²(u/2)"""
    return t.writer.add(1.0, t.writer.times(2.0, t.writer.power(_half_sinh(t, e), 2.0)))


def _half_sinh(t: Translator, e: Expr) -> Value:
    half = t.value(e.args[0] / 2)
    parts = t.emit(f.expm1_op, half), t.emit(f.expm1_op, t.writer.negative(half))
    return t.writer.times(0.5, t.writer.subtract(*parts))


def _half_cosh(t: Translator, e: Expr) -> Value:
    half = t.value(e.args[0] / 2)
    parts = t.emit(f.exp_op, half), t.emit(f.exp_op, t.writer.negative(half))
    return t.writer.times(0.5, t.writer.add(*parts))


def _asinh(t: Translator, e: Expr) -> Value:
    """log1p(u + u²/(1 + √(1 + u²))) for u > 0, odd"""
    w, u = t.writer, t.value(e.args[0])

    def positive(x: Value) -> Value:
        root = _hypot(t, 1.0, [(1.0, x)])
        return t.emit(f.log1p_op, w.add(x, w.times(x, w.over(x, w.add(1.0, root)))))

    mirrored = w.negative(positive(w.negative(u)))
    return t.emit(a.where_op, t.emit(a.gt_op, u, 0.0), positive(u), mirrored)


def _sinc(t: Translator, e: Expr) -> Value:
    u = t.value(e.args[0])
    quotient = t.writer.over(t.emit(f.sin_op, u), u)
    return t.emit(a.where_op, t.emit(a.eq_op, u, 0.0), 1.0, quotient)


def _heaviside(t: Translator, e: Expr) -> Value:
    """(1 + sign u)/2, with its own value at 0; derivative 0."""
    u = t.value(e.args[0])
    step = t.writer.add(0.5, t.writer.times(0.5, t.emit(a.sign_op, u)))
    if e.args[1] == sympy.S.Half:
        return step
    return t.emit(a.where_op, t.emit(a.eq_op, u, 0.0), t.value(e.args[1]), step)


def _minimum(t: Translator, e: Expr) -> Value:
    return reduce(lambda x, y: t.emit(a.minimum_op, x, y), t.values(e))


def _piecewise(t: Translator, e: Expr) -> Value:
    """The first branch whose condition holds; nan where none does, and where the choice is nan."""
    cases = [(pair.args[0], pair.args[1]) for pair in e.args]
    if (u := _rectified(cases)) is not None:
        return t.emit(a.relu_op, t.value(u))
    covered = cases[-1][1] == sympy.true
    result = t.value(cases[-1][0]) if covered else math.nan
    if covered:
        result = _nan_stays(t, cases, result)
    for branch, condition in reversed(cases[:-1] if covered else cases):
        result = t.emit(a.where_op, t.truth(condition), t.value(branch), result)
    return result


def _rectified(cases: list[tuple[Expr, Any]]) -> Expr | None:
    """u where the cases say: u if u > 0, else 0."""
    if len(cases) != 2 or cases[1] != (0, sympy.true):
        return None
    u, condition = cases[0]
    return u if condition in (sympy.Gt(u, 0), sympy.Ge(u, 0)) else None


def _nan_stays(t: Translator, cases: list[tuple[Expr, Any]], otherwise: Value) -> Value:
    """A comparison with nan is false, so the last branch must let nan through."""
    asked = frozenset().union(*[t.free(condition) for _, condition in cases])
    for symbol in sorted(asked - t.free(cases[-1][0]), key=lambda s: t.value(s).index):
        value = t.value(symbol)
        otherwise = t.emit(a.where_op, t.emit(a.isnan_op, value), value, otherwise)
    return otherwise


def _written(formula: Callable[[Expr], Expr]) -> Callable[[Translator, Expr], Value]:
    """A function that stands for a formula of others."""
    return lambda t, e: t.value(formula(e.args[0]))


_RULES: dict[type, Callable[[Translator, Any], Value]] = {
    sympy.Add: _add,
    sympy.Mul: _product,
    sympy.Pow: _power,
    sympy.log: _log,
    sympy.sinh: _sinh,
    sympy.cosh: _cosh,
    sympy.asinh: _asinh,
    sympy.sinc: _sinc,
    sympy.Heaviside: _heaviside,
    sympy.Max: lambda t, e: reduce(t.writer.maximum, t.values(e)),
    sympy.Min: _minimum,
    sympy.Piecewise: _piecewise,
    sympy.tan: _written(lambda u: sympy.Mul(sympy.sin(u), 1 / sympy.cos(u), evaluate=False)),
    sympy.cot: _written(lambda u: sympy.Mul(sympy.cos(u), 1 / sympy.sin(u), evaluate=False)),
    sympy.sec: _written(lambda u: 1 / sympy.cos(u)),
    sympy.csc: _written(lambda u: 1 / sympy.sin(u)),
    sympy.sech: _written(lambda u: 1 / sympy.cosh(u)),
    sympy.csch: _written(lambda u: 1 / sympy.sinh(u)),
    sympy.coth: _written(lambda u: 1 / sympy.tanh(u)),
    sympy.acosh: _written(lambda u: sympy.log(u + sympy.sqrt(u - 1) * sympy.sqrt(u + 1))),
    sympy.atanh: _written(lambda u: (sympy.log(1 + u) - sympy.log(1 - u)) / 2),
    sympy.erfc: _written(lambda u: 1 - sympy.erf(u)),
    sympy.ceiling: _written(lambda u: -sympy.floor(-u)),
    sympy.frac: _written(lambda u: u - sympy.floor(u)),
    **{kind: lambda t, e, op=op: t.emit(op, *t.values(e)) for kind, op in _PLAIN.items()},
}
KNOWN = frozenset(
    (
        *_RULES, *_COMPARISONS, *_LOGIC, sympy.Not, *_NUMBERS, *_SYMBOLS, ExprCondPair,
        BooleanTrue, BooleanFalse,
    )
)  # fmt: skip
