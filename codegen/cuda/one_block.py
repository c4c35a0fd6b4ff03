"""A whole run of a small program in one block: no launch between two items, nor between two steps.

All threads go through the steps together; items are dealt out to them one after the other, and they
wait for each other after each. The items of a repeat stand once, in a loop over its rows. For networks
so small that launches would take most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from codegen import ir
from codegen.cuda import guards, repeats
from codegen.cuda.blocks import Block
from codegen.cuda.clock import at
from codegen.cuda.products import by_tiles, extents, finished, tile_in_block
from codegen.cuda.tiles import Tile
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count
from codegen.passes.resize import written_out
from codegen.registers import flat

MOST = 1 << 20  # turns of inner loops in a step, a run-time number counted as 64


def fits(program: ir.Program) -> bool:
    """Is the program a step over batches, small, and of items that a block can deal out?"""
    known = all(isinstance(i, (ir.Kernel, ir.MatMul, ir.Guard)) for i in flat(program.items))
    return bool(known and program.batches) and sum(map(_work, written_out(program).items)) <= MOST


def _work(item: ir.Item) -> int:
    if isinstance(item, ir.Repeat):
        return len(item.table) * sum(map(_work, item.items))
    if isinstance(item, ir.Guard):
        return sum(turns_of(count(b.shape)) for b in item.buffers)
    return sum(turns_of(s) for s in statements(item) if isinstance(s, ir.Loop))


class Run:
    """The text of a run, and what it needs at the top of its kernel."""

    def __init__(self, block: Block, program: ir.Program, tiles: Sequence[Tile]) -> None:
        self._block, self._program = block, program
        self._tiles = [t for t in tiles if t.threads == block.lanes]  # all of the block multiply
        self.room = 0  # elements of shared memory that products need
        self.lines = self._lines()

    @cached_property
    def dtype(self) -> str:
        """That of products by tiles: a name stands for arrays of one dtype."""
        found = (i for i in flat(self._program.items) if isinstance(i, (ir.MatMul, ir.Fused)))
        return next((_product(i).out.dtype for i in found), "float32")

    def _lines(self) -> list[str]:
        assert self._program.batches is not None
        rows = self._program.batches.rows.name
        return [
            "    seed = " + at("seed"),
            "    total = " + at("total"),
            "    now = " + at("now"),
            "    last = " + at("last"),
            "    while now < last:",
            f"        start = now * {at('batch')}",
            f"        step = {at('time')} + now",
            f"        {rows} = min({at('batch')}, total - start)",
            "        now += 1",
            *(line for item in self._program.items for line in self._item(item)),
        ]

    def _item(self, item: ir.Item) -> list[str]:
        notes = [f"        # {line}" for line in item.note.splitlines()]
        if isinstance(item, ir.Repeat):
            return ["", *notes, *self._repeat(item)]
        return ["", *notes, *self._body(item, 2), *self._block.wait(2)]

    def _repeat(self, repeat: ir.Repeat) -> list[str]:
        printer = self._block.printer
        lines = repeats.head(printer, repeat, 2)
        for item in repeat.items:
            lines += ["", *(f"            # {line}" for line in item.note.splitlines())]
            lines += repeats.places(printer, repeat, item, 3)
            lines += [*self._body(item, 3), *self._block.wait(3)]
        return lines

    def _body(self, item: ir.Item, depth: int) -> list[str]:
        """What the threads do before they wait for each other."""
        if isinstance(item, ir.Guard):
            return guards.in_block(self._block, item)
        if isinstance(item, (ir.MatMul, ir.Fused)) and _product(item).out.dtype == self.dtype:
            tile = tile_in_block(_product(item), self._tiles)
            if tile is not None:
                return self._by_tiles(item, tile, depth)
        return self._block.body(statements(item), depth)

    def _by_tiles(self, item: ir.MatMul | ir.Fused, tile: Tile, depth: int) -> list[str]:
        self.room, printer = max(self.room, tile.room), self._block.printer
        after = finished(printer, item) if isinstance(item, ir.Fused) else None
        lines = by_tiles(printer, _product(item), tile, after, "0", "1")
        return ["    " * (depth - 1) + line for line in lines]


def _product(item: ir.MatMul | ir.Fused) -> ir.MatMul:
    return item.product if isinstance(item, ir.Fused) else item


def statements(item: ir.Item) -> Sequence[ir.Stmt]:
    """An item as loops; a guard is none."""
    if isinstance(item, (ir.MatMul, ir.Fused)):
        return (_as_loops(item),)
    return item.body if isinstance(item, ir.Kernel) else ()


def _as_loops(item: ir.MatMul | ir.Fused) -> ir.Loop:
    """A product as loops: an element of the result is one thread's."""
    product = _product(item)
    name, dtype = product.out.name, product.out.dtype
    row, column, k = (ir.Var(f"{n}_{name}", "int64") for n in ("row", "column", "term"))
    value = ir.Var(f"value_{name}", dtype)
    a = ir.Load(product.a, (k, row) if product.ta else (row, k))
    b = ir.Load(product.b, (column, k) if product.tb else (k, column))
    rows, columns, inner = extents(product)
    term = ir.Update(value, "add", ir.Apply("mul", (a, b), dtype))
    store, after = (ir.Store(product.out, (row, column), value),), ()
    if isinstance(item, ir.Fused):
        store = store if item.kept else ()
        after = ir.rename(item.body, {item.row: row, item.column: column, item.value: value})
    element = (ir.Let(value, ir.Const(0.0, dtype)), ir.Loop(k, inner, (term,)), *store, *after)
    return ir.Loop(row, rows, (ir.Loop(column, columns, element),))
