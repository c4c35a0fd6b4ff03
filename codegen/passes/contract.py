"""Values pass from the statement that makes them to those that use them without touching memory.

A store followed, in the same iteration, by a load of the same element becomes a scalar; a temp that
is then never read loses its stores, and scalars that nobody reads are dropped.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from codegen import ir

# An element's value, and all that the two hang on: memory, and scalars by name.
Known = dict[tuple[ir.Buffer, tuple[ir.Expr, ...]], tuple[ir.Expr, frozenset[object]]]


def contract(program: ir.Program) -> ir.Program:
    """Forward stores to loads, then drop what is no longer read."""
    names = itertools.count(1)
    items = [
        replace(i, body=_forward(i.body, {}, names)) if isinstance(i, ir.Kernel) else i
        for i in program.items
    ]
    needed = _still_read(program, items)
    items = [
        replace(i, body=_live(_without_dead_stores(i.body, needed)))
        if isinstance(i, ir.Kernel)
        else i
        for i in items
    ]
    return program.with_items(i for i in items if not isinstance(i, ir.Kernel) or i.body)


def _forward(
    body: tuple[ir.Stmt, ...], known: Known, names: itertools.count
) -> tuple[ir.Stmt, ...]:
    """`known` holds the elements whose value a scalar has."""
    out: list[ir.Stmt] = []

    def value(e: ir.Expr) -> ir.Expr | None:
        if isinstance(e, ir.Load):
            load = ir.Load(e.buffer, tuple(ir.map_expr(i, value) for i in e.index))
            return known.get((load.buffer, load.index), (load,))[0]
        return None

    for s in body:
        if isinstance(s, ir.Loop):
            known = _unchanged(known, s.body)
            out.append(ir.Loop(s.var, s.extent, _forward(s.body, dict(known), names)))
        elif isinstance(s, ir.Store):
            index = tuple(ir.map_expr(i, value) for i in s.index)
            expr = ir.map_expr(s.expr, value)
            known = _unchanged(known, (s,))
            if s.op is None and not isinstance(expr, (ir.Const, ir.Var)):
                var = ir.Var(f"e{next(names)}", s.buffer.dtype)
                out.append(ir.Let(var, expr, s.buffer.name))
                expr = var
            out.append(ir.Store(s.buffer, index, expr, s.op))
            if s.op is None:
                known[s.buffer, index] = expr, _hangs_on(s.buffer, index, expr)
        else:
            out.append(replace(s, expr=ir.map_expr(s.expr, value)))
            known = _unchanged(known, (s,))
    return tuple(out)


def _unchanged(known: Known, body: tuple[ir.Stmt, ...]) -> Known:
    """What is still known once the statements have run: nothing of what they write."""
    written: set[object] = {s.buffer.root for s in ir.stores(body)}
    written |= {s.var for s in ir.statements(body) if isinstance(s, ir.Update)}
    if not written:
        return known
    return {place: value for place, value in known.items() if written.isdisjoint(value[1])}


def _hangs_on(b: ir.Buffer, index: tuple[ir.Expr, ...], expr: ir.Expr) -> frozenset[object]:
    parts = (p for e in (expr, *index) for p in ir.subexpressions(e))
    return frozenset([b.root, *(p.buffer.root if isinstance(p, ir.Load) else p for p in parts)])


def _still_read(program: ir.Program, items: list[ir.Item]) -> set[ir.Buffer]:
    """The memory that someone reads after all, or that leaves the program."""
    needed = {b.root for b in program.arguments}
    for item in items:
        if isinstance(item, ir.Kernel):
            needed.update(load.buffer.root for load in ir.loads(item.body))
        else:
            needed.update(b.root for b in ir.reads(item))
    return needed


def _without_dead_stores(body: tuple[ir.Stmt, ...], needed: set[ir.Buffer]) -> tuple[ir.Stmt, ...]:
    out: list[ir.Stmt] = []
    for s in body:
        if isinstance(s, ir.Loop):
            inner = _without_dead_stores(s.body, needed)
            if inner:
                out.append(ir.Loop(s.var, s.extent, inner))
        elif not isinstance(s, ir.Store) or s.buffer.root in needed:
            out.append(s)
    return tuple(out)


def _live(body: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...]:
    """Without scalars that no statement reads and loops that are then empty."""
    while True:
        used = {
            part
            for s in ir.statements(body)
            for e in ir.own_expressions(s)
            for part in ir.subexpressions(e)
            if isinstance(part, ir.Var) and not (isinstance(s, ir.Update) and part == s.var)
        }
        smaller = _drop_unused(body, used)
        if smaller == body:
            return body
        body = smaller


def _drop_unused(body: tuple[ir.Stmt, ...], used: set[ir.Expr]) -> tuple[ir.Stmt, ...]:
    out: list[ir.Stmt] = []
    for s in body:
        if isinstance(s, ir.Loop):
            inner = _drop_unused(s.body, used)
            if inner:
                out.append(ir.Loop(s.var, s.extent, inner))
        elif isinstance(s, ir.Store) or s.var in used:
            out.append(s)
    return tuple(out)
