"""What a loop reads but never changes is read once, before it.

A compiler may not do this by itself: for all it knows the arrays of a program overlap.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from codegen import ir


def hoist(program: ir.Program) -> ir.Program:
    """Loads with an index that does not vary in a loop move in front of it."""
    names = itertools.count(1)
    return program.with_items(
        replace(i, body=_hoisted(i.body, names)) if isinstance(i, ir.Kernel) else i
        for i in program.items
    )


def _hoisted(body: tuple[ir.Stmt, ...], names: itertools.count) -> tuple[ir.Stmt, ...]:
    out: list[ir.Stmt] = []
    for s in body:
        if not isinstance(s, ir.Loop):
            out.append(s)
            continue
        inner = _hoisted(s.body, names)
        found = _constant_loads(ir.Loop(s.var, s.extent, inner))
        scalars = {load: ir.Var(f"a{next(names)}", load.dtype) for load in found}
        out.extend(ir.Let(var, load) for load, var in scalars.items())
        out.append(ir.Loop(s.var, s.extent, _with_scalars(inner, scalars)))
    return tuple(out)


def _with_scalars(body: tuple[ir.Stmt, ...], scalars: dict[ir.Load, ir.Var]) -> tuple[ir.Stmt, ...]:
    """The statements with loads replaced by the scalars that hold them."""
    return tuple(
        ir.map_stmt(s, lambda e: scalars.get(e) if isinstance(e, ir.Load) else None, {})
        for s in body
    )


def _constant_loads(loop: ir.Loop) -> list[ir.Load]:
    """Loads whose element is the same in every iteration."""
    written = {s.buffer.root for s in ir.stores(loop.body)}
    bound = {loop.var} | {
        s.var for s in ir.statements(loop.body) if isinstance(s, (ir.Let, ir.Update, ir.Loop))
    }
    found = dict.fromkeys(
        load
        for load in ir.loads(loop.body)
        if load.buffer.root not in written and not _mentions(load.index, bound)
    )
    return list(found)


def _mentions(index: tuple[ir.Expr, ...], names: set[ir.Var]) -> bool:
    return any(part in names for i in index for part in ir.subexpressions(i))
