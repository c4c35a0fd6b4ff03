"""Scalar expressions and statements as Python text for the CPU."""

from __future__ import annotations

import math

from codegen import ir, scalars
from codegen.optimisations import on


class Printer:
    """Writes statements; collects the helpers they call."""

    def __init__(self, locals_: set[ir.Buffer]) -> None:
        self.locals = locals_  # buffers without axes that are kept as plain scalars
        self.helpers: set[str] = set()
        self.copies = False  # does it copy rows?

    # -------------------------------------------------- expressions

    def expr(self, e: ir.Expr) -> str:
        if isinstance(e, ir.Const):
            return self.const(e)
        if isinstance(e, ir.Var):
            return e.name
        if isinstance(e, ir.Load):
            return self.element(e.buffer, e.index)
        return self.apply(e)

    def const(self, e: ir.Const) -> str:
        """A constant that round-trips, in its own dtype."""
        if e.dtype == "bool":
            return str(bool(e.value))
        if e.dtype == "int64":
            return str(int(e.value))
        value = float(e.value)
        text = repr(e.value) if math.isfinite(value) else f"np.{'nan' if value != value else 'inf'}"
        return f"{e.dtype}({'-' if value == -math.inf else ''}{text})"

    def element(self, buffer: ir.Buffer, index: tuple[ir.Expr, ...]) -> str:
        if buffer in self.locals:
            return buffer.name
        inner = ", ".join(map(self.bare, index)) if index else "0"
        return f"{buffer.name}[{inner}]"

    def apply(self, e: ir.Apply) -> str:
        if e.fn in scalars.INFIX:
            a, b = map(self.part, e.args)
            return f"{a} {scalars.INFIX[e.fn]} {b}"
        if e.fn == "cast":
            return self.cast(e.args[0], e.dtype)
        if e.fn == "clip" and e.dtype == "int64":
            a, low, high = map(self.bare, e.args)
            return f"min(max({a}, {low}), {high})"
        if e.fn + e.dtype[-2:] in scalars.OWN or e.fn in scalars.TYPED or e.fn in scalars.DRAWS:
            return self.helper(e)
        for name in ("maximum", "minimum"):
            if name in scalars.CALL[e.fn]:
                self.helpers.add(name)
        return scalars.CALL[e.fn].format(*map(self.part, e.args))

    def helper(self, e: ir.Apply) -> str:
        bits = "" if e.fn in scalars.DRAWS else e.dtype[-2:]
        if e.fn == "sign" and e.dtype.startswith("int"):
            a = self.part(e.args[0])
            return f"({a} > 0) * 1 - ({a} < 0) * 1"
        if e.fn == "mod" and e.dtype.startswith("int"):
            return " % ".join(map(self.part, e.args))
        self.helpers.add(e.fn + bits)
        return f"{e.fn}{bits}({', '.join(map(self.bare, e.args))})"

    def cast(self, e: ir.Expr, dtype: str) -> str:
        if dtype == "bool":
            return f"{self.part(e)} != 0"
        return f"{dtype}({self.bare(e)})"

    def bare(self, e: ir.Expr) -> str:
        return self.expr(e)

    def part(self, e: ir.Expr) -> str:
        """An operand: brackets around anything that is not one word."""
        text = self.expr(e)
        compound = isinstance(e, ir.Apply) and (
            e.fn in scalars.INFIX or e.fn in ("neg", "square", "not", "where", "cast")
        )
        return f"({text})" if compound else text

    # -------------------------------------------------- statements

    def body(self, body: tuple[ir.Stmt, ...], depth: int) -> list[str]:
        pad = "    " * depth
        lines: list[str] = []
        for s in body:
            copy = self.row_copy(s)
            if copy is not None:
                lines.append(pad + copy)
            elif isinstance(s, ir.Loop):
                lines += [pad + line for line in self.head(s)]
                lines += self.body(s.body, depth + 1)
            else:
                lines.append(pad + self.statement(s))
        return lines

    def head(self, s: ir.Loop) -> list[str]:
        """The line that begins a loop. A part of one counts from 0: what starts elsewhere might count
        from an array's end for all that the compiler knows, and then it is no loop of vectors."""
        name = s.var.name
        if s.start == ir.ZERO:
            return [f"for {name} in range({self.bare(s.extent)}):"]
        first, last = (self.bound(e) for e in (s.start, s.extent))
        return [f"for my_{name} in range({last} - {first}):", f"    {name} = {first} + my_{name}"]

    def bound(self, e: ir.Expr) -> str:
        """One end of a part; a product may overflow for all that the compiler knows."""
        return f"index({self.bare(e)})" if isinstance(e, ir.Apply) else self.bare(e)

    def row_copy(self, s: ir.Stmt) -> str | None:
        """A loop that does nothing but copy a row of known length, as one call."""
        if not (isinstance(s, ir.Loop) and isinstance(s.extent, ir.Const) and on("copies")):
            return None
        *lets, store = s.body
        value = getattr(store, "expr", None)
        if len(lets) == 1 and isinstance(lets[0], ir.Let) and value == lets[0].var:
            lets, value = [], lets[0].expr
        if lets or not (isinstance(store, ir.Store) and isinstance(value, ir.Load)):
            return None
        out, source = store.buffer, value.buffer
        one_row = all(index and index[-1] == s.var and not _mentions(index[:-1], s.var)
                      for index in (store.index, value.index))  # fmt: skip
        apart = out.root is not source.root and not {out, source} & self.locals
        if store.op or not one_row or not apart or out.dtype != source.dtype:
            return None
        self.copies = True
        at, start = (
            ", ".join([*map(self.bare, index[:-1]), "0"]) + ("," if len(index) == 1 else "")
            for index in (store.index, value.index)
        )
        return f"copy_row({out.name}, ({at}), {source.name}, ({start}), {s.extent.value})"

    def statement(self, s: ir.Let | ir.Update | ir.Store) -> str:
        if isinstance(s, ir.Let):
            return f"{s.var.name} = {self.bare(s.expr)}"
        if isinstance(s, ir.Update):
            return f"{s.var.name} = {self.combined(s.var.name, s.op, s.expr)}"
        target = self.element(s.buffer, s.index)
        if s.op in ("add", "mul"):
            return f"{target} {scalars.INFIX[s.op]}= {self.bare(s.expr)}"
        return f"{target} = {self.combined(target, s.op, s.expr)}"

    def combined(self, old: str, op: str | None, expr: ir.Expr) -> str:
        if op is None or op == "set":
            return self.bare(expr)
        if op in scalars.INFIX:
            return f"{old} {scalars.INFIX[op]} {self.part(expr)}"
        self.helpers.add(op)
        return f"{op}({old}, {self.bare(expr)})"


def _mentions(index: tuple[ir.Expr, ...], var: ir.Var) -> bool:
    return any(part == var for e in index for part in ir.subexpressions(e))
