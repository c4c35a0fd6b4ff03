"""Elementary functions of short rows are taken in one run over all rows.

A row shorter than a vector register leaves lanes empty. Where such a function is applied element by
element the rows lie one after the other anyway.
"""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np

from codegen import ir
from codegen.passes.repeat import LEAST_ROWS, key
from codegen.scalars import is_vectorised

REGISTER = 64  # bytes of the widest there is


def flatten(program: ir.Program) -> ir.Program:
    """Elementwise kernels over short rows become loops over flat views of their buffers.

    Not where equal layers do the same: `repeat` folds those, and its tables hold no views.
    """
    views: dict[ir.Buffer, ir.Buffer] = {}
    items = program.items
    flat = {n: made for n, i in enumerate(items) if (made := _flat(i, views, _at(n))) is not None}
    keys = {n: key(items[n]) for n in flat}  # what is equal to one of them is one of them
    often = Counter(keys.values())
    return program.with_items(
        flat[n] if n in flat and often[keys[n]] < LEAST_ROWS else i for n, i in enumerate(items)
    )


def _at(number: int) -> ir.Var:
    return ir.Var(f"at_{number}", "int64")


def _flat(item: ir.Item, views: dict[ir.Buffer, ir.Buffer], at: ir.Var) -> ir.Kernel | None:
    """The kernel on views; None where it is nothing to flatten."""
    loops, body = _nest(item.body) if isinstance(item, ir.Kernel) else ([], ())
    if len(loops) < 2 or not _is_short(loops[-1].extent, body) or not _elementwise(loops, body):
        return None
    count = functools.reduce(ir.times, (loop.extent for loop in loops))

    def view(b: ir.Buffer) -> ir.Buffer:
        return views.setdefault(b, ir.Buffer(f"{b.name}_flat", (count,), b.dtype, b.role, b))

    def moved(e: ir.Expr) -> ir.Expr | None:
        return ir.Load(view(e.buffer), (at,)) if isinstance(e, ir.Load) else None

    flat = [
        ir.Store(view(s.buffer), (at,), ir.map_expr(s.expr, moved)) if isinstance(s, ir.Store)
        else ir.map_stmt(s, moved, {})
        for s in body
    ]  # fmt: skip
    return ir.Kernel((ir.Loop(at, count, tuple(flat)),), item.note)


def _nest(body: tuple[ir.Stmt, ...]) -> tuple[list[ir.Loop], tuple[ir.Stmt, ...]]:
    """Loops that hold nothing but the next one, and what the last one holds."""
    loops: list[ir.Loop] = []
    while len(body) == 1 and isinstance(body[0], ir.Loop):
        loops.append(body[0])
        body = body[0].body
    return loops, body


def _is_short(extent: ir.Expr, body: tuple[ir.Stmt, ...]) -> bool:
    """Is a function that is vectorised applied to rows which leave part of a register empty?"""
    return isinstance(extent, ir.Const) and any(
        extent.value * np.dtype(e.dtype).itemsize < REGISTER
        for s in body
        for own in ir.own_expressions(s)
        for e in ir.subexpressions(own)
        if isinstance(e, ir.Apply) and is_vectorised(e.fn, e.dtype)
    )


def _elementwise(loops: list[ir.Loop], body: tuple[ir.Stmt, ...]) -> bool:
    """Is the work done at the loops' own element of whole temps and nowhere else?"""
    index, shape = tuple(loop.var for loop in loops), tuple(loop.extent for loop in loops)
    if any(isinstance(s, (ir.Loop, ir.Update)) or getattr(s, "op", None) for s in body):
        return False
    touched = [(e.buffer, e.index) for e in ir.loads(body)]
    touched += [(s.buffer, s.index) for s in ir.stores(body)]
    return all(
        b.role == "temp" and b.view_of is None and b.shape == shape and i == index
        for b, i in touched
    ) and not set(index) & {e for s in body for e in _values(s)}


def _values(s: ir.Stmt) -> list[ir.Expr]:
    """The parts of the numbers that a statement works with, indices apart."""
    found: list[ir.Expr] = []
    pending = [s.expr] if not isinstance(s, ir.Loop) else []
    while pending:
        e = pending.pop()
        found.append(e)
        pending += e.args if isinstance(e, ir.Apply) else ()
    return found
