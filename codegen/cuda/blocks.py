"""What one block of threads does together: loops dealt out to its threads, sums over all of them.

Every thread runs the same text. A loop is *dealt out* where its turns are independent: thread t takes
turns t, t + lanes, … A loop that only adds up scalars is dealt out too, and what the threads have is
added in the order of a tree, the same in each run. Where there are few sums, or each goes down a column
of a matrix, the threads are a table: some columns side by side, and several threads for each of them.
Any other loop all threads run *together*, and deal out what is in it. A single element is written by
one thread. Threads wait for each other where one is to touch what another wrote, or to write what
another still reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from codegen import ir
from codegen.cuda import columns
from codegen.cuda.nests import Nest, nest_of
from codegen.cuda.printer import CudaPrinter, dealt_out, turns, unflattened
from codegen.javascript.printer import count
from codegen.passes.accumulate import identity
from codegen.passes.free import Cells, sums_of, touched

INDENT = "    "
WAIT = "cuda.syncthreads()"
TREES = '''@device
def all_{op}{by}(row, lane, value):
    """{what}, put together in the order of a tree; every thread gets the result."""
    row[lane] = value
    cuda.syncthreads()
    half = {half}
    while half >= {side}:
        if lane < half:
            row[lane] = {combined}
        cuda.syncthreads()
        half = half // 2
    result = row[{own}]
    cuda.syncthreads()
    return result
'''
Tree = tuple[str, int]  # an operation, and how many columns are side by side
COMBINED = {
    "add": "row[lane] + row[lane + half]",
    "mul": "row[lane] * row[lane + half]",
    "maximum": "maximum(row[lane], row[lane + half])",
    "minimum": "minimum(row[lane], row[lane + half])",
}


def tree(op: str, side: int, lanes: int) -> str:
    """The function that puts together what all threads of a block have, or those of each column."""
    what, own = ("What all threads have", "0") if side == 1 else (
        f"What threads {side} apart have", f"lane % {side}",
    )  # fmt: skip
    return TREES.format(
        op=op, by=_by(side), what=what, half=lanes // 2, side=side, combined=COMBINED[op], own=own
    )


def _by(side: int) -> str:
    return f"_by_{side}" if side > 1 else ""


class Block:
    """Writes statements for a block; notes what they need besides.

    side: columns that are side by side; for each of them lanes / side threads, of whom `lane` names
    the own one. The one for whom `leads` is true writes single elements.
    """

    def __init__(
        self, printer: CudaPrinter, cells: Cells, lanes: int, side: int = 1, lane: str = "lane",
        leads: str = "lane == 0",
    ) -> None:  # fmt: skip
        self.printer, self.cells, self.lanes = printer, cells, lanes
        self._side, self._lane, self._leads = side, lane, leads
        self.trees: set[Tree] = set()  # that are called
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
            return [f"{pad}if {self._leads}:", f"{pad}{INDENT}{line}"]
        return [pad + line]

    def _loop(self, loop: ir.Loop, depth: int) -> list[str]:
        nest = nest_of((loop,), self.cells)
        if nest.free and (side := columns.side_in_block(nest, self.lanes, self.cells)):
            return self.by_columns(nest, side, depth, "0", str(side))
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
            whole = f"all_{op}{_by(self._side)}(row_{var.dtype}, lane, {part.name})"
            self.trees.add((op, self._side))
            self.rows.add(var.dtype)
            after.append(pad + f"{var.name} = {self._combined(op, var.name, whole)}")
        body = _on_parts(loop.body, set(sums))
        extent = self.printer.bare(loop.extent)
        inner, lanes = self.printer.body(body, depth + 1), str(self.lanes // self._side)
        dealt = dealt_out(depth, loop.var.name, extent, inner, self._lane, lanes)
        return [*lines, *dealt, *after]

    def by_columns(self, nest: Nest, side: int, depth: int, first: str, step: str) -> list[str]:
        """`side` turns of the free loops side by side.

        A thread beyond the last turn does that one again, as all must come to the barriers, and keeps
        what it has to itself.
        """
        table = Block(
            self.printer, self.cells, self.lanes, side, "part", "part == 0 and first + own < work"
        )
        pad, work = INDENT * depth, count(f.extent for f in nest.free)
        body = table.body(nest.body, depth + 1)
        self.trees |= table.trees
        self.rows |= table.rows
        return [
            f"{pad}own = lane % {side}",
            f"{pad}part = lane // {side}",
            f"{pad}work = {self.printer.bare(work)}",
            f"{pad}first = int64({first})",
            f"{pad}while first < work:",
            f"{pad}    turn = min(first + own, work - 1)",
            *unflattened(self.printer, nest.free, "turn", depth + 1),
            *body,
            f"{pad}    first += {step}",
        ]

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
