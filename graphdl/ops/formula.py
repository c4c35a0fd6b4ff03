"""Any formula as an operation: `gd.elementwise`. SymPy is loaded when it is first called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, apply
from graphdl.core.notation import function, latex_function, latex_text, plain
from graphdl.core.op import Op
from graphdl.ops import sympy_forms as _sympy_forms  # noqa: F401  (gives nodes `to_sympy`)
from graphdl.ops.arithmetic import floating_type, samples
from graphdl.ops.build import operands, public

if TYPE_CHECKING:
    from sympy import Expr, Symbol

MAX_ARGUMENTS = 4


def elementwise(name: str, formula: Callable[..., Any] | Expr) -> Callable[..., Any]:
    """A function of nodes or numbers, element by element, from a formula of SymPy.

    `formula` takes 1 to 4 real symbols and returns an expression of all of them; further parameters
    keep their defaults. Or it is an expression; its symbols, by name, are the arguments.

        swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))

    It is translated once, here, into primitive operations, and differentiated like all others.
    Raises TypeError on what is no formula (text is never evaluated), GraphError on what has no
    elementwise counterpart.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"gd.elementwise: a name is a string, got {name!r:.60}")
    expression, symbols = _read(name, formula)
    op = _declare(name, expression, symbols)

    def function_(*args: Any) -> Node:
        if len(args) != len(symbols):
            raise TypeError(f"{plain(name)} takes {len(symbols)} arguments, got {len(args)}")
        return apply(op, *operands(*args, floating=True))

    function_.__name__ = function_.__qualname__ = name
    function_.__doc__ = f"{plain(name)}({', '.join(plain(s.name) for s in symbols)})"
    return public(function_)


def _declare(name: str, expression: Expr, symbols: list[Symbol]) -> Op:
    """The operation. Its own name is in quotes, so that no built-in one is called like it."""
    from graphdl.ops.from_sympy.translator import translate  # noqa: PLC0415 - it imports SymPy

    recipe = translate(name, expression, symbols)
    return Op(
        name=f"elementwise {name!r}",
        infer=floating_type,
        reference=recipe.evaluate,
        body=recipe,
        pointwise=True,
        text=function(plain(name)),
        latex=latex_function(rf"\operatorname{{{latex_text(name)}}}"),
        sympy=lambda sp, *args: expression.xreplace(dict(zip(symbols, args, strict=True))),
        samples=samples(len(symbols), (0.2, 0.8)),
        why_not="its formula has the argument in comparisons only",
    )


# ------------------------------------------------------------------ what the user passes


def _read(name: str, formula: Any) -> tuple[Expr, list[Symbol]]:
    """The expression and its arguments in order."""
    import sympy  # noqa: PLC0415 - `import graphdl` does without it

    if isinstance(formula, sympy.Expr):
        expression, symbols = formula, _symbols_of(name, formula)
    elif callable(formula):
        symbols = [sympy.Symbol(p, real=True) for p in _parameters(name, formula)]
        expression = _checked(name, _called(name, formula, symbols))
    else:
        raise TypeError(
            f"the formula of {plain(name)} is a function of SymPy symbols or a SymPy expression, "
            f"got {type(formula).__name__}; text is never evaluated"
        )
    if not 1 <= len(symbols) <= MAX_ARGUMENTS:
        raise GraphError(
            f"the formula of {plain(name)} has {len(symbols)} arguments; 1 to {MAX_ARGUMENTS} "
            "are taken"
        )
    return expression, symbols


def _parameters(name: str, formula: Callable[..., Any]) -> list[str]:
    """The names of the parameters that have no default."""
    try:
        found = inspect.signature(formula).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(
            f"the formula of {plain(name)} does not say how many arguments it takes; "
            "wrap it: lambda z: …"
        ) from None
    free = [p for p in found if p.default is p.empty]
    if any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in free):
        raise TypeError(
            f"the formula of {plain(name)} must list its arguments one by one, without * and **"
        )
    return [p.name for p in free]


def _called(name: str, formula: Callable[..., Any], symbols: list[Symbol]) -> Any:
    try:
        return formula(*symbols)
    except TypeError as error:
        raise TypeError(
            f"the formula of {plain(name)} cannot be computed with SymPy symbols: {error}. "
            "Use sympy.exp and its like instead of math, numpy or gd, and sympy.Piecewise, "
            "sympy.Max or sympy.Min instead of if"
        ) from error


def _checked(name: str, result: Any) -> Expr:
    """What the callable returned, as an expression."""
    import sympy  # noqa: PLC0415

    try:
        expression = sympy.sympify(result, strict=True)
    except sympy.SympifyError:
        expression = None
    if not isinstance(expression, sympy.Expr):
        raise TypeError(
            f"the formula of {plain(name)} must return a SymPy expression, got "
            f"{type(result).__name__}; a condition goes into sympy.Piecewise, text is never "
            "evaluated"
        )
    return expression


def _symbols_of(name: str, expression: Expr) -> list[Symbol]:
    """The symbols of an expression by name."""
    symbols = sorted(expression.free_symbols, key=lambda s: s.name)
    for s in symbols:
        if [t.name for t in symbols].count(s.name) > 1:
            raise GraphError(f"the formula of {plain(name)} has two symbols {plain(s.name)}")
        if s.is_real is False:
            raise GraphError(
                f"the formula of {plain(name)} has the symbol {plain(s.name)}, which is not real; "
                f"declare it as sympy.Symbol({s.name!r}, real=True)"
            )
    return symbols
