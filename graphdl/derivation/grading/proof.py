"""A proof by SymPy that two scalar formulas are equal, for small ones; random examples decide else.

Both become quotients of polynomials in the names, and where this does not decide, in the inputs and
their exponentials. Exponents and sizes are bounded before SymPy sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.parts import Call, Formula, Part
from graphdl.derivation.formula_reader import read
from graphdl.derivation.grading.examples import Examples

if TYPE_CHECKING:
    from sympy import Expr

PARTS, EXPONENT, DEFINITIONS = 80, 4, 6


class _Undecided(Exception):
    """This formula is no matter for SymPy."""


def proved_equal(formula: Formula, examples: Examples) -> bool:
    """Is the formula the gradient for all values? False where that is not found out."""
    gradient = examples.derivation.gradient
    if gradient.rank or any(e.ndim for e in examples.all[0].values.names.values()):
        return False
    import sympy  # noqa: PLC0415 - `import graphdl` does without it

    words = examples.vocabulary
    try:
        truth = _Translator(sympy, _read(examples, gradient)).formula()
        difference = _Translator(sympy, formula).formula() - truth
        if sympy.cancel(sympy.together(difference)) == 0:
            return True
        inner = [
            (k, n) for k, n in words.nodes.items() if n.inputs and n is not words.derivation.result
        ]
        if len(inner) > DEFINITIONS:
            return False
        for name, node in reversed(inner):  # the later ones first: they hold the earlier ones
            meaning = _Translator(sympy, _read(examples, node)).formula()
            difference = difference.subs(_symbol(sympy, name), meaning)
        return bool(sympy.cancel(sympy.together(difference)) == 0)
    except (_Undecided, FormulaError):
        return False


def _read(examples: Examples, node: Any) -> Formula:
    sheet = examples.vocabulary.pen.declared(node)
    if sheet.parts or sheet.left_out:
        raise _Undecided
    return read(sheet.body.text, examples.vocabulary.names())


def _symbol(sp: Any, name: str) -> Any:
    return sp.Symbol(name, real=True)


class _Translator:
    """A formula in SymPy; raises _Undecided at what is too large or has no plain form."""

    def __init__(self, sympy: Any, formula: Formula) -> None:
        self.sp, self.whole = sympy, formula
        size = sum(1 for _ in formula.body.walk())
        size += sum(1 for _, d in formula.definitions for _ in d.walk())
        if size > PARTS:
            raise _Undecided
        self.defined: dict[str, Any] = {}

    def formula(self) -> Expr:
        for name, part in self.whole.definitions:
            self.defined[name] = self.part(part)
        return self.part(self.whole.body)

    def part(self, part: Part) -> Any:
        if part.kind == "number":
            return self.sp.Rational(str(part.value))
        if part.kind == "name":
            return self.defined.get(part.value, _symbol(self.sp, part.value))
        args = [self.part(a) for a in part.args]
        if part.kind == "call":
            return self.call(part.value, args)
        if part.kind == "pow" and not (part.args[1].kind == "number" and _small(args[1])):
            raise _Undecided
        if part.kind not in _OPERATIONS:
            raise _Undecided
        return _OPERATIONS[part.kind](*args)

    def call(self, call: Call, args: list[Any]) -> Any:
        functions: Mapping[tuple[str, int], Callable[..., Any]] = _functions(self.sp)
        found = functions.get((call.name, call.primes))
        if found is None or call.options:
            raise _Undecided
        return found(*args)


def _small(exponent: Any) -> bool:
    return bool(exponent.is_Integer) and abs(int(exponent)) <= EXPONENT


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "neg": lambda a: -a, "pow": lambda a, b: a**b,
    "transpose": lambda a: a,
}  # fmt: skip


def _functions(sp: Any) -> dict[tuple[str, int], Callable[..., Any]]:
    def sigmoid(a: Any) -> Any:
        return 1 / (1 + sp.exp(-a))

    def tanh(a: Any) -> Any:
        return 1 - 2 / (sp.exp(2 * a) + 1)

    found: dict[tuple[str, int], Callable[..., Any]] = {
        ("exp", 0): sp.exp, ("log", 0): sp.log, ("ln", 0): sp.log, ("sin", 0): sp.sin,
        ("cos", 0): sp.cos, ("sin", 1): sp.cos, ("square", 0): lambda a: a**2,
        ("bce", 1): lambda y, p: (1 - y) / (1 - p) - y / p,
        ("tanh", 0): tanh, ("tanh", 1): lambda a: 1 - tanh(a) ** 2,
    }  # fmt: skip
    for name in ("sigmoid", "sigma", "logistic"):
        found[name, 0], found[name, 1] = sigmoid, lambda a: sigmoid(a) * (1 - sigmoid(a))
    return found
