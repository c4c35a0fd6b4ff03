"""Items of a program as kernels: the text of each, and over what it is launched."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codegen import ir
from codegen.cuda import clock, one_block, products
from codegen.cuda.blocks import Block, sums_of
from codegen.cuda.clock import FIELDS, STATUS, at
from codegen.cuda.nests import Cells, Nest, given, nests, used
from codegen.cuda.printer import CudaPrinter, dealt_out, turns
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count

LONG = 64  # turns of inner loops that are worth a block of threads
NOTES = 6  # lines of a note that are shown
Part = tuple[Nest | ir.Item, ir.Item]  # and the item that it is, or is a piece of


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

    def run(self, items: Sequence[ir.Item]) -> list[Kernel]:
        """The kernels of items, none of them a repeat, in the order in which they are launched.

        Neighbours that one block has done in no time are one kernel: a launch costs more than they do.
        """
        made: list[Kernel] = []
        for small, parts in itertools.groupby(self._parts(items), self._is_small):
            found = list(parts)
            if small and len(found) > 1:
                made.append(self._together(found))  # type: ignore[arg-type]
            else:
                made += [self._alone(part, item.note) for part, item in found]
        return made

    def _parts(self, items: Sequence[ir.Item]) -> Iterator[Part]:
        for item in items:
            found = nests(item, self.cells) if isinstance(item, ir.Kernel) else (item,)
            yield from ((part, item) for part in found)

    def _is_small(self, part: Part) -> bool:
        """One block's work: nothing is left to others, or hardly enough for its threads."""
        nest, _ = part
        if not isinstance(nest, Nest):
            return False
        each = sum(turns_of(s) for s in nest.body if isinstance(s, ir.Loop))
        work = count(f.extent for f in nest.free)
        few = isinstance(work, ir.Const) and int(work.value) * max(1, each) <= 4 * self.shape.lanes
        return few or not nest.free

    def _alone(self, part: Nest | ir.Item, note: str) -> Kernel:
        if isinstance(part, Nest):
            return self._nest(part, note)
        if isinstance(part, ir.MatMul):
            return self._product(part)
        if isinstance(part, ir.ArgSort):
            return self._argsort(part)
        assert isinstance(part, ir.Guard), part
        return self._guard(part)

    def _nest(self, nest: Nest, note: str) -> Kernel:
        if _is_for_blocks(nest, self.cells):
            block = self._block()
            body = block.body(nest.body, 2)
            way = ("cuda.blockIdx.x", "cuda.gridDim.x")
            lines = [*self._shared(block), *turns(self.printer, nest.free, body, 1, *way)]
            return self._kernel(note, nest.body, nest.free, lines, 1)
        body = self.printer.body(nest.body, 2)
        lines = turns(self.printer, nest.free, body, 1, "cuda.grid(1)", "cuda.gridsize(1)")
        return self._kernel(note, nest.body, nest.free, lines, self.shape.lanes)

    def _together(self, parts: list[tuple[Nest, ir.Item]]) -> Kernel:
        """One block does all of it, item after item: temps of two may lie in the same memory."""
        block, body = self._block(), []
        for item, pieces in itertools.groupby(parts, lambda part: part[1]):
            body += block.wait(2) if body else []
            body += [f"        # {line}" for line in item.note.splitlines()[:NOTES]]
            for nest, _ in pieces:
                body += block.body(nest.whole, 2)
        lines = [*self._shared(block), *turns(self.printer, (), body, 1, "cuda.blockIdx.x", "")]
        return self._kernel("", tuple(s for n, _ in parts for s in n.whole), (), lines, 1)

    def in_one_block(self, program: ir.Program) -> Kernel:
        """All steps of a run."""
        block = self._block()
        lines = one_block.run(self.printer, block, program)
        made = self._shared(block) + lines
        touched = [b for i in program.items for b in (*ir.reads(i), *ir.writes(i))]
        body = tuple(s for i in program.items if isinstance(i, ir.Kernel) for s in i.body)
        once, own = ((ir.ONE, 1),), frozenset(self._driven)
        return self._made("", made, tuple(touched), (), once, self.shape.lanes, body, own)

    def _block(self) -> Block:
        return Block(self.printer, self.cells, self.shape.lanes)

    def _shared(self, block: Block) -> list[str]:
        """What a block needs at the top of a kernel, once its text is written."""
        self.trees |= block.trees
        rows = (
            f"    row_{d} = cuda.shared.array({self.shape.lanes}, {d})" for d in sorted(block.rows)
        )
        return ["    lane = cuda.threadIdx.x", *rows]

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
        work = max((count(b.shape) for b in guard.buffers), key=turns_of)
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
        body: tuple[ir.Stmt, ...] = (), own: frozenset[str] = frozenset(),
    ) -> Kernel:  # fmt: skip
        """The function around its lines: what it takes, what it reads from the clock.

        own: the numbers of the clock that the lines read by themselves; so they do with its status.
        """
        self._count += 1
        name = f"kernel{self._count}"
        buffers = tuple(dict.fromkeys(buffers))
        needed = (used(body) | set(_sizes(free, buffers))) - given(body) - {f.var for f in free}
        names = {v.name: v for v in sorted(needed, key=lambda v: v.name) if v.name not in own}
        driven = {n: field for n, field in self._driven.items() if n in names}
        numbers = tuple(v for n, v in names.items() if n not in driven)
        taken = ", ".join(["clock", *(b.name for b in buffers), *(v.name for v in numbers)])
        head = [f"def {name}({taken}):", *(f"    # {s}" for s in note.splitlines()[:NOTES])]
        if self.guarded and not own:
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
    return sum(map(turns_of, shared)) >= LONG and len(shared) == len(loops)


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
