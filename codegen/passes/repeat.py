"""Equal consecutive segments of a program become one body, run over a table of buffers.

Layers of one width, forward, backward and update, differ only in which buffers they work on. Written
out they would be compiled again for each layer; as a `Repeat` they are compiled once, at any depth.
"""

from __future__ import annotations

import itertools
from collections import Counter

from codegen import ir

Touched = tuple[ir.Buffer, ...]  # the buffers of an item in the order in which it names them
LEAST_ROWS = 3
LONGEST = 48  # items in a segment: a dense layer with batch normalisation has 28, back and forth


def repeat(program: ir.Program) -> ir.Program:
    """Find runs of equal segments, longest first at each place, and fold them."""
    items = program.items
    keys, touched = [key(i) for i in items], [_touched(i) for i in items]
    free = _free(program, touched)
    out: list[ir.Item] = []
    at = number = 0
    while at < len(items):
        found = _best(touched, keys, at, free)
        if found is None:
            out.append(items[at])
            at += 1
            continue
        period, mappings = found
        number += 1
        out.append(_folded(items[at : at + period], mappings, number))
        at += period * len(mappings)
    return program.with_items(out)


def _best(
    touched: list[Touched], keys: list[object], at: int, free: set[ir.Buffer]
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
    touched: list[Touched], keys: list[object], at: int, period: int, free: set[ir.Buffer]
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


def key(item: ir.Item) -> object:
    """The item without the names of its scalars and buffers; items that differ get different keys."""
    if isinstance(item, ir.MatMul):
        return ("matmul", item.ta, item.tb, *map(_class, (item.a, item.b, item.out)))
    if not isinstance(item, ir.Kernel):
        return object()
    names: dict[ir.Var, int] = {}

    def expr(e: ir.Expr) -> object:
        if isinstance(e, ir.Var):
            return names.get(e, e)
        if isinstance(e, ir.Load):
            return ("load", _class(e.buffer), *map(expr, e.index))
        if isinstance(e, ir.Apply):
            return (e.fn, e.dtype, *map(expr, e.args))
        return (type(e.value), e)

    def walk(body: tuple[ir.Stmt, ...]) -> tuple[object, ...]:
        lines: list[object] = []
        for s in body:
            if isinstance(s, ir.Loop):
                extent = expr(s.extent)
                names[s.var] = len(names)
                lines.append(("loop", extent, walk(s.body)))
            elif isinstance(s, ir.Store):
                lines.append(("store", _class(s.buffer), *map(expr, s.index), expr(s.expr), s.op))
            else:
                value = expr(s.expr)
                if isinstance(s, ir.Let):
                    names[s.var] = len(names)
                lines.append((type(s), s.var.dtype, expr(s.var), value, getattr(s, "op", None)))
        return tuple(lines)

    return ("kernel", *walk(item.body))


def _class(b: ir.Buffer) -> object:
    """What two buffers must share to stand for each other."""
    return (b.shape, b.dtype, b.role, b.view_of)


def _folded(
    segment: tuple[ir.Item, ...], mappings: list[dict[ir.Buffer, ir.Buffer]], number: int
) -> ir.Repeat:
    varying = [
        b
        for b in mappings[0]
        if any(m[b] is not b for m in mappings) and not all(d == ir.ONE for d in b.shape)
    ]
    slots = {b: ir.Buffer(f"{b.name}_r{number}", b.shape, b.dtype, "slot") for b in varying}
    table = tuple(tuple(m[b] for b in varying) for m in mappings)
    arenas = tuple(_arena(b) for b in varying)
    shape = (ir.integer(len(table)), ir.integer(len(varying)))
    offsets = ir.Buffer(f"offsets{number}", shape, "int64", "offsets")
    items = tuple(ir.swap_buffers(i, slots) for i in segment)
    return ir.Repeat(items, tuple(slots.values()), table, arenas, offsets, f"{len(table)} times")


_arenas: dict[tuple[str, str], ir.Buffer] = {}


def _arena(b: ir.Buffer) -> ir.Buffer:
    """The one array in which all temps (or all variables) of a dtype lie."""
    key = (b.role, b.dtype)
    if key not in _arenas:
        name = f"all_{'temps' if b.role == 'temp' else 'variables'}_{b.dtype}"
        _arenas[key] = ir.Buffer(name, (ir.Var("arena", "int64"),), b.dtype, "arena")
    return _arenas[key]
