"""Loops whose turns depend on nothing that another turn does stand outermost.

A sum over rows, for each column, is lowered row by row, as a CPU reads it best. With the columns
outside it is free work for as many threads, and meets what else is done for each column.
"""

from __future__ import annotations

from dataclasses import replace

from codegen import ir
from codegen.passes.free import cells_of, is_free


def interchange(program: ir.Program) -> ir.Program:
    """In nests of loops that hold nothing but the next one, the free loops first."""
    cells = cells_of(program)

    def moved(s: ir.Stmt) -> ir.Stmt:
        if not isinstance(s, ir.Loop):
            return s
        loops = _chain(s)
        free = [loop for loop in loops if is_free(loop, s, cells)]
        body = loops[-1].body
        for loop in reversed([*free, *(x for x in loops if x not in free)]):
            body = (replace(loop, body=body),)
        return body[0]

    return program.with_items(
        replace(i, body=tuple(map(moved, i.body))) if isinstance(i, ir.Kernel) else i
        for i in program.items
    )


def _chain(loop: ir.Loop) -> list[ir.Loop]:
    """Loops of which each holds nothing but the next one."""
    loops = [loop]
    while len(loops[-1].body) == 1 and isinstance(loops[-1].body[0], ir.Loop):
        loops.append(loops[-1].body[0])
    return loops
