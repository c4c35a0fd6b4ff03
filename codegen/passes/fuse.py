"""Loop fusion: loops over the same extent that touch the same memory become one loop.

Two loops may be joined when, for every buffer that one of them writes and the other touches, both
reach it only at the element of the loop variable itself: then iteration i of the second needs nothing
but iteration i of the first. Bodies are joined by the same rule, so whole nests grow together.
"""

from __future__ import annotations

from codegen import ir
from codegen.passes.access import Footprint, footprint, item_footprint

WINDOW = 1024  # how many items back a partner is looked for


def fuse(program: ir.Program) -> ir.Program:
    """Every kernel joined to an earlier one where that is legal and they share memory."""
    items: list[ir.Item] = []
    prints: list[Footprint] = []
    for item in program.items:
        mine = item_footprint(item)
        if not (isinstance(item, ir.Kernel) and _into_earlier(item, mine, items, prints)):
            items.append(item)
            prints.append(mine)
    return program.with_items(items)


def _into_earlier(
    kernel: ir.Kernel, mine: Footprint, items: list[ir.Item], prints: list[Footprint]
) -> bool:
    """Join the kernel to the nearest earlier one that takes it.

    What stands between and must come before the kernel moves in front of the joined one.
    """
    ahead: list[int] = []
    scalar = _loopless(kernel)
    for at in range(len(items) - 1, max(-1, len(items) - 1 - WINDOW), -1):
        other = items[at]
        if isinstance(other, ir.Guard):
            return False
        if scalar and isinstance(other, ir.Kernel) and _loopless(other) and not ahead:
            if mine.written & prints[at].accesses.keys() or prints[at].written & mine.accesses.keys():
                notes = "\n".join(filter(None, (other.note, kernel.note)))
                _replace(items, prints, at, [], ir.Kernel(other.body + kernel.body, notes))
                return True
        free = not any(prints[k].conflicts(prints[at]) for k in ahead)
        if free and isinstance(other, ir.Kernel) and _share(mine, prints[at]):
            joined = _join(other.body, kernel.body)
            if joined is not None:
                notes = "\n".join(filter(None, (other.note, kernel.note)))
                _replace(items, prints, at, ahead, ir.Kernel(joined, notes))
                return True
        if mine.conflicts(prints[at]) or not free:
            ahead.append(at)
    return False


def _loopless(kernel: ir.Kernel) -> bool:
    return not any(isinstance(s, ir.Loop) for s in kernel.body)


def _replace(
    items: list[ir.Item], prints: list[Footprint], at: int, ahead: list[int], joined: ir.Kernel
) -> None:
    """items[at] becomes the joined kernel, after those that moved ahead of it."""
    order = [*reversed(ahead), *(k for k in range(at + 1, len(items)) if k not in ahead)]
    moved = [(items[k], prints[k]) for k in order]
    first = len(ahead)
    moved.insert(first, (joined, footprint(joined.body)))
    items[at:] = [i for i, _ in moved]
    prints[at:] = [p for _, p in moved]


def _share(a: Footprint, b: Footprint) -> bool:
    """Do both touch a buffer that is more than a scalar?"""
    return not a.arrays.isdisjoint(b.arrays)


def _join(first: tuple[ir.Stmt, ...], second: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...] | None:
    """Both bodies as one, or None when no loop of the second found a partner in the first."""
    body = list(first)
    any_fused = False
    for s in second:
        fused = isinstance(s, ir.Loop) and _place(body, s)
        any_fused = any_fused or fused
        if not fused:
            body.append(s)
    return tuple(body) if any_fused else None


def fuse_block(body: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...]:
    """The loops of one block joined with each other."""
    out: list[ir.Stmt] = []
    for s in body:
        if not (isinstance(s, ir.Loop) and _place(out, s)):
            out.append(s)
    return tuple(out)


def _place(block: list[ir.Stmt], loop: ir.Loop) -> bool:
    """Join `loop` to the nearest loop of the block that takes it; what it needs moves before that."""
    mine = footprint((loop,))
    ahead: list[int] = []  # statements that must then stand before the joined loop
    needs = mine
    for at in range(len(block) - 1, -1, -1):
        other = block[at]
        if isinstance(other, ir.Loop) and not _conflict_with(block, ahead, other):
            joined = _fused(other, loop)
            if joined is not None:
                moved = [block[k] for k in reversed(ahead)]
                rest = [s for k, s in enumerate(block[at + 1 :], at + 1) if k not in ahead]
                block[at:] = [*moved, joined, *rest]
                return True
        if needs.conflicts(footprint((other,))):
            ahead.append(at)
            needs = footprint((loop, *(block[k] for k in ahead)))
    return False


def _conflict_with(block: list[ir.Stmt], ahead: list[int], loop: ir.Loop) -> bool:
    return bool(ahead) and footprint((loop,)).conflicts(footprint([block[k] for k in ahead]))


def _fused(a: ir.Loop, b: ir.Loop) -> ir.Loop | None:
    """Both loops as one, where iterations match one to one."""
    if a.extent != b.extent or _innermost(a) != _innermost(b):
        return None
    body = ir.rename(b.body, {b.var: a.var})
    first, second = footprint(a.body), footprint(body)
    if not _share(first, second):
        return None
    for r in (first.written & second.accesses.keys()) | (second.written & first.accesses.keys()):
        if not _same_iteration(first, second, r, a.var):
            return None
    return ir.Loop(a.var, a.extent, fuse_block(a.body + body))


def _same_iteration(a: Footprint, b: Footprint, r: object, var: ir.Var) -> bool:
    """Is the resource reached by both only at the loop variable, on one and the same axis?"""
    indices = [x.index for x in (*a.accesses[r], *b.accesses[r])]  # type: ignore[index]
    if any(i is None for i in indices):
        return False
    rank = min(len(i) for i in indices)  # type: ignore[arg-type]
    return any(all(i[axis] == var for i in indices) for axis in range(rank))  # type: ignore[index]


def _innermost(loop: ir.Loop) -> bool:
    return not any(isinstance(s, ir.Loop) for s in loop.body)
