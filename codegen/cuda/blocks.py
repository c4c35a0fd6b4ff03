"""What one block of threads does together: loops dealt out to its threads, sums over all of them.

Every thread runs the same text. A loop is *dealt out* where its turns are independent: thread t takes
turns t, t + lanes, … A loop that only adds up scalars is dealt out too, and what the threads have is
added in the order of a tree, the same in each run. Where turns have loops in them, threads may stand as
a table: several turns at once, each by several threads (`tables.py`). Any other loop all threads run
*together*, and deal out what is in it. A single element is written by one thread. Threads wait for each
other where one is to touch what another wrote, or to write what another still reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from codegen import ir
from codegen.cuda import tables
from codegen.cuda.nests import Nest, nest_of
from codegen.cuda.printer import CudaPrinter, turns, unflattened
from codegen.cuda.tables import Table
from codegen.javascript.printer import count
from codegen.passes.accumulate import identity
from codegen.passes.free import Cells, sums_of, touched

INDENT = "    "
WAIT = "cuda.syncthreads()"
NOBODY = 1 << 40  # a place beyond the end of every loop
TREES = '''@device
def {name}(row, lane, value):
    """{what}, put together in the order of a tree; every thread gets the result."""
    row[lane] = value
    cuda.syncthreads()
    half = {half}
    while half >= {least}:
        if {works}:
            row[lane] = {combined}
        cuda.syncthreads()
        half = half // 2
    result = row[{own}]
    cuda.syncthreads()
    return result
'''
Tree = tuple[str, Table]  # an operation, and how the threads stand
COMBINED = {
    "add": "row[lane] + row[lane + half]",
    "mul": "row[lane] * row[lane + half]",
    "maximum": "maximum(row[lane], row[lane + half])",
    "minimum": "minimum(row[lane], row[lane + half])",
}


def tree(op: str, table: Table) -> str:
    """The function that puts together what the threads of each turn have."""
    turns, each = table.turns, table.each
    if table.apart:
        what, half, least = f"What threads {turns} apart have", each // 2 * turns, turns
        works, own = "lane < half", f"lane % {turns}"
    elif turns > 1:
        what, half, least = f"What {each} neighbours have", each // 2, 1
        works, own = f"lane % {each} < half", f"lane - lane % {each}"
    else:
        what, half, least = "What all threads have", each // 2, 1
        works, own = "lane < half", "0"
    return TREES.format(
        name=_tree(op, table), what=what, half=half, least=least, works=works, own=own,
        combined=COMBINED[op],
    )  # fmt: skip


def _tree(op: str, table: Table) -> str:
    """Its name."""
    if table.apart:
        return f"all_{op}_by_{table.turns}"
    return f"all_{op}_of_{table.each}" if table.turns > 1 else f"all_{op}"


class Block:
    """Writes statements for a block; notes what they need besides.

    table: how its threads stand, if they do not all work on the same turn.
    """

    def __init__(
        self, printer: CudaPrinter, cells: Cells, lanes: int, table: Table | None = None
    ) -> None:
        self.printer, self.cells, self.lanes = printer, cells, lanes
        self._table, self._lane = table or Table(1, lanes), "part" if table else "lane"
        self._whole = table is None
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
            return [f"{pad}if {self._lane} == 0:", f"{pad}{INDENT}{line}"]
        return [pad + line]

    def _loop(self, loop: ir.Loop, depth: int) -> list[str]:
        nest = nest_of((loop,), self.cells)
        if nest.free and self._whole and (table := tables.in_block(nest, self.lanes, self.cells)):
            return self.as_table(nest, table, depth)
        if nest.free:
            body, each = self.printer.body(nest.body, depth + 1), str(self._table.each)
            return turns(self.printer, nest.free, body, depth, self._lane, each)
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
            whole = f"{_tree(op, self._table)}(row_{var.dtype}, lane, {part.name})"
            self.trees.add((op, self._table))
            self.rows.add(var.dtype)
            after.append(pad + f"{var.name} = {self._combined(op, var.name, whole)}")
        chain = _chain(loop, self.cells)
        body = _on_parts(chain[-1].body, set(sums))
        inner, each = self.printer.body(body, depth + 1), str(self._table.each)
        dealt = turns(self.printer, chain, inner, depth, self._lane, each)
        return [*lines, *dealt, *after]

    def as_table(
        self, nest: Nest, table: Table, depth: int, first: str = "0", blocks: str = ""
    ) -> list[str]:  # fmt: skip
        """The turns of the free loops from `first` on, so many at once.

        A thread beyond the last turn looks at that one, as all must come to the barriers, and has no
        part in it.
        """
        inner = Block(self.printer, self.cells, self.lanes, table)
        pad, work = INDENT * depth, count(f.extent for f in nest.free)
        body = inner.body(nest.body, depth + 1)
        self.trees |= inner.trees
        self.rows |= inner.rows
        return [
            f"{pad}own = {table.own}",
            f"{pad}work = {self.printer.bare(work)}",
            f"{pad}first = int64({first})",
            f"{pad}while first < work:",
            f"{pad}    turn = min(first + own, work - 1)",
            f"{pad}    part = int64({table.part}) if first + own < work else int64({NOBODY})",
            *unflattened(self.printer, nest.free, "turn", depth + 1),
            *body,
            f"{pad}    first += {blocks}{table.turns}",
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


def _chain(loop: ir.Loop, cells: Cells) -> list[ir.Loop]:
    """Loops of which each holds nothing but the next one, which adds up the same: dealt out as one."""
    chain = [loop]
    while len(body := chain[-1].body) == 1 and isinstance(body[0], ir.Loop):
        if not sums_of(body[0], cells):
            break
        chain.append(body[0])
    return chain


def _on_parts(body: tuple[ir.Stmt, ...], sums: set[ir.Var]) -> tuple[ir.Stmt, ...]:
    return ir.rename(body, {v: ir.Var(f"my_{v.name}", v.dtype) for v in sums})
