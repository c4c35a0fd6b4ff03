"""What is cheap to work out is worked out where it is used, not kept from far before.

The derivative of tanh is 1 − h², from the output h that the next product's gradient needs anyhow.
Joined to the loop that makes h, it would be kept all through the forward pass beside h; left to wait,
it is worked out in the loop of the backward pass that reads it, and never lies in memory.
"""

from __future__ import annotations

from codegen import ir

CHEAP = {
    "add", "sub", "mul", "neg", "square", "where", "cast",
    "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not",
}  # fmt: skip


def better_late(program: ir.Program) -> set[int]:
    """The positions of kernels that fusion should not join to one before a matrix product."""
    readers: dict[ir.Buffer, list[int]] = {}
    written: dict[ir.Buffer, int] = {}
    for at, item in enumerate(program.items):
        for b in {b.root for b in ir.reads(item)}:
            readers.setdefault(b, []).append(at)
        for b in ir.writes(item):
            written.setdefault(b.root, at)
    items = program.items

    def kept(b: ir.Buffer, at: int) -> bool:
        """Does a product read the array nearer to `at` than to where it is made?"""
        last = max((k for k in readers[b] if isinstance(items[k], ir.MatMul)), default=0)
        return b in written and 2 * last > written[b] + at

    def waits(kernel: ir.Kernel, at: int) -> bool:
        sources = [b for b in {b.root for b in ir.reads(kernel)} if b.shape]
        results = {b.root for b in ir.writes(kernel)}
        if not sources or any(b.role != "temp" or not b.shape for b in results):
            return False
        used = [items[min(readers[b])] for b in results if b in readers]
        return (
            all(kept(b, at) for b in sources)
            and all(isinstance(i, ir.Kernel) for i in used)
            and _is_cheap(kernel)
        )

    return {at for at, i in enumerate(items) if isinstance(i, ir.Kernel) and waits(i, at)}


def _is_cheap(kernel: ir.Kernel) -> bool:
    """Nothing but arithmetic, element by element."""
    body = kernel.body
    while len(body) == 1 and isinstance(body[0], ir.Loop):
        body = body[0].body
    return all(
        isinstance(s, (ir.Let, ir.Store))
        and not getattr(s, "op", None)
        and all(e.fn in CHEAP for e in ir.subexpressions(s.expr) if isinstance(e, ir.Apply))
        for s in body
    )
