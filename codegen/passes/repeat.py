"""Equal consecutive segments of a program become one body, run over a table of buffers.

Layers of one width, forward, backward and update, differ only in which buffers they work on. Written
out they would be compiled again for each layer; as a `Repeat` they are compiled once, at any depth.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from codegen import ir

Touched = tuple[ir.Buffer, ...]  # the buffers of an item in the order in which it names them
LEAST_ROWS = 3
LONGEST = 48  # items in a segment: a dense layer with batch normalisation has 28, back and forth


def repeat(program: ir.Program) -> ir.Program:
    """Find runs of equal segments, longest first at each place, and fold them."""
    return fold(program, [key(i) for i in program.items])


def fold(program: ir.Program, keys: Sequence[object]) -> ir.Program:
    """Fold the segments whose items have equal keys.

    Segments of one key may differ in buffers, and in extents: then the repeat has sizes of its own.
    """
    items = program.items
    touched = [_touched(i) for i in items]
    free = _free(program, touched)
    out: list[ir.Item] = []
    at, number = 0, sum(isinstance(i, ir.Repeat) for i in items)
    while at < len(items):
        found = _best(touched, keys, at, free)
        if found is None:
            out.append(items[at])
            at += 1
            continue
        period, mappings = found
        number += 1
        stop = at + period * len(mappings)
        segments = [items[k : k + period] for k in range(at, stop, period)]
        out.append(_folded(segments, mappings, number))
        at = stop
    return program.with_items(out)


def _best(
    touched: list[Touched], keys: Sequence[object], at: int, free: set[ir.Buffer]
) -> tuple[int, list[dict[ir.Buffer, ir.Buffer]]] | None:
    """The period whose repetition covers the most items from here on, with one mapping a row."""
    best: tuple[int, list[dict[ir.Buffer, ir.Buffer]]] | None = None
    for period in range(1, min(LONGEST, (len(keys) - at) // LEAST_ROWS) + 1):
        if keys[at] != keys[at + period]:
            continue
        rows = _rows(touched, keys, at, period, free)
        covered = period * len(rows)
        if len(rows) >= LEAST_ROWS and (best is None or covered > best[0] * len(best[1])):
            best = period, rows
    return best


def _rows(
    touched: list[Touched], keys: Sequence[object], at: int, period: int, free: set[ir.Buffer]
) -> list[dict[ir.Buffer, ir.Buffer]]:
    """How often the segment at `at` repeats: for each repetition, first buffer -> its buffer."""
    first = touched[at : at + period]
    rows = [{b: b for buffers in first for b in buffers}]
    start = at + period
    while start + period <= len(keys) and keys[at : at + period] == keys[start : start + period]:
        mapping: dict[ir.Buffer, ir.Buffer] = {}
        pairs = (
            pair
            for a, b in zip(first, touched[start : start + period], strict=True)
            for pair in zip(a, b, strict=True)
        )
        if not all(mapping.setdefault(a, b) is b for a, b in pairs):
            break
        if not all(a is b or (a in free and b in free) for a, b in mapping.items()):
            break
        rows.append(mapping)
        start += period
    return rows


def _free(program: ir.Program, touched: list[Touched]) -> set[ir.Buffer]:
    """The buffers that a slot may stand for: temps and variables in memory, scalars of one segment."""
    packed = {m: p.whole for p in program.packs for m in p.members}
    uses = Counter(root for of_one in touched for root in {b.root for b in of_one})
    buffers = [b for b in dict.fromkeys(itertools.chain(*touched)) if b.view_of is None]
    homes = _homes([b for b in buffers if b.role == "variable"], packed)
    free: set[ir.Buffer] = set()
    for b in buffers:
        one = all(d == ir.ONE for d in b.shape)
        if b.role == "temp":
            fits = not one or (uses[b] == 1 and b not in packed)
        else:
            fits = b.role == "variable" and not one and packed.get(b) is homes[b.dtype]
        if fits:
            free.add(b)
    return free


def _homes(
    variables: list[ir.Buffer], packed: dict[ir.Buffer, ir.Buffer]
) -> dict[str, ir.Buffer | None]:
    """By dtype, the pack (or none) that holds the most variables: one table reaches one array only."""
    votes: dict[str, Counter[ir.Buffer | None]] = {}
    for b in variables:
        votes.setdefault(b.dtype, Counter())[packed.get(b)] += 1
    return {dtype: count.most_common(1)[0][0] for dtype, count in votes.items()}


def _touched(item: ir.Item) -> Touched:
    if isinstance(item, ir.Kernel):
        found: list[ir.Buffer] = []
        for s in ir.statements(item.body):
            for e in ir.own_expressions(s):
                found += [p.buffer for p in ir.subexpressions(e) if isinstance(p, ir.Load)]
            if isinstance(s, ir.Store):
                found.append(s.buffer)
        return tuple(found)
    return (*ir.reads(item), *ir.writes(item))


Extent = Callable[[ir.Expr], object]


def key(item: ir.Item, extent: Extent = lambda e: e) -> object:
    """The item without the names of its scalars and buffers; items that differ get different keys.

    `extent` makes alike the extents that may differ.
    """

    def kind(b: ir.Buffer) -> object:
        """What two buffers must share to stand for each other."""
        return (*map(extent, b.shape), b.dtype, b.role, b.view_of)

    if isinstance(item, ir.MatMul):
        return ("matmul", item.ta, item.tb, *map(kind, (item.a, item.b, item.out)))
    if not isinstance(item, ir.Kernel):
        return object()
    names: dict[ir.Var, int] = {}

    def expr(e: ir.Expr) -> object:
        if isinstance(e, ir.Var):
            return names.get(e, e)
        if isinstance(e, ir.Load):
            return ("load", kind(e.buffer), *map(expr, e.index))
        if isinstance(e, ir.Apply):
            return (e.fn, e.dtype, *map(expr, e.args))
        return (type(e.value), e)

    def walk(body: tuple[ir.Stmt, ...]) -> tuple[object, ...]:
        lines: list[object] = []
        for s in body:
            if isinstance(s, ir.Loop):
                length = extent(s.extent)
                names[s.var] = len(names)
                lines.append(("loop", length, walk(s.body)))
            elif isinstance(s, ir.Store):
                lines.append(("store", kind(s.buffer), *map(expr, s.index), expr(s.expr), s.op))
            else:
                value = expr(s.expr)
                if isinstance(s, ir.Let):
                    names[s.var] = len(names)
                lines.append((type(s), s.var.dtype, expr(s.var), value, getattr(s, "op", None)))
        return tuple(lines)

    return ("kernel", *walk(item.body))


def _folded(
    segments: list[tuple[ir.Item, ...]],
    mappings: list[dict[ir.Buffer, ir.Buffer]],
    number: int,
) -> ir.Repeat:
    varying = [
        b
        for b in mappings[0]
        if any(m[b] is not b for m in mappings) and not all(d == ir.ONE for d in b.shape)
    ]
    own = _Sizes(number)
    slots = {
        b: ir.Buffer(
            f"{b.name}_r{number}",
            tuple(map(own, zip(*(m[b].shape for m in mappings), strict=True))),
            b.dtype,
            "slot",
        )
        for b in varying
    }
    loops = zip(*map(_loops, segments), strict=True)
    extents = {same[0].var: own(tuple(loop.extent for loop in same)) for same in loops}
    table = tuple(tuple(m[b] for b in varying) for m in mappings)
    arenas = tuple(_arena(b) for b in varying)
    shape = (ir.integer(len(table)), ir.integer(len(varying) + len(own.columns)))
    offsets = ir.Buffer(f"offsets{number}", shape, "int64", "offsets")
    items = tuple(_resized(ir.swap_buffers(i, slots), extents) for i in segments[0])
    sizes, rows = tuple(own.columns.values()), tuple(zip(*own.columns, strict=True))
    note = f"{len(table)} times"
    return ir.Repeat(items, tuple(slots.values()), table, arenas, offsets, note, sizes, rows)


class _Sizes:
    """The extents of a repeat: what is the same in all rows stays as it is, the others get names."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.columns: dict[tuple[int, ...], ir.Var] = {}

    def __call__(self, extents: tuple[ir.Expr, ...]) -> ir.Expr:
        if all(e == extents[0] for e in extents):
            return extents[0]
        column = tuple(int(e.value) for e in extents)  # type: ignore[union-attr]
        name = f"d{len(self.columns) + 1}_r{self.number}"
        return self.columns.setdefault(column, ir.Var(name, "int64"))


def _loops(segment: tuple[ir.Item, ...]) -> Iterator[ir.Loop]:
    for item in segment:
        if isinstance(item, ir.Kernel):
            yield from (s for s in ir.statements(item.body) if isinstance(s, ir.Loop))


def _resized(item: ir.Item, extents: dict[ir.Var, ir.Expr]) -> ir.Item:
    """The item with the extents of its loops, by their variables."""
    if not isinstance(item, ir.Kernel):
        return item

    def body(statements: tuple[ir.Stmt, ...]) -> tuple[ir.Stmt, ...]:
        return tuple(
            replace(s, extent=extents[s.var], body=body(s.body)) if isinstance(s, ir.Loop) else s
            for s in statements
        )

    return replace(item, body=body(item.body))


_arenas: dict[tuple[str, str], ir.Buffer] = {}


def _arena(b: ir.Buffer) -> ir.Buffer:
    """The one array in which all temps (or all variables) of a dtype lie."""
    key = (b.role, b.dtype)
    if key not in _arenas:
        name = f"all_{'temps' if b.role == 'temp' else 'variables'}_{b.dtype}"
        _arenas[key] = ir.Buffer(name, (ir.Var("arena", "int64"),), b.dtype, "arena")
    return _arenas[key]
