"""A whole run of a small program in one block: no launch between two items, nor between two steps.

All threads go through the steps together; items are dealt out to them one after the other, and they
wait for each other between two. For networks so small that launches would take most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

from codegen import ir
from codegen.cuda import guards
from codegen.cuda.blocks import Block
from codegen.cuda.clock import at
from codegen.cuda.products import extents
from codegen.cuda.work import turns_of
from codegen.javascript.printer import count

MOST = 1 << 20  # turns of inner loops in a step, a run-time number counted as 64


def fits(program: ir.Program) -> bool:
    """Is the program a step over batches, small, and of items that a block can deal out?"""
    known = all(isinstance(i, (ir.Kernel, ir.MatMul, ir.Guard)) for i in program.items)
    return bool(known and program.batches) and sum(map(_work, program.items)) <= MOST


def _work(item: ir.Item) -> int:
    if isinstance(item, ir.Guard):
        return sum(turns_of(count(b.shape)) for b in item.buffers)
    return sum(turns_of(s) for s in statements(item) if isinstance(s, ir.Loop))


def run(block: Block, program: ir.Program) -> list[str]:
    """The lines of the kernel after its head."""
    assert program.batches is not None
    rows = program.batches.rows.name
    body: list[str] = []
    for item in program.items:
        body += ["", *block.wait(2)] if body else []
        body += [f"        # {line}" for line in item.note.splitlines()]
        guard = isinstance(item, ir.Guard)
        body += guards.in_block(block, item) if guard else block.body(statements(item), 2)
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
        *body,
        *block.wait(2),
    ]


def statements(item: ir.Item) -> Sequence[ir.Stmt]:
    """An item as loops; a guard is none."""
    if isinstance(item, ir.MatMul):
        return (_product(item),)
    return item.body if isinstance(item, ir.Kernel) else ()


def _product(item: ir.MatMul) -> ir.Loop:
    """A product as loops: an element of the result is one thread's."""
    name, dtype = item.out.name, item.out.dtype
    row, column, k = (ir.Var(f"{n}_{name}", "int64") for n in ("row", "column", "term"))
    value = ir.Var(f"value_{name}", dtype)
    a = ir.Load(item.a, (k, row) if item.ta else (row, k))
    b = ir.Load(item.b, (column, k) if item.tb else (k, column))
    rows, columns, inner = extents(item)
    term = ir.Update(value, "add", ir.Apply("mul", (a, b), dtype))
    element = (
        ir.Let(value, ir.Const(0.0, dtype)),
        ir.Loop(k, inner, (term,)),
        ir.Store(item.out, (row, column), value),
    )
    return ir.Loop(row, rows, (ir.Loop(column, columns, element),))
