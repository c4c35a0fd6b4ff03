"""From a SymPy expression to a recipe of primitive operations. SymPy is loaded with this module.

Expressions are taken apart by exact class: a class that is not listed is refused, whatever it is
called and whatever it could do. Formulas that overflow as they are written, though their value is
finite, are written differently (`exponentials`, and the named cases here).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
from graphdl.ops.from_sympy import exponentials as ex
from graphdl.ops.from_sympy.functions import RULES
from graphdl.ops.from_sympy.recipe import Recipe, Ref, Value, Writer

GROWING = (sympy.exp, sympy.sinh, sympy.cosh)
MAX_PARTS = 20_000
MAX_DEPTH = 100

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
KNOWN = frozenset(
    (
        *RULES, *_COMPARISONS, *_LOGIC, sympy.Not, *_NUMBERS, *_SYMBOLS, ExprCondPair,
        BooleanTrue, BooleanFalse,
    )
)  # fmt: skip


def translate(name: str, e: Expr, symbols: list[sympy.Symbol]) -> Recipe:
    """The recipe of an expression; raises GraphError on what has no counterpart here."""
    check(name, e)
    t = Translator(name, symbols)
    _check_symbols(name, t.free(e), symbols)
    result = t.value(e)
    assert isinstance(result, Ref)  # it has arguments
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


def _check_symbols(name: str, used: frozenset, symbols: list[sympy.Symbol]) -> None:
    """The formula depends on its arguments, each of them, and on nothing else."""
    unused = [plain(s.name) for s in symbols if s not in used]
    strange = sorted(plain(s.name) for s in used - set(symbols))
    if unused:
        raise GraphError(
            f"the formula of {plain(name)} does not depend on {', '.join(unused)} (SymPy cancels "
            "x - x, 0*x and x/x at once); leave it out"
        )
    if strange:
        raise GraphError(
            f"the formula of {plain(name)} depends on {', '.join(strange)}, which is not among its "
            "arguments; make it an argument, or a number as the default of one"
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
        self._grows: dict[sympy.Basic, bool] = {}
        self._free: dict[sympy.Basic, frozenset] = {}

    def free(self, e: sympy.Basic) -> frozenset:
        """The symbols of an expression, found through its parts, each looked at once."""
        if e not in self._free:
            own = (e,) if type(e) in _SYMBOLS else ()
            self._free[e] = frozenset(own).union(*map(self.free, e.args))
        return self._free[e]

    def is_number(self, e: sympy.Basic) -> bool:
        return not self.free(e)

    def value(self, e: Expr) -> Value:
        """The expression as a value of the recipe."""
        if e not in self._values:
            numeric = self.is_number(e)
            self._values[e] = self.number(e) if numeric else RULES[type(e)](self, e)
        return self._values[e]

    def values(self, e: Expr) -> Iterator[Value]:
        return map(self.value, e.args)

    def bounded(self, e: Expr) -> Value:
        """The argument of a function that is constant beyond ±1000, as eˣ is below and tanh.

        What grows exponentially is clipped there, else its gradient would be 0·∞.
        """
        value = self.value(e)
        grows = isinstance(value, Ref) and self.grows(e)
        return self.emit(a.clip_op, value, -1000.0, 1000.0) if grows else value

    def grows(self, e: sympy.Basic) -> bool:
        """Is there an exponential in the expression?"""
        if e not in self._grows:
            inside = any(map(self.grows, e.args))
            self._grows[e] = inside or type(e) in GROWING or ex.exponent_of(self, e) is not None
        return self._grows[e]

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
