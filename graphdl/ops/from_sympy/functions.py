"""Functions of SymPy, each as primitive operations.

Kinks follow the house's rules: relu is flat at 0, ties are shared, steps have derivative 0, and nan
stays nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr

from graphdl.core.op import Op
from graphdl.ops import arithmetic as a
from graphdl.ops import functions as f
from graphdl.ops.from_sympy import algebra
from graphdl.ops.from_sympy import exponentials as ex
from graphdl.ops.from_sympy.recipe import Value

if TYPE_CHECKING:
    from graphdl.ops.from_sympy.translator import Translator

_SATURATING: dict[type, Op] = {sympy.exp: f.exp_op, sympy.tanh: f.tanh_op, sympy.erf: f.erf_op}
_PLAIN: dict[type, Op] = {
    sympy.sin: f.sin_op,
    sympy.cos: f.cos_op,
    sympy.Abs: a.abs_op,
    sympy.sign: a.sign_op,
    sympy.floor: a.floor_op,
    sympy.Mod: a.mod_op,
}


def _log(t: Translator, e: Expr) -> Value:
    """Powers of e come out of a logarithm; log(1 + u) is log1p(u)."""
    u = algebra.as_one(t, e.args[0])
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
        root = algebra.hypot(t, 1.0, [(1.0, x)])
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


RULES: dict[type, Callable[[Translator, Any], Value]] = {
    sympy.Add: algebra.add,
    sympy.Mul: algebra.product,
    sympy.Pow: algebra.power,
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
    **{
        kind: lambda t, e, op=op: t.emit(op, t.bounded(e.args[0]))
        for kind, op in _SATURATING.items()
    },
}
