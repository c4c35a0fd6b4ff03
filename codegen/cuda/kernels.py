"""Items of a program as kernels: the text of each, and over what it is launched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codegen import ir
from codegen.cuda import clock, products
from codegen.cuda.blocks import Block, sums_of
from codegen.cuda.clock import FIELDS, STATUS, at
from codegen.cuda.nests import Cells, Nest, given, nests, used
from codegen.cuda.printer import CudaPrinter, dealt_out
from codegen.javascript.printer import count

LONG = 64  # turns of inner loops that are worth a block of threads
UNKNOWN = 64  # turns of a loop whose extent is a run-time number, for that choice
NOTES = 6  # lines of a note that are shown


@dataclass(frozen=True)
class Shape:
    """How many threads work together. The simulator takes small blocks: its threads are Python's."""

    lanes: int  # threads of a block; a power of two
    tile: products.Tile


GPU = Shape(256, products.Tile(64, 64, 16, 4, 4, ", 16"))
SIMULATOR = Shape(4, products.Tile(4, 8, 4, 2, 4, ""))


@dataclass(frozen=True, eq=False)
class Kernel:
    """A function of the module: what it takes after the clock, and how its work is dealt out."""

    name: str
    lines: tuple[str, ...]
    buffers: tuple[ir.Buffer, ...]
    numbers: tuple[ir.Var, ...]
    parts: tuple[
        tuple[ir.Expr, int], ...
    ]  # blocks: the product of all extent / so many, rounded up
    threads: int  # of a block


ADVANCE = Kernel("advance", tuple(clock.ADVANCE.splitlines()), (), (), ((ir.ONE, 1),), 1)


class Writer:
    """Writes the kernels of one program; collects what all of them need."""

    def __init__(self, program: ir.Program, cells: Cells, shape: Shape, guarded: bool) -> None:
        self.cells, self.shape, self.guarded = cells, shape, guarded
        self.printer = CudaPrinter()
        self.trees: set[str] = set()
        self._driven = (
            FIELDS if program.batches else {"seed": FIELDS["seed"], "step": FIELDS["step"]}
        )
        if program.batches:
            self._driven = {**FIELDS, program.batches.rows.name: FIELDS["rows"]}
        self._count = 0

    # -------------------------------------------------- items

    def item(self, item: ir.Item) -> list[Kernel]:
        """The kernels of an item that is no repeat, in the order in which they are launched."""
        if isinstance(item, ir.Kernel):
            return [self._nest(n, item.note) for n in nests(item, self.cells)]
        if isinstance(item, ir.MatMul):
            return [self._product(item)]
        if isinstance(item, ir.ArgSort):
            return [self._argsort(item)]
        assert isinstance(item, ir.Guard), item
        return [self._guard(item)]

    def _nest(self, nest: Nest, note: str) -> Kernel:
        if _is_for_blocks(nest, self.cells):
            return self._by_blocks(nest, note)
        body = self.printer.body(nest.body, 2)
        lines = self._turns(nest, body, "cuda.grid(1)", "cuda.gridsize(1)")
        return self._kernel(note, nest.body, nest.free, lines, self.shape.lanes)

    def _by_blocks(self, nest: Nest, note: str) -> Kernel:
        lanes = self.shape.lanes
        block = Block(self.printer, self.cells, lanes)
        body = block.body(nest.body, 2)
        self.trees |= block.trees
        lines = [
            "    lane = cuda.threadIdx.x",
            *(f"    row_{d} = cuda.shared.array({lanes}, {d})" for d in sorted(block.rows)),
            *self._turns(nest, body, "cuda.blockIdx.x", "cuda.gridDim.x"),
        ]
        return self._kernel(note, nest.body, nest.free, lines, 1)

    def _turns(self, nest: Nest, body: list[str], first: str, step: str) -> list[str]:
        """The body for the turns of the free loops from `first` on; the innermost one moves first."""
        if not nest.free:
            return [f"    if {first} == 0:", *body]
        names = [f.var.name for f in nest.free]
        var = names[0] if len(names) == 1 else "turn"
        lines, rest = [], var
        for k, name in enumerate(names[:-1]):
            size = self.printer.part(count(f.extent for f in nest.free[k + 1 :]))
            left = names[-1] if k == len(names) - 2 else f"rest_{name}"
            lines.append(f"        {name} = {rest} // {size}")
            lines.append(f"        {left} = {rest} - {name} * {size}")
            rest = left
        work = self.printer.bare(count(f.extent for f in nest.free))
        return dealt_out(1, var, work, [*lines, *body], first, step)

    def _product(self, item: ir.MatMul) -> Kernel:
        text = products.product(self.printer, item, self.shape.tile, self.shape.lanes)
        extents = products.extents(item)
        free = tuple(ir.Loop(ir.Var("turn", "int64"), e, ()) for e in extents)
        touched = (*ir.reads(item), *ir.writes(item))
        return self._made(item.note, text.lines, touched, free, text.parts, text.threads)

    def _argsort(self, item: ir.ArgSort) -> Kernel:
        return _argsort(self, item)

    def _guard(self, guard: ir.Guard) -> Kernel:
        """A value that is not finite ends the run with this step; all who find one write the same."""
        lines = []
        for b in guard.buffers:
            size = self.printer.bare(count(b.shape))
            body = [
                f"        if not abs({b.name}[uint64(turn)]) < {b.dtype}(np.inf):",
                f"            {at('status')} = {at('now')}",
            ]
            lines += dealt_out(1, "turn", size, body)
        note = "nothing has changed yet: no later kernel does anything if a value is not finite"
        free = tuple(ir.Loop(ir.Var("turn", "int64"), count(b.shape), ()) for b in guard.buffers)
        work = max((count(b.shape) for b in guard.buffers), key=_estimate)
        parts, lanes = ((work, self.shape.lanes),), self.shape.lanes
        return self._made(note, lines, guard.buffers, free, parts, lanes)

    # -------------------------------------------------- a function

    def _kernel(
        self, note: str, body: tuple[ir.Stmt, ...], free: tuple[ir.Loop, ...], lines: list[str],
        each: int,
    ) -> Kernel:  # fmt: skip
        found = [e.buffer for e in ir.loads(body)] + [s.buffer for s in ir.stores(body)]
        buffers = tuple(dict.fromkeys(found))
        work = count(f.extent for f in free)
        return self._made(note, lines, buffers, free, ((work, each),), self.shape.lanes, body)

    def _made(
        self, note: str, lines: Iterable[str], buffers: tuple[ir.Buffer, ...],
        free: tuple[ir.Loop, ...], parts: tuple[tuple[ir.Expr, int], ...], threads: int,
        body: tuple[ir.Stmt, ...] = (),
    ) -> Kernel:  # fmt: skip
        """The function around its lines: what it takes, what it reads from the clock."""
        self._count += 1
        name = f"kernel{self._count}"
        buffers = tuple(dict.fromkeys(buffers))
        needed = (used(body) | set(_sizes(free, buffers))) - given(body) - {f.var for f in free}
        names = {v.name: v for v in sorted(needed, key=lambda v: v.name)}
        driven = {n: field for n, field in self._driven.items() if n in names}
        numbers = tuple(v for n, v in names.items() if n not in driven)
        taken = ", ".join(["clock", *(b.name for b in buffers), *(v.name for v in numbers)])
        head = [f"def {name}({taken}):", *(f"    # {s}" for s in note.splitlines()[:NOTES])]
        if self.guarded:
            head += [f"    if clock[uint64({STATUS})] != 0:", "        return"]
        head += [f"    {n} = clock[uint64({field})]" for n, field in driven.items()]
        return Kernel(name, (*head, *lines), buffers, numbers, parts, threads)


def _sizes(free: tuple[ir.Loop, ...], buffers: tuple[ir.Buffer, ...]) -> Iterator[ir.Var]:
    """The sizes in extents and, for the places of elements, in all axes but the first."""
    for e in (*(f.extent for f in free), *(d for b in buffers for d in b.shape[1:])):
        yield from (p for p in ir.subexpressions(e) if isinstance(p, ir.Var))


# ------------------------------------------------------------------ threads or blocks


def _is_for_blocks(nest: Nest, cells: Cells) -> bool:
    """Is one turn long, and made of loops that a block can deal out to its threads?"""
    loops = [s for s in nest.body if isinstance(s, ir.Loop)]
    if not nest.free:
        return bool(loops)
    shared = [s for s in loops if sums_of(s, cells) is not None]
    return sum(map(_turns, shared)) >= LONG and len(shared) == len(loops)


def _turns(loop: ir.Loop) -> int:
    inner = max((_turns(s) for s in loop.body if isinstance(s, ir.Loop)), default=1)
    return _estimate(loop.extent) * inner


def _estimate(e: ir.Expr) -> int:
    if isinstance(e, ir.Const):
        return int(e.value)
    if isinstance(e, ir.Apply) and e.fn == "mul":
        return _estimate(e.args[0]) * _estimate(e.args[1])
    return UNKNOWN


# ------------------------------------------------------------------ sorting


def _argsort(writer: Writer, item: ir.ArgSort) -> Kernel:
    """Each element counts those that come before it: that is its place. NaN comes last; stable."""
    length = item.a.shape[-1]
    size, a = writer.printer.part(length), item.a.name
    work = count(item.a.shape)
    body = [
        f"        first = turn // {size} * {size}",
        f"        mine = {a}[uint64(turn)]",
        "        before = 0",
        f"        for other in range({size}):",
        f"            value = {a}[uint64(first + other)]",
        "            earlier = first + other < turn",
        "            same = (value == mine) | ((value != value) & (mine != mine))",
        "            less = (value < mine) | ((value == value) & (mine != mine))",
        "            if less | (same & earlier):",
        "                before += 1",
        f"        {item.out.name}[uint64(first + before)] = turn - first",
    ]
    free = (ir.Loop(ir.Var("turn", "int64"), work, ()),)
    lines, lanes = dealt_out(1, "turn", writer.printer.bare(work), body), writer.shape.lanes
    return writer._made(item.note, lines, (item.a, item.out), free, ((work, lanes),), lanes)
