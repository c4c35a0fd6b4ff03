"""Lowering of operations that only move elements: views, and the few that must write."""

from __future__ import annotations

from codegen import ir
from graphdl.core.graph import Node
from graphdl.lower.build import Builder, Index, View, whole


def _moved(b: Builder, node: Node, at: object, permutation: tuple[int, ...] | None) -> None:
    """The node is its input seen through another index."""
    source = b.views.get(node.inputs[0])
    if source is None or source.buffer is None:
        b.views[node] = View(None, b.shape(node), at, None, node.inputs[0])  # type: ignore[arg-type]
        return
    inner = source.at
    through = None
    if permutation is not None and source.permutation is not None:
        through = tuple(source.permutation[i] if i >= 0 else -1 for i in permutation)
    b.views[node] = View(source.buffer, b.shape(node), lambda i: inner(at(i)), through)  # type: ignore[operator]


def named(b: Builder, node: Node) -> None:
    if node.inputs[0] in b.views:
        b.views[node] = b.views[node.inputs[0]]
    else:
        _moved(b, node, lambda index: index, None)


def transpose(b: Builder, node: Node) -> None:
    axes = node.attrs["axes"]
    back = tuple(axes.index(i) for i in range(len(axes)))
    _moved(b, node, lambda index: tuple(index[k] for k in back), axes)


def broadcast(b: Builder, node: Node) -> None:
    source = b.shape(node.inputs[0])
    lead = node.rank - len(source)

    def at(index: Index) -> Index:
        return tuple(
            ir.ZERO if d == ir.ONE else i for i, d in zip(index[lead:], source, strict=True)
        )

    same = source == b.shape(node)
    _moved(b, node, at, tuple(range(node.rank)) if same else None)


def slice_(b: Builder, node: Node) -> None:
    starts = tuple(map(b.extent, node.attrs["starts"]))
    steps = tuple(map(ir.integer, node.attrs["steps"]))

    def at(index: Index) -> Index:
        return tuple(
            ir.plus(s, ir.times(i, k)) for i, s, k in zip(index, starts, steps, strict=True)
        )

    _moved(b, node, at, None)


def flip(b: Builder, node: Node) -> None:
    shape, axes = b.shape(node), node.attrs["axes"]

    def at(index: Index) -> Index:
        return tuple(
            ir.minus(ir.minus(d, ir.ONE), i) if k in axes else i
            for k, (i, d) in enumerate(zip(index, shape, strict=True))
        )

    _moved(b, node, at, None)


def reshape(b: Builder, node: Node) -> None:
    """Adding and dropping axes of length 1 is a view; else the memory gets another shape."""
    old, new = b.shape(node.inputs[0]), b.shape(node)
    if [d for d in old if d != ir.ONE] == [d for d in new if d != ir.ONE]:
        same_elements(b, node)
        return
    buffer = b.materialise(node.inputs[0])
    b.views[node] = whole(b.reshaped(buffer, new))


def same_elements(b: Builder, node: Node) -> None:
    """The input with axes of length 1 added or dropped."""
    old, new = b.shape(node.inputs[0]), b.shape(node)
    kept_new = [k for k, d in enumerate(new) if d != ir.ONE]
    kept_old = [k for k, d in enumerate(old) if d != ir.ONE]
    place = dict(zip(kept_old, kept_new, strict=True))
    back = dict(zip(kept_new, kept_old, strict=True))
    permutation = tuple(back.get(k, -1) for k in range(len(new)))

    def at(index: Index) -> Index:
        return tuple(index[place[k]] if k in place else ir.ZERO for k in range(len(old)))

    _moved(b, node, at, permutation)


def place(b: Builder, node: Node) -> None:
    """Zeros, and the input set at starts + i·steps."""
    out, source = b.output(node), node.inputs[0]
    starts = tuple(map(b.extent, node.attrs["starts"]))
    steps = tuple(map(ir.integer, node.attrs["steps"]))
    zero = ir.Const(0, node.dtype)
    b.nest(out.shape, lambda index: [ir.Store(out, index, zero)], f"{out.name} = 0")

    def body(index: Index) -> list[ir.Stmt]:
        at = tuple(ir.plus(s, ir.times(i, k)) for i, s, k in zip(index, starts, steps, strict=True))
        return [ir.Store(out, at, b.element(source, index))]

    b.nest(b.shape(source), body, f"{out.name}: place")


def concat(b: Builder, node: Node) -> None:
    out, axis = b.output(node), node.attrs["axis"]
    start: ir.Expr = ir.ZERO
    for part in node.inputs:
        shape = b.shape(part)

        def body(index: Index, part: Node = part, start: ir.Expr = start) -> list[ir.Stmt]:
            at = tuple(ir.plus(start, i) if k == axis else i for k, i in enumerate(index))
            return [ir.Store(out, at, b.element(part, index))]

        b.nest(shape, body, f"{out.name}: concat")
        start = ir.plus(start, shape[axis])


RULES = {
    "named": named,
    "stop_gradient": named,
    "transpose": transpose,
    "broadcast_to": broadcast,
    "slice": slice_,
    "flip": flip,
    "reshape": reshape,
    "place": place,
    "concat": concat,
}
