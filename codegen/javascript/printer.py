"""Scalar expressions and statements as JavaScript.

Numbers are doubles, whole numbers among them (exact up to 2**53); truths are booleans, and bytes in
memory. Arrays are flat: an element of a matrix stands at row · columns + column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from codegen import ir
from codegen.scalars import DRAWS, INFIX

INDENT = "  "
OPERATORS = {**INFIX, "eq": "===", "ne": "!==", "and": "&&", "or": "||", "xor": "!=="}
del OPERATORS["pow"]
CALLS = {
    **{fn: f"Math.{fn}" for fn in ("abs", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos")},
    **{"tanh": "Math.tanh", "floor": "Math.floor", "maximum": "Math.max", "minimum": "Math.min"},
    **{"isnan": "Number.isNaN", "isfinite": "Number.isFinite"},
}
OWN = ("relu", "sign", "mod", "pow", "round", "sigmoid", "softplus", "erf", *DRAWS)
CHOOSE = ("where", "clip", "maximum", "minimum", "relu", "neg", "abs", "sign")  # rounding nothing
EXACT = 2**53  # whole numbers up to here are doubles


class Printer:
    """Writes statements; collects the functions they call."""

    def __init__(self, locals_: set[ir.Buffer], counts: Iterable[ir.Var], single: bool) -> None:
        self.locals = locals_  # buffers of one element that are kept as plain variables
        self.counts = set(counts)  # whole numbers that are never negative
        self.single = single  # is float32 rounded to single precision?
        self.functions: set[str] = set()

    # -------------------------------------------------- expressions

    def expr(self, e: ir.Expr) -> str:
        return self._written(e)[0]

    def part(self, e: ir.Expr) -> str:
        """An operand: brackets around anything that is not one word."""
        text, compound = self._written(e)
        return f"({text})" if compound else text

    def _written(self, e: ir.Expr) -> tuple[str, bool]:
        """The text, and does it need brackets as an operand?"""
        if isinstance(e, ir.Const):
            text = self.const(e)
            return text, text.startswith("-")
        if isinstance(e, ir.Var):
            return e.name, False
        if isinstance(e, ir.Load):
            element, byte = self.element(e.buffer, e.index), e.dtype == "bool"
            byte = byte and e.buffer not in self.locals
            return (f"{element} !== 0" if byte else element), byte
        text, compound = self._applied(e)
        return (f"Math.fround({text})", False) if self._rounds(e) else (text, compound)

    def const(self, e: ir.Const) -> str:
        """A constant that round-trips."""
        if e.dtype == "bool":
            return "true" if e.value else "false"
        if e.dtype.startswith("int"):
            return whole(int(e.value))
        value = np.float32(e.value) if self.single and e.dtype == "float32" else e.value
        return number(float(value))

    def element(self, buffer: ir.Buffer, index: tuple[ir.Expr, ...]) -> str:
        if buffer in self.locals:
            return buffer.name
        return f"{buffer.name}[{self.expr(place(buffer, index))}]"

    def _applied(self, e: ir.Apply) -> tuple[str, bool]:
        if e.dtype == "int32" and e.fn in ("add", "sub", "mul", "neg", "square"):
            return self._wrapped(e)
        if e.fn in OPERATORS:
            a, b = (self._operand(x, e, first=k == 0) for k, x in enumerate(e.args))
            return f"{a} {OPERATORS[e.fn]} {b}{' + 0' * self._may_be_minus_zero(e)}", True
        if e.fn in ("cast", "neg", "square", "not", "where", "clip"):
            return getattr(self, f"_{e.fn}")(*e.args, e.dtype)
        if e.fn in CALLS:
            return f"{CALLS[e.fn]}({self._list(e.args)})", False
        assert e.fn in OWN, e.fn
        whole_mod = e.fn == "mod" and e.dtype.startswith("int")
        return self.call("modWhole" if whole_mod else e.fn, *e.args), False

    def call(self, function: str, *args: ir.Expr) -> str:
        self.functions.add(function)
        return f"{function}({self._list(args)})"

    def _list(self, args: Iterable[ir.Expr]) -> str:
        return ", ".join(map(self.expr, args))

    def _operand(self, e: ir.Expr, outer: ir.Apply, first: bool) -> str:
        """An operand of an infix operation; sums of whole numbers need no brackets of their own."""
        inner = e.fn if isinstance(e, ir.Apply) and outer.dtype == "int64" else ""
        plain = (
            (inner == "mul" and outer.fn in ("add", "sub"))
            or (inner == "add" and outer.fn == "add")
            or (inner in ("add", "sub") and outer.fn in ("add", "sub") and first)
        )
        return self.expr(e) if plain else self.part(e)

    def _wrapped(self, e: ir.Apply) -> tuple[str, bool]:
        """Arithmetic of 32 bits: what does not fit wraps around."""
        if e.fn in ("mul", "square"):
            return f"Math.imul({self.expr(e.args[0])}, {self.expr(e.args[-1])})", False
        if e.fn == "neg":
            return f"-{self.part(e.args[0])} | 0", True
        return f"({f' {OPERATORS[e.fn]} '.join(map(self.part, e.args))}) | 0", True

    def _cast(self, a: ir.Expr, to: str) -> tuple[str, bool]:
        """To another dtype: of a float towards zero, of a whole number to the bits that are there."""
        if a.dtype == to or (a.dtype, to) == ("int32", "int64"):
            return self._written(a)
        if a.dtype == "bool":
            return f"Number({self.expr(a)})", False
        if to == "bool":
            return f"{self.part(a)} !== 0", True
        if to.startswith("float"):
            return self._written(a)
        bits = self.call("toWhole", a) if a.dtype.startswith("float") else self.part(a)
        return (f"{bits} | 0", True) if to == "int32" else (bits, False)

    def _neg(self, a: ir.Expr, dtype: str) -> tuple[str, bool]:
        return ("0 - " if dtype == "int64" else "-") + self.part(a), True

    def _square(self, a: ir.Expr, dtype: str) -> tuple[str, bool]:
        if isinstance(a, (ir.Var, ir.Load)):
            return f"{self.expr(a)} * {self.expr(a)}", True
        return self.call("square", a), False

    def _not(self, a: ir.Expr, dtype: str) -> tuple[str, bool]:
        return f"!{self.part(a)}", True

    def _where(self, condition: ir.Expr, a: ir.Expr, b: ir.Expr, dtype: str) -> tuple[str, bool]:
        choice = isinstance(condition, ir.Apply) and condition.fn == "where"
        test = self.part(condition) if choice else self.expr(condition)
        return f"{test} ? {self.part(a)} : {self.part(b)}", True

    def _clip(self, a: ir.Expr, low: ir.Expr, high: ir.Expr, dtype: str) -> tuple[str, bool]:
        return f"Math.min(Math.max({self.expr(a)}, {self.expr(low)}), {self.expr(high)})", False

    # -------------------------------------------------- what doubles do otherwise

    def _rounds(self, e: ir.Apply) -> bool:
        """Is the result to be rounded to single precision?"""
        return self.single and e.dtype == "float32" and e.fn not in (*CHOOSE, *DRAWS)

    def _may_be_minus_zero(self, e: ir.Apply) -> bool:
        """Whole numbers have one zero, a product of doubles has two: of 0 and a negative number."""
        if e.fn != "mul" or e.dtype != "int64":
            return False
        positive = any(isinstance(a, ir.Const) and a.value > 0 for a in e.args)
        return not positive and not all(map(self._is_count, e.args))

    def _is_count(self, e: ir.Expr) -> bool:
        """Is it at least 0, made of sizes, loop variables and numbers held above 0?"""
        if isinstance(e, ir.Apply):
            parts = {"add": e.args, "mul": e.args, "clip": e.args[1:2]}.get(e.fn, ())
            return bool(parts) and all(map(self._is_count, parts))
        return e in self.counts or (isinstance(e, ir.Const) and e.value >= 0)

    # -------------------------------------------------- statements

    def body(self, body: tuple[ir.Stmt, ...], depth: int) -> list[str]:
        pad, lines = INDENT * depth, []
        changed = {s.var for s in ir.statements(body) if isinstance(s, ir.Update)}
        for s in body:
            if isinstance(s, ir.Loop):
                self.counts.add(s.var)
                i = s.var.name
                lines.append(f"{pad}for (let {i} = 0; {i} < {self.part(s.extent)}; {i}++) {{")
                lines += [*self.body(s.body, depth + 1), pad + "}"]
            elif isinstance(s, ir.Let):
                word = "let" if s.var in changed else "const"
                lines.append(f"{pad}{word} {s.var.name} = {self.expr(s.expr)};")
            else:
                lines.append(f"{pad}{self.assignment(s)};")
        return lines

    def assignment(self, s: ir.Update | ir.Store) -> str:
        if isinstance(s, ir.Update):
            target, old = s.var.name, s.var
        else:
            target, old = self.element(s.buffer, s.index), ir.Load(s.buffer, s.index)
        if s.op in (None, "set"):
            return f"{target} = {self.expr(s.expr)}"
        new = ir.Apply(s.op, (old, s.expr), old.dtype)
        in_place = s.op in ("add", "sub", "mul") and old.dtype != "int32" and not self._rounds(new)
        if in_place and not self._may_be_minus_zero(new):
            return f"{target} {OPERATORS[s.op]}= {self.expr(s.expr)}"
        return f"{target} = {self.expr(new)}"


def number(value: float) -> str:
    """A double that round-trips."""
    if not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return repr(value).removesuffix(".0")


def whole(value: int) -> str:
    """A whole number that a double holds: up to 2**53, and the ends of the range of 64 bits."""
    if abs(value) > EXACT and value not in (-(2**63), 2**63 - 1):
        raise ValueError(f"the whole number {value} is beyond 2**53, which JavaScript cannot hold")
    return {-(2**63): "-(2 ** 63)", 2**63 - 1: "2 ** 63"}.get(value, str(value))


def count(shape: Iterable[ir.Expr]) -> ir.Expr:
    """The number of elements."""
    total: ir.Expr = ir.ONE
    for d in shape:
        total = ir.times(total, d)
    return total


def place(buffer: ir.Buffer, index: tuple[ir.Expr, ...]) -> ir.Expr:
    """Where an element stands in row order: Σ index[k] · (elements of the axes after k)."""
    at: ir.Expr = ir.ZERO
    for k, i in enumerate(index):
        at = ir.plus(at, ir.times(i, count(buffer.shape[k + 1 :])))
    return at
