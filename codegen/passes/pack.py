"""The same elementwise work on several buffers becomes one loop over all of them.

An optimizer does the same to every weight. Where kernels differ only in their buffers, and each runs
over whole buffers element by element, the buffers of each role (weights, gradients, slots) are laid
one after the other in memory, and one flat loop runs over the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from codegen import ir
from codegen.passes.access import Footprints, Resource

FLAT = ir.Var("f", "int64")


@dataclass(frozen=True, eq=False)
class Flat:
    """A kernel as a body at one flat index, its buffers in order of appearance."""

    body: tuple[ir.Stmt, ...]
    buffers: tuple[ir.Buffer, ...]
    count: int
    key: object


def pack(program: ir.Program) -> ir.Program:
    """Join kernels that are alike into flat loops over packed buffers."""
    groups: dict[object, list[tuple[int, Flat]]] = {}
    known = Footprints()
    for k, item in enumerate(program.items):
        flat = _flattened(item) if isinstance(item, ir.Kernel) else None
        if flat is not None:
            groups.setdefault(flat.key, []).append((k, flat))
    most = lambda members: -sum(flat.count * len(flat.buffers) for _, flat in members)  # noqa: E731
    for members in sorted(groups.values(), key=most):  # a buffer can be packed only once
        if len(members) > 1 and _may_pack(program, members, known):
            program = _packed(program, members)
    return replace(program, items=tuple(i for i in program.items if i is not _GONE))


_GONE = ir.Kernel(())


def _flattened(item: ir.Kernel) -> Flat | None:
    """The kernel at a flat index, if all it does is to run over whole buffers of one static shape."""
    loops, body = _perfect_nest(item.body)
    if any(isinstance(s, (ir.Loop, ir.Update)) for s in body):
        return None
    found: dict[ir.Buffer, None] = {}
    shape: tuple[ir.Expr, ...] | None = None
    for access in _element_accesses(body):
        buffer, index = access
        if buffer.is_scalar:
            continue
        if buffer.view_of is not None or not _whole(buffer, index, loops):
            return None
        if shape is None:
            shape = buffer.shape
        elif _count(shape) != _count(buffer.shape):
            return None
        found[buffer] = None
    if shape is None or not any(s.buffer in found for s in ir.stores(body)):
        return None
    if any(s.op for s in ir.stores(body)) or any(s.buffer not in found for s in ir.stores(body)):
        return None
    flat = _at_flat_index(body, set(found))
    return Flat(flat, tuple(found), _count(shape), _canonical(flat, tuple(found)))


def _perfect_nest(body: tuple[ir.Stmt, ...]) -> tuple[list[ir.Loop], tuple[ir.Stmt, ...]]:
    loops: list[ir.Loop] = []
    while len(body) == 1 and isinstance(body[0], ir.Loop):
        loops.append(body[0])
        body = body[0].body
    return loops, body


def _element_accesses(body: tuple[ir.Stmt, ...]) -> list[tuple[ir.Buffer, tuple[ir.Expr, ...]]]:
    read = [(load.buffer, load.index) for load in ir.loads(body)]
    return read + [(s.buffer, s.index) for s in ir.stores(body)]


def _whole(buffer: ir.Buffer, index: tuple[ir.Expr, ...], loops: list[ir.Loop]) -> bool:
    """Do the loops run over all of the buffer, in row order?"""
    expected = iter(loops)
    for d, i in zip(buffer.shape, index, strict=True):
        if not isinstance(d, ir.Const):
            return False
        if d == ir.ONE:
            if i != ir.ZERO:
                return False
            continue
        loop = next(expected, None)
        if loop is None or loop.var != i or loop.extent != d:
            return False
    return next(expected, None) is None


def _count(shape: tuple[ir.Expr, ...]) -> int:
    total = 1
    for d in shape:
        assert isinstance(d, ir.Const)
        total *= int(d.value)
    return total


def _at_flat_index(body: tuple[ir.Stmt, ...], buffers: set[ir.Buffer]) -> tuple[ir.Stmt, ...]:
    def f(e: ir.Expr) -> ir.Expr | None:
        return (
            ir.Load(e.buffer, (FLAT,)) if isinstance(e, ir.Load) and e.buffer in buffers else None
        )

    out: list[ir.Stmt] = []
    for s in body:
        mapped = ir.map_stmt(s, f, {})
        out.append(replace(mapped, index=(FLAT,)) if isinstance(mapped, ir.Store) else mapped)
    return tuple(out)


def _canonical(body: tuple[ir.Stmt, ...], buffers: tuple[ir.Buffer, ...]) -> object:
    """The body with buffers by number and scalars by order: equal for kernels that are alike."""
    role = {b: k for k, b in enumerate(buffers)}
    names: dict[ir.Var, int] = {}

    def text(e: ir.Expr) -> object:
        if isinstance(e, ir.Var):
            return ("var", names[e]) if e in names else e
        if isinstance(e, ir.Load):
            return ("load", role.get(e.buffer, e.buffer))
        if isinstance(e, ir.Apply):
            return (e.fn, e.dtype, *map(text, e.args))
        return (type(e.value), e)

    lines: list[object] = [tuple((b.dtype, b.role) for b in buffers)]
    for s in body:
        if isinstance(s, ir.Let):
            value = text(s.expr)
            names[s.var] = len(names)
            lines.append(("let", value))
        else:
            assert isinstance(s, ir.Store)
            lines.append(("store", role[s.buffer], text(s.expr)))
    return tuple(lines)


def _may_pack(program: ir.Program, members: list[tuple[int, Flat]], known: Footprints) -> bool:
    """Is each buffer in one place only, and may all kernels move to where the last one stands?"""
    buffers = [b for _, flat in members for b in flat.buffers]
    if len(set(buffers)) != len(buffers):
        return False
    packed = {m for p in program.packs for m in p.members}
    viewed = {b.view_of for i in program.items for b in (*ir.reads(i), *ir.writes(i)) if b.view_of}
    if any(b in packed or b.role not in ("temp", "variable") for b in buffers):
        return False
    if any(b in viewed and b.role == "temp" for b in buffers):
        return False
    places = {k for k, _ in members}
    touched: set[Resource] = set()  # by the members so far
    written: set[Resource] = set()
    for at in range(min(places), max(places)):
        own = known.item(program.items[at])
        if at in places:
            touched |= own.touched
            written |= own.written
        elif (
            isinstance(program.items[at], ir.Guard)
            or not written.isdisjoint(own.touched)
            or not own.written.isdisjoint(touched)
        ):
            return False
    return True


def _packed(program: ir.Program, members: list[tuple[int, Flat]]) -> ir.Program:
    """One flat kernel in the place of the last member."""
    total = ir.integer(sum(flat.count for _, flat in members))
    first = members[0][1]
    number = len(program.packs)
    wholes = {b: ir.Buffer(f"all_{b.name}", (total,), b.dtype, b.role) for b in first.buffers}
    packs = tuple(
        ir.Pack(whole, tuple(flat.buffers[k] for _, flat in members))
        for k, whole in enumerate(wholes.values())
    )

    def f(e: ir.Expr) -> ir.Expr | None:
        packed = isinstance(e, ir.Load) and e.buffer in wholes
        return ir.Load(wholes[e.buffer], e.index) if packed else None  # type: ignore[union-attr]

    body = tuple(ir.map_stmt(s, f, wholes) for s in first.body)
    index = ir.Var(f"{FLAT.name}{number}", FLAT.dtype)
    loop = ir.Loop(index, total, ir.rename(body, {FLAT: index}))
    kernel = ir.Kernel((loop,), f"{_written(members)} as one\n{program.items[members[0][0]].note}")
    items = list(program.items)
    for k, _ in members:
        items[k] = _GONE
    items[max(k for k, _ in members)] = kernel
    guarded = [_guard_wholes(i, packs) if isinstance(i, ir.Guard) else i for i in items]
    return replace(program, items=tuple(guarded), packs=(*program.packs, *packs))


def _written(members: list[tuple[int, Flat]]) -> str:
    """The names of what the members write, cut short."""
    names = [next(s.buffer.name for s in ir.stores(flat.body)) for _, flat in members]
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def _guard_wholes(guard: ir.Guard, packs: tuple[ir.Pack, ...]) -> ir.Guard:
    """A guard over all members looks at the whole."""
    buffers = list(guard.buffers)
    for p in packs:
        if all(m in buffers for m in p.members):
            first = buffers.index(next(b for b in buffers if b in p.members))
            buffers = [b for b in buffers if b not in p.members or buffers.index(b) == first]
            buffers[first] = p.whole
    return replace(guard, buffers=tuple(buffers))
