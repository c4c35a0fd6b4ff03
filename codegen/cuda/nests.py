"""Which loops of a kernel may run in parallel, and the pieces in which it is launched.

A kernel of the program is a block of statements in order. It is cut into pieces that share no scalar
but such as each can work out for itself. A piece is a nest: the turns of its *free* loops depend on
nothing that another turn does, so they are dealt out to threads or to blocks of threads; what is left
is done for one turn, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from codegen import ir

Cells = Mapping[ir.Buffer, ir.Buffer]  # member of a pack -> the whole
IDENTITY = {"add": 0, "mul": 1, "maximum": -float("inf"), "minimum": float("inf")}


@dataclass(frozen=True)
class Nest:
    """What is done for each turn of the free loops; they enclose `body`, the first one outermost."""

    free: tuple[ir.Loop, ...]  # only their variables and extents count
    body: tuple[ir.Stmt, ...]
    whole: tuple[ir.Stmt, ...]  # the same with its loops, in their order


@dataclass(frozen=True)
class Access:
    """An element that is read or written."""

    cell: ir.Buffer  # the memory
    buffer: ir.Buffer
    index: tuple[ir.Expr, ...]
    written: bool


def cells_of(program: ir.Program) -> Cells:
    """The memory in which members of packs lie."""
    return {m: p.whole for p in program.packs for m in p.members}


def nests(kernel: ir.Kernel, cells: Cells) -> list[Nest]:
    """The kernel as nests that give the same one after the other."""
    return [nest_of(piece, cells) for piece in pieces(kernel.body, cells)]


def accesses(body: Iterable[ir.Stmt], cells: Cells) -> Iterator[Access]:
    """Every element that statements touch."""

    def found(buffer: ir.Buffer, index: tuple[ir.Expr, ...], written: bool) -> Access:
        return Access(cells.get(buffer.root, buffer.root), buffer, index, written)

    body = tuple(body)
    yield from (found(e.buffer, e.index, False) for e in ir.loads(body))
    for s in ir.stores(body):
        yield found(s.buffer, s.index, True)
        if s.op:
            yield found(s.buffer, s.index, False)


def touched(body: Iterable[ir.Stmt], cells: Cells) -> tuple[set[ir.Buffer], set[ir.Buffer]]:
    """The memory that statements read, and that which they write."""
    found = list(accesses(body, cells))
    return {a.cell for a in found if not a.written}, {a.cell for a in found if a.written}


def used(body: Iterable[ir.Stmt]) -> set[ir.Var]:
    """The scalars that statements read, those of their own among them."""
    found = {
        part
        for s in ir.statements(body)
        for e in ir.own_expressions(s)
        for part in ir.subexpressions(e)
        if isinstance(part, ir.Var)
    }
    return found | {s.var for s in ir.statements(body) if isinstance(s, ir.Update)}


def given(body: Iterable[ir.Stmt]) -> set[ir.Var]:
    """The scalars to which statements give a name."""
    return {s.var for s in ir.statements(body) if isinstance(s, (ir.Let, ir.Loop))}


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


def carried(loop: ir.Loop) -> set[ir.Var]:
    """The scalars that go on from one turn of a loop to the next."""
    changed = {s.var for s in ir.statements(loop.body) if isinstance(s, ir.Update)}
    return changed - given(loop.body)


def is_free(loop: ir.Loop, around: ir.Loop, cells: Cells) -> bool:
    """Do different turns of `loop`, at whatever turns of the loops around it, touch different memory?

    They do where one axis of all that is written is the loop's variable, wherever it is touched.
    """
    return not carried(loop) and apart(loop.var, (around,), cells)


def apart(var: ir.Var, body: tuple[ir.Stmt, ...], cells: Cells) -> bool:
    """Is what statements write for one value of a scalar touched for no other value?"""
    by_cell: dict[ir.Buffer, list[Access]] = {}
    for a in accesses(body, cells):
        by_cell.setdefault(a.cell, []).append(a)
    return all(
        len({a.buffer for a in found}) == 1 and _common_axis(var, found)
        for found in by_cell.values()
        if any(a.written for a in found)
    )


def _common_axis(var: ir.Var, found: list[Access]) -> bool:
    axes = [{k for k, i in enumerate(a.index) if i == var} for a in found]
    return bool(set.intersection(*axes))


# ------------------------------------------------------------------ accumulators


def in_registers(body: tuple[ir.Stmt, ...], cells: Cells) -> tuple[ir.Stmt, ...]:
    """Elements to which a loop adds are added up in a scalar, then added once."""
    made: list[ir.Stmt] = []
    for s in body:
        made += _with_scalars(s, cells) if isinstance(s, ir.Loop) else [s]
    return tuple(made)


def _with_scalars(loop: ir.Loop, cells: Cells) -> list[ir.Stmt]:
    inner = given([loop])
    before: list[ir.Stmt] = []
    after: list[ir.Stmt] = []
    for store in list(ir.stores(loop.body)):
        if _is_sum(store, loop, inner, cells):
            var = ir.Var(f"sum_{store.buffer.name}", store.buffer.dtype)
            before.append(ir.Let(var, identity(store.op or "", var.dtype)))
            after.append(replace(store, expr=var))
            loop = _replaced(loop, store, ir.Update(var, store.op or "", store.expr))
    return [*before, loop, *after]


def _is_sum(store: ir.Store, loop: ir.Loop, inner: set[ir.Var], cells: Cells) -> bool:
    """Does the loop do nothing with this memory but add to one element?"""
    cell = cells.get(store.buffer.root, store.buffer.root)
    alone = [a for a in accesses(loop.body, cells) if a.cell is cell]
    moving = {p for i in store.index for p in ir.subexpressions(i)} & inner
    fixed = not moving and not any(
        isinstance(p, ir.Load) for i in store.index for p in ir.subexpressions(i)
    )
    return store.op in IDENTITY and fixed and len(alone) == 2  # one read, one written


def _replaced(loop: ir.Loop, old: ir.Stmt, new: ir.Stmt) -> ir.Loop:
    body = (
        new if s is old else _replaced(s, old, new) if isinstance(s, ir.Loop) else s
        for s in loop.body
    )  # fmt: skip
    return replace(loop, body=tuple(body))


def identity(op: str, dtype: str) -> ir.Const:
    """What changes nothing under an operation."""
    value = IDENTITY[op]
    if dtype.startswith("int") and isinstance(value, float):
        bits = int(dtype[3:]) - 1
        return ir.Const(-(2**bits) if value < 0 else 2**bits - 1, dtype)
    return ir.Const(value if dtype.startswith("int") else float(value), dtype)
