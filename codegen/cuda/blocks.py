"""What one block of threads does together: loops dealt out to its threads, sums over all of them.

Every thread runs the same text. A loop is *dealt out* where its turns are independent: thread t takes
turns t, t + lanes, … A loop that only adds up scalars is dealt out too, and what the threads have is
added in the order of a tree, the same in each run. Any other loop all threads run *together*, and deal
out what is in it. A single element is written by one thread. Threads wait for each other where one is
to touch what another wrote, or to write what another still reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from codegen import ir
from codegen.cuda.nests import nest_of
from codegen.cuda.printer import CudaPrinter, dealt_out, turns
from codegen.passes.accumulate import identity
from codegen.passes.free import Cells, sums_of, touched

INDENT = "    "
WAIT = "cuda.syncthreads()"
TREES = '''@device
def all_{op}(row, lane, value):
    """The values of all threads put together, in the order of a tree; every thread gets the result."""
    row[lane] = value
    cuda.syncthreads()
    half = {half}
    while half > 0:
        if lane < half:
            row[lane] = {combined}
        cuda.syncthreads()
        half = half // 2
    result = row[0]
    cuda.syncthreads()
    return result
'''
COMBINED = {
    "add": "row[lane] + row[lane + half]",
    "mul": "row[lane] * row[lane + half]",
    "maximum": "maximum(row[lane], row[lane + half])",
    "minimum": "minimum(row[lane], row[lane + half])",
}


def tree(op: str, lanes: int) -> str:
    """The function that puts together what all threads of a block have."""
    return TREES.format(op=op, half=lanes // 2, combined=COMBINED[op])


class Block:
    """Writes statements for a block; notes what they need besides."""

    def __init__(self, printer: CudaPrinter, cells: Cells, lanes: int) -> None:
        self.printer, self.cells, self.lanes = printer, cells, lanes
        self.trees: set[str] = set()  # operations of which a tree is called
        self.rows: set[str] = set()  # dtypes of which a row of shared memory is needed
        self._read: set[ir.Buffer] = set()  # by any thread since all waited
        self._written: set[ir.Buffer] = set()

    def body(self, body: Iterable[ir.Stmt], depth: int) -> list[str]:
        lines: list[str] = []
        for s in body:
            lines += self._wait_for(s, depth)
            lines += self._statement(s, depth)
        return lines

    def _statement(self, s: ir.Stmt, depth: int) -> list[str]:
        pad = INDENT * depth
        if isinstance(s, ir.Loop):
            return self._loop(s, depth)
        line = self.printer.statement(s)
        if isinstance(s, ir.Store):
            return [f"{pad}if lane == 0:", f"{pad}{INDENT}{line}"]
        return [pad + line]

    def _loop(self, loop: ir.Loop, depth: int) -> list[str]:
        nest = nest_of((loop,), self.cells)
        if nest.free:
            body, lanes = self.printer.body(nest.body, depth + 1), str(self.lanes)
            return turns(self.printer, nest.free, body, depth, "lane", lanes)
        sums = sums_of(loop, self.cells)
        if sums is not None:
            return self._added_up(loop, sums, depth)
        pad, (reads, writes) = INDENT * depth, touched(loop.body, self.cells)
        self._read, self._written = set(reads), set(writes)  # by the turn before
        inner = self.body(loop.body, depth + 1)
        self._read, self._written = self._read | reads, self._written | writes
        head = f"for {loop.var.name} in range({self.printer.bare(loop.extent)}):"
        return [pad + head, *inner]

    def _added_up(self, loop: ir.Loop, sums: dict[ir.Var, str], depth: int) -> list[str]:
        pad = INDENT * depth
        lines, after = [], []
        for var, op in sums.items():
            part = ir.Var(f"my_{var.name}", var.dtype)
            lines.append(f"{pad}{part.name} = {self.printer.const(identity(op, var.dtype))}")
            whole = f"all_{op}(row_{var.dtype}, lane, {part.name})"
            self.trees.add(op)
            self.rows.add(var.dtype)
            after.append(pad + f"{var.name} = {self._combined(op, var.name, whole)}")
        body = _on_parts(loop.body, set(sums))
        extent = self.printer.bare(loop.extent)
        inner, lanes = self.printer.body(body, depth + 1), str(self.lanes)
        return [*lines, *dealt_out(depth, loop.var.name, extent, inner, "lane", lanes), *after]

    def _combined(self, op: str, a: str, b: str) -> str:
        if op in ("maximum", "minimum"):
            self.printer.helpers.add(op)
            return f"{op}({a}, {b})"
        return f"{a} {'+' if op == 'add' else '*'} {b}"

    def _wait_for(self, s: ir.Stmt, depth: int) -> list[str]:
        """Wait where this statement meets what was touched since the last time."""
        reads, writes = touched([s], self.cells)
        late = bool(self._written & (reads | writes)) or bool(self._read & writes)
        lines = self.wait(depth) if late else []
        self._read, self._written = self._read | reads, self._written | writes
        return lines

    def wait(self, depth: int) -> list[str]:
        """All threads come here before one goes on."""
        self._read, self._written = set(), set()
        return [INDENT * depth + WAIT]


def _on_parts(body: tuple[ir.Stmt, ...], sums: set[ir.Var]) -> tuple[ir.Stmt, ...]:
    return ir.rename(body, {v: ir.Var(f"my_{v.name}", v.dtype) for v in sums})
