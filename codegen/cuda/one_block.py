"""A whole run of a small program in one block: no launch between two items, nor between two steps.

All threads go through the steps together; items are dealt out to them one after the other, and they
wait for each other between two. For networks so small that launches would take most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

from codegen import ir
from codegen.cuda.blocks import Block
from codegen.cuda.clock import FIELDS, at
from codegen.cuda.printer import CudaPrinter, dealt_out
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
    return sum(turns_of(s) for s in _statements(item) if isinstance(s, ir.Loop))


def run(printer: CudaPrinter, block: Block, program: ir.Program) -> list[str]:
    """The lines of the kernel after its head."""
    assert program.batches is not None
    rows = program.batches.rows.name
    body: list[str] = []
    for item in program.items:
        body += ["", *block.wait(2)] if body else []
        body += [f"        # {line}" for line in item.note.splitlines()]
        body += (
            _guard(block, item)
            if isinstance(item, ir.Guard)
            else block.body(_statements(item), 2)
        )  # fmt: skip
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


def _guard(block: Block, guard: ir.Guard) -> list[str]:
    """All threads leave together, before anything of the step has changed."""
    lines = ["        # nothing has changed yet: stop here if a value is not finite"]
    for b in guard.buffers:
        test = [
            f"            if not abs({b.name}[uint64(turn)]) < {b.dtype}(np.inf):",
            f"                {at('status')} = now",
        ]
        size = block.printer.bare(count(b.shape))
        lines += dealt_out(2, "turn", size, test, "lane", str(block.lanes))
    status = f"clock[uint64({FIELDS['status']})]"
    return [*lines, *block.wait(2), f"        if {status} != 0:", "            return"]


def _statements(item: ir.Item) -> Sequence[ir.Stmt]:
    if isinstance(item, ir.Kernel):
        return item.body
    assert isinstance(item, ir.MatMul)
    return (_product(item),)


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
