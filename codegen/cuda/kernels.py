"""Items of a program as kernels: the text of each, and over what it is launched."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codegen import ir
from codegen.cuda import guards, one_block, products, repeats, sorting, tables, tiles
from codegen.cuda.blocks import Block, Tree
from codegen.cuda.function import NOTES, Body, Functions, Kernel, sizes_in
from codegen.cuda.nests import Nest, nests
from codegen.cuda.printer import CudaPrinter, turns
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count
from codegen.passes.free import cells_of, given, used
from codegen.registers import flat

BLOCKS, THREADS = ("cuda.blockIdx.x", "cuda.gridDim.x"), ("cuda.grid(1)", "cuda.gridsize(1)")
ONCE = ((ir.ONE, 1),)  # one block
Part = tuple[Nest | ir.Item, ir.Item]  # and the item that it is, or is a piece of


@dataclass(frozen=True)
class Shape:
    """How many threads work together. The simulator takes small blocks: its threads are Python's."""

    lanes: int  # threads of a block; a power of two
    tiles: tuple[tiles.Tile, ...]  # that a product may be cut into


GPU = Shape(256, tiles.GPU)
SIMULATOR = Shape(4, tiles.SIMULATOR)


class Writer:
    """Writes the kernels of one program; collects what all of them need."""

    def __init__(self, program: ir.Program, shape: Shape) -> None:
        guarded = any(isinstance(i, ir.Guard) for i in flat(program.items))
        self.cells, self.shape = cells_of(program), shape
        self.printer, self.functions = CudaPrinter(), Functions(program, guarded)
        self.trees: set[Tree] = set()

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
        touched, lanes = (*ir.reads(part), *ir.writes(part)), self.shape.lanes
        if isinstance(part, ir.MatMul):
            body = products.product(self.printer, part, self.shape.tiles)
            reads = sizes_in(products.extents(part))
        elif isinstance(part, ir.Fused):
            after = products.finished(self.printer, part)
            body = products.product(self.printer, part.product, self.shape.tiles, after)
            own = _numbers(part.body) - {part.row, part.column, part.value}
            reads = [*sizes_in(products.extents(part.product)), *own]
        elif isinstance(part, ir.ArgSort):
            body = sorting.argsort(self.printer, part, lanes)
            reads = sizes_in(part.a.shape)
        else:
            assert isinstance(part, ir.Guard), part
            body, note = guards.kernel(self.printer, part, lanes), guards.NOTE
            reads = sizes_in(d for b in part.buffers for d in b.shape)
        sets = ("status",) if isinstance(part, ir.Guard) else ()
        made = self.functions.make(note, body, touched, reads, ir.writes(part), sets)
        return replace(made, product=part) if self._may_leave(part) else made

    def _may_leave(self, part: ir.Item) -> bool:
        """Is it a product that a library may do? A library does not know that a guard ended the run."""
        guarded = self.functions.guarded
        return isinstance(part, ir.MatMul) and not (guarded and part.out.root.role != "temp")

    def _nest(self, nest: Nest, note: str) -> Kernel:
        table = tables.of_grid(nest, self.shape.lanes, self.cells) if nest.free else None
        if table:
            block, each = self._block(), table.turns
            first, blocks = f"cuda.blockIdx.x * {each}", "cuda.gridDim.x * "
            body = block.as_table(nest, table, 1, first, blocks)
            lines = [*self._shared(block), *body]
        elif _is_for_block(nest):
            block = self._block()
            body, each = block.body(nest.body, 2), 1
            lines = [*self._shared(block), *turns(self.printer, nest.free, body, 1, *BLOCKS)]
        else:
            body, each = self.printer.body(nest.body, 2), self.shape.lanes
            lines = turns(self.printer, nest.free, body, 1, *THREADS)
        work = count(f.extent for f in nest.free)
        reads = {*_numbers(nest.body), *sizes_in([work])} - {f.var for f in nest.free}
        made = Body(lines, ((work, each),), self.shape.lanes)
        return self.functions.make(note, made, _buffers(nest.body), reads, _written(nest.body))

    def _together(self, parts: list[tuple[Nest, ir.Item]]) -> Kernel:
        """One block does all of it, item after item: temps of two may lie in the same memory."""
        block, body = self._block(), []
        for item, pieces in itertools.groupby(parts, lambda part: part[1]):
            body += block.wait(2) if body else []
            body += [f"        # {line}" for line in item.note.splitlines()[:NOTES]]
            for nest, _ in pieces:
                body += block.body(nest.whole, 2)
        lines = [*self._shared(block), *turns(self.printer, (), body, 1, *BLOCKS)]
        whole = tuple(s for nest, _ in parts for s in nest.whole)
        made = Body(lines, ONCE, self.shape.lanes)
        return self.functions.make("", made, _buffers(whole), _numbers(whole), _written(whole))

    def in_one_block(self, program: ir.Program) -> Kernel:
        """All steps of a run."""
        block = self._block()
        run = one_block.Run(block, program, self.shape.tiles)
        room = [f"    shared = cuda.shared.array({run.room}, {run.dtype}, 16)"] if run.room else []
        made = Body([*self._shared(block), *room, *run.lines], ONCE, self.shape.lanes)
        body = tuple(s for i in flat(program.items) for s in one_block.statements(i))
        found = [i for i in program.items if isinstance(i, ir.Repeat)]
        reads, writes = (
            [b for i in program.items for b in repeats.arrays(i, touched)]
            for touched in (ir.reads, ir.writes)
        )
        numbers = _numbers(body).union(*map(repeats.strides, found))
        numbers -= {v for i in found for v in i.sizes}
        taken = [*(i.offsets for i in found), *reads, *writes]
        return self.functions.make("", made, taken, numbers, writes, ("status",), keeps_time=True)

    def _block(self) -> Block:
        return Block(self.printer, self.cells, self.shape.lanes)

    def _shared(self, block: Block) -> list[str]:
        """What a block needs at the top of a kernel, once its text is written."""
        self.trees |= block.trees
        rows = (
            f"    row_{d} = cuda.shared.array({self.shape.lanes}, {d})" for d in sorted(block.rows)
        )
        return ["    lane = cuda.threadIdx.x", *rows]


def _buffers(body: Sequence[ir.Stmt]) -> list[ir.Buffer]:
    return [e.buffer for e in ir.loads(body)] + _written(body)


def _written(body: Sequence[ir.Stmt]) -> list[ir.Buffer]:
    return [s.buffer for s in ir.stores(body)]


def _numbers(body: Sequence[ir.Stmt]) -> set[ir.Var]:
    """The scalars that statements read and others give."""
    return used(body) - given(body)


# ------------------------------------------------------------------ threads or blocks


def _is_for_block(nest: Nest) -> bool:
    """Is it a single turn with loops in it?"""
    return not nest.free and any(isinstance(s, ir.Loop) for s in nest.body)
