"""Which operations only move elements, and which act on each element alone."""

from __future__ import annotations

from graphdl.core.graph import Node, apply, rebuild
from graphdl.core.op import Op
from graphdl.ops import arithmetic as a
from graphdl.ops import entropy, functions, index, shape
from graphdl.ops.build import cast_op, constant_op
from graphdl.ops.shape import broadcast_to
from graphdl.rewrite.engine import Match

#: Every element of the result is an element of the first input.
VIEWS = frozenset(
    (
        shape.reshape_op,
        shape.transpose_op,
        shape.broadcast_op,
        shape.slice_op,
        shape.flip_op,
        index.gather_op,
        index.take_along_op,
    )
)

_INFER = {op.infer for op in (a.add_op, functions.exp_op, a.eq_op, a.and_op, a.where_op)}
_BY_ROW = (entropy.cce_slope_op,)


def elementwise(op: Op) -> bool:
    """Does the op act on each element alone, repeating its inputs to a common shape?"""
    return op.infer in _INFER and op not in _BY_ROW


def scalar_constants(op: Op, inputs: tuple[Op, ...]) -> bool:
    """Is it arithmetic on constants alone?"""
    folds = elementwise(op) or op is cast_op
    return bool(inputs) and folds and all(i is constant_op for i in inputs)


def fit(m: Match, node: Node) -> Node:
    """The node, repeated to the shape of the root where it has fewer elements."""
    same = m.shape(node) == m.shape(m.root)
    return node if same else broadcast_to(node, m.root.type.shape)


def source(view: Node) -> Node:
    """The node whose elements a chain of views shows."""
    while view.op in VIEWS:
        view = view.inputs[0]
    return view


def same_view(view: Node, node: Node) -> Node:
    """The same chain of views on another node."""
    chain = []
    while view.op in VIEWS:
        chain.append(view)
        view = view.inputs[0]
    for view in reversed(chain):
        node = rebuild(view, (node, *view.inputs[1:]))
    return node


def seen(ct: Node, source: Node) -> Node | None:
    """The view of `source` whose elements the cotangent `ct` puts back in place."""
    if ct.type.shape != source.type.shape or not ct.inputs:
        return None
    part, attrs = ct.inputs[0], ct.attrs
    if ct.op is shape.reshape_op:
        return shape.reshape(source, part.type.shape)
    if ct.op is shape.transpose_op:
        axes = attrs["axes"]
        return shape.transpose(source, tuple(axes.index(i) for i in range(len(axes))))
    if ct.op is shape.place_op:
        return shape.slice_(source, attrs["starts"], part.type.shape, attrs["steps"])
    if ct.op is index.put_along_op:
        return apply(index.take_along_op, source, ct.inputs[1], axis=attrs["axis"])
    if ct.op is index.scatter_op:
        return apply(index.gather_op, source, ct.inputs[1], axis=attrs["axis"])
    return None
