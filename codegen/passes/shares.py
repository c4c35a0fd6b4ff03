"""How one item is split between the threads of a team.

Only what is computed is split, never a sum: an element of a result is the work of one thread, done as
one thread alone would do it. So the bits are the same for any number of threads. The blocks in which
elements are dealt out are those of the vectors in which they are computed; where short rows are added
up, the compiler may take 64 rows at a time, and so do we.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from codegen import ir

WIDE = 16  # elements of a row: a cache line of float32, and a vector register
TALL = 8  # rows: the tiles of a product are so high
VECTORS = 64  # rows of which the compiler may take each in a lane of its own
SHORT = 64  # elements of a row that are a loop of their own …
SUMMED = 256  # … and where the row is added up
NEAR = 1 << 17  # bytes of weights that every thread may lay out for itself


@dataclass(frozen=True)
class Owner:
    """Whose an element is: that of the thread which has `share` of this axis."""

    share: ir.Share
    axis: int


Owners = Mapping[ir.Buffer, Owner | None]  # of each buffer an item touches; None: any thread


@dataclass(frozen=True)
class Split:
    """An item that does this thread's part, and where its threads read and write."""

    item: ir.Item
    owners: Owners


def splits(item: ir.Item, training: bool) -> list[Split]:
    """The ways in which an item can be split, the best first."""
    if isinstance(item, ir.MatMul):
        return _of_product(item, training)
    if isinstance(item, ir.Kernel):
        return [s for nest in _nests(item) if (s := _of_nest(item, *nest)) is not None]
    return []


# ------------------------------------------------------------------ products


def _of_product(item: ir.MatMul, training: bool) -> list[Split]:
    """By rows, where each thread reads all of b, or by columns, where it reads all of a.

    The operand that is transposed is laid out anew: that is what is split then, if it can be.
    """
    made = {"rows": _rows_of(item), "columns": _columns_of(item)}
    inner = item.a.shape[0 if item.ta else 1]
    weights = _count((inner, item.out.shape[1])) * int(item.out.dtype[-2:]) // 8
    across = item.tb or (training and not item.ta and weights > NEAR)
    order = ("columns", "rows") if across else ("rows", "columns")
    found = [split for way in order if (split := made[way]) is not None]
    return found[:1] if item.ta or item.tb else found


def _rows_of(item: ir.MatMul) -> Split | None:
    rows, columns = item.out.shape
    lying = isinstance(rows, ir.Const)  # of a gradient: nothing goes on along its rows
    share = _share(rows, TALL if lying or _count((columns,)) >= SHORT else VECTORS)
    if share is None:
        return None
    owners = {item.a: Owner(share, 1 if item.ta else 0), item.b: None, item.out: Owner(share, 0)}
    return Split(replace(item, part=("rows", share)), owners)


def _columns_of(item: ir.MatMul) -> Split | None:
    share = _share(item.out.shape[1], WIDE) if isinstance(item.out.shape[1], ir.Const) else None
    if share is None:
        return None
    owners = {item.a: None, item.b: Owner(share, 0 if item.tb else 1), item.out: Owner(share, 1)}
    return Split(replace(item, part=("columns", share)), owners)


def _share(extent: ir.Expr, grain: int) -> ir.Share | None:
    """The share of an extent that is a size or long enough."""
    if isinstance(extent, ir.Const):
        grain = max(grain, WIDE)
        return ir.Share(extent, grain) if int(extent.value) >= 2 * grain else None
    return ir.Share(extent, grain) if isinstance(extent, ir.Var) else None


def _count(shape: tuple[ir.Expr, ...]) -> int:
    """The elements, an axis of unknown length counted as one."""
    total = 1
    for d in shape:
        total *= int(d.value) if isinstance(d, ir.Const) else 1
    return total


# ------------------------------------------------------------------ loops


def _nests(item: ir.Kernel) -> Iterator[tuple[ir.Loop, tuple[ir.Loop, ...]]]:
    """Each loop that could be split, and those around it: one in another, only lets beside."""
    around: tuple[ir.Loop, ...] = ()
    body = item.body
    while body and isinstance(body[-1], ir.Loop) and all(isinstance(s, ir.Let) for s in body[:-1]):
        yield body[-1], around
        around = (*around, body[-1])
        body = body[-1].body


def _of_nest(item: ir.Kernel, loop: ir.Loop, around: tuple[ir.Loop, ...]) -> Split | None:
    """The kernel with one of its loops split; None where iterations depend on each other."""
    carried = {s.var for s in ir.statements(loop.body) if isinstance(s, ir.Update)}
    if not carried <= {s.var for s in ir.statements(loop.body) if isinstance(s, ir.Let)}:
        return None
    share, times = _shared_extent(loop)
    if share is None:
        return None
    owners = _owners(item, loop, share, times)
    written = {s.buffer.root for s in ir.stores(item.body)}
    if owners is None or any(owners[b] is None for b in owners if b.root in written):
        return None
    bounds = [ir.times(v, ir.integer(times)) for v in (share.last, share.first)]
    part = ir.Loop(loop.var, bounds[0], loop.body, bounds[1])
    return Split(replace(item, body=_with(item.body, loop, part)), owners)


def _shared_extent(loop: ir.Loop) -> tuple[ir.Share | None, int]:
    """The share of a loop, and how many elements in a row make one step of it (a flat view)."""
    e = loop.extent
    if isinstance(e, ir.Apply) and e.fn == "mul" and isinstance(e.args[0], ir.Var):
        size, width = e.args
        if isinstance(width, ir.Const):
            return _share(size, VECTORS if width.value < SHORT else TALL), int(width.value)
    return _share(e, _grain(loop)), 1


def _grain(loop: ir.Loop) -> int:
    """How many rows belong together, so that all are computed in the same way."""
    inner = [s for s in loop.body if isinstance(s, ir.Loop)]
    width = min((_width(s) for s in inner), default=0)
    summed = any(isinstance(s, ir.Update) for s in ir.statements(loop.body))
    along_row = isinstance(loop.extent, ir.Const) and not inner
    return TALL if along_row or width >= (SUMMED if summed else SHORT) else VECTORS


def _width(loop: ir.Loop) -> int:
    inner = [s for s in loop.body if isinstance(s, ir.Loop)]
    return _count((loop.extent,)) * min((_width(s) for s in inner), default=1)


def _owners(item: ir.Kernel, loop: ir.Loop, share: ir.Share, times: int) -> Owners | None:
    """The axis of each buffer that the loop runs along; None where it is not the same everywhere."""
    places: dict[ir.Buffer, set[Owner | None]] = {}
    accesses = [(e.buffer, e.index) for e in ir.loads(item.body)]
    accesses += [(s.buffer, s.index) for s in ir.stores(item.body)]
    for b, index in accesses:
        places.setdefault(b, set()).add(_owner(b, index, loop.var, share, times))
    owners = {b: next(iter(found)) if len(found) == 1 else None for b, found in places.items()}
    for b in owners:  # a view and its memory agree, or nobody owns either
        if any(o.root is b.root and owners[o] != owners[b] for o in owners):
            owners = {o: None if o.root is b.root else owners[o] for o in owners}
    return owners


def _owner(
    b: ir.Buffer, index: tuple[ir.Expr, ...], var: ir.Var, share: ir.Share, times: int
) -> Owner | None:
    """Where exactly one index is the loop's variable and no other hangs on it."""
    hits = [k for k, i in enumerate(index) if i == var]
    if len(hits) != 1 or sum(var in ir.subexpressions(i) for i in index) != 1:
        return None
    if b.view_of is None:
        return Owner(share, hits[0]) if times == 1 else None
    lead = b.root.shape[0] == share.extent and _count(b.root.shape[1:]) == times
    return Owner(share, 0) if lead and len(index) == 1 else None


def _with(body: tuple[ir.Stmt, ...], loop: ir.Loop, part: ir.Loop) -> tuple[ir.Stmt, ...]:
    """The statements with a loop replaced by its part."""
    made: list[ir.Stmt] = []
    for s in body:
        if s is loop:
            made.append(part)
        else:
            made.append(replace(s, body=_with(s.body, loop, part)) if isinstance(s, ir.Loop) else s)
    return tuple(made)
