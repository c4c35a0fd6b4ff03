"""Which loops of a kernel may run in parallel, and the pieces in which it is launched.

A kernel of the program is a block of statements in order. It is cut into pieces that share no scalar
but such as each can work out for itself. A piece is a nest: the turns of its *free* loops depend on
nothing that another turn does, so they are dealt out to threads or to blocks of threads; what is left
is done for one turn, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from codegen import ir
from codegen.passes.accumulate import in_registers
from codegen.passes.free import Cells, given, is_free, touched, used


@dataclass(frozen=True)
class Nest:
    """What is done for each turn of the free loops; they enclose `body`, the first one outermost."""

    free: tuple[ir.Loop, ...]  # only their variables and extents count
    body: tuple[ir.Stmt, ...]
    whole: tuple[ir.Stmt, ...]  # the same with its loops, in their order


def nests(kernel: ir.Kernel, cells: Cells) -> list[Nest]:
    """The kernel as nests that give the same one after the other."""
    return [nest_of(piece, cells) for piece in pieces(kernel.body, cells)]


# ------------------------------------------------------------------ pieces


def pieces(body: Sequence[ir.Stmt], cells: Cells) -> list[tuple[ir.Stmt, ...]]:
    """The statements cut wherever nothing but numbers that can be worked out again is handed on."""
    movable = _movable(body, cells)
    cuts = [k for k in range(1, len(body)) if _handed_on(body, k) <= movable.keys()]
    parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    made = [(*_needed(part, movable), *part) for part in parts]
    return [p for p in made if any(True for _ in ir.stores(p))]


def _handed_on(body: Sequence[ir.Stmt], at: int) -> set[ir.Var]:
    return given(body[:at]) & used(body[at:])


def _movable(body: Sequence[ir.Stmt], cells: Cells) -> dict[ir.Var, ir.Let]:
    """Lets that give the same anywhere in the block: of what nothing changes from there on."""
    changed = {s.var for s in ir.statements(body) if isinstance(s, ir.Update)}
    found: dict[ir.Var, ir.Let] = {}
    for k, s in enumerate(body):
        if not isinstance(s, ir.Let) or s.var in changed:
            continue
        reads, _ = touched([s], cells)
        own = {v for v in used([s]) if v in given(body)}
        if own <= found.keys() and reads.isdisjoint(touched(body[k:], cells)[1]):
            found[s.var] = s
    return found


def _needed(part: Sequence[ir.Stmt], movable: Mapping[ir.Var, ir.Let]) -> list[ir.Let]:
    """The lets of other parts that this one reads, in their order."""
    wanted, pending = set(), list(used(part) - given(part))
    while pending:
        var = pending.pop()
        if var in movable and var not in wanted:
            wanted.add(var)
            pending += used([movable[var]])
    return [let for var, let in movable.items() if var in wanted]


# ------------------------------------------------------------------ free loops


def nest_of(piece: tuple[ir.Stmt, ...], cells: Cells) -> Nest:
    """One piece, with the loops in it that are free."""
    *lets, last = piece
    alone = isinstance(last, ir.Loop) and all(isinstance(s, ir.Let) for s in lets)
    if not alone or not touched(lets, cells)[0].isdisjoint(touched([last], cells)[1]):
        body = in_registers(piece, cells)
        return Nest((), body, body)
    free = tuple(loop for loop in _chain(last) if is_free(loop, last, cells))
    body = in_registers((*lets, *_without(last, free)), cells)
    return Nest(free, body, piece if free else body)


def _chain(loop: ir.Loop) -> Iterator[ir.Loop]:
    """Loops of which each holds but lets and the next one."""
    yield loop
    *lets, last = loop.body
    if isinstance(last, ir.Loop) and all(isinstance(s, ir.Let) for s in lets):
        yield from _chain(last)


def _without(loop: ir.Loop, free: tuple[ir.Loop, ...]) -> tuple[ir.Stmt, ...]:
    """The body of the free loops of a chain, in the others."""
    body = loop.body
    if isinstance(body[-1], ir.Loop) and any(f is not loop for f in free):
        body = (*body[:-1], *_without(body[-1], free))
    return body if any(f is loop for f in free) else (replace(loop, body=body),)
