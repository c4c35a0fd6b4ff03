"""Elements to which a loop adds are added up in a scalar, and written once.

s[j] = 0                          a = 0
for i: s[j] += x[i, j]     →      for i: a += x[i, j]
                                  s[j] = a
"""

from __future__ import annotations

from dataclasses import replace

from codegen import ir
from codegen.passes.free import IDENTITY, Cells, accesses, cells_of, given, touched


def accumulate(program: ir.Program) -> ir.Program:
    """All loops of all kernels, the outermost first."""
    cells = cells_of(program)
    return program.with_items(
        replace(i, body=_everywhere(i.body, cells)) if isinstance(i, ir.Kernel) else i
        for i in program.items
    )


def _everywhere(body: tuple[ir.Stmt, ...], cells: Cells) -> tuple[ir.Stmt, ...]:
    return tuple(
        replace(s, body=_everywhere(s.body, cells)) if isinstance(s, ir.Loop) else s
        for s in in_registers(body, cells)
    )


def in_registers(body: tuple[ir.Stmt, ...], cells: Cells) -> tuple[ir.Stmt, ...]:
    """The loops of a block that add to elements, with scalars in their place."""
    made: list[ir.Stmt] = []
    for s in body:
        if isinstance(s, ir.Loop):
            _with_scalars(made, s, cells)
        else:
            made.append(s)
    return tuple(made)


def _with_scalars(made: list[ir.Stmt], loop: ir.Loop, cells: Cells) -> None:
    """Put the loop at the end of a block, its sums as scalars."""
    inner = given([loop])
    after: list[ir.Stmt] = []
    for store in list(ir.stores(loop.body)):
        if _is_sum(store, loop, inner, cells):
            var = ir.Var(f"sum_{store.buffer.name}", store.buffer.dtype)
            first = _taken(made, store, cells)
            made.append(ir.Let(var, first or identity(store.op or "", var.dtype)))
            after.append(replace(store, expr=var, op=None if first else store.op))
            loop = _replaced(loop, store, ir.Update(var, store.op or "", store.expr))
    made += [loop, *after]


def _taken(made: list[ir.Stmt], store: ir.Store, cells: Cells) -> ir.Const | None:
    """The constant that the block stored into the element last, and which is not stored any more."""
    cell = cells.get(store.buffer.root, store.buffer.root)
    for k in range(len(made) - 1, -1, -1):
        s = made[k]
        if isinstance(s, ir.Store) and (s.buffer, s.index) == (store.buffer, store.index):
            if s.op is None and isinstance(s.expr, ir.Const):
                del made[k]
                return s.expr
            return None
        if any(cell in part for part in touched([s], cells)):
            return None
    return None


def _is_sum(store: ir.Store, loop: ir.Loop, inner: set[ir.Var], cells: Cells) -> bool:
    """Does the loop do nothing with this memory but add to one element?"""
    cell = cells.get(store.buffer.root, store.buffer.root)
    alone = [a for a in accesses(loop.body, cells) if a.cell is cell]
    moving = {p for i in store.index for p in ir.subexpressions(i)} & inner
    fixed = not moving and not any(
        isinstance(p, ir.Load) for i in store.index for p in ir.subexpressions(i)
    )
    return store.op in IDENTITY and fixed and len(alone) == 2  # one read, one written


def _replaced(loop: ir.Loop, old: ir.Stmt, new: ir.Stmt) -> ir.Loop:
    body = (
        new if s is old else _replaced(s, old, new) if isinstance(s, ir.Loop) else s
        for s in loop.body
    )  # fmt: skip
    return replace(loop, body=tuple(body))


def identity(op: str, dtype: str) -> ir.Const:
    """What changes nothing under an operation."""
    value = IDENTITY[op]
    if dtype.startswith("int") and isinstance(value, float):
        bits = int(dtype[3:]) - 1
        return ir.Const(-(2**bits) if value < 0 else 2**bits - 1, dtype)
    return ir.Const(value if dtype.startswith("int") else float(value), dtype)
