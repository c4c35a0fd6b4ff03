"""Products and sums: transposes go into the factors, sums of sums become one."""

from __future__ import annotations

from graphdl.core.graph import Node, apply, rebuild
from graphdl.core.op import Op
from graphdl.ops import linalg, reduce, shape
from graphdl.ops.build import constant
from graphdl.ops.shape import reshape
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.views import fit

a, b, x = p.wild("a"), p.wild("b"), p.wild("x")

_SAME_TWICE = (reduce.sum_op, reduce.mean_op, reduce.max_op, reduce.min_op, reduce.prod_op)


def _swaps_used_once(m: Match) -> bool:
    """Does the transpose swap the last two axes, and does nothing else use the product?"""
    axes, rank = m.root.attrs["axes"], m.root.rank
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    return axes == swapped and m.context.users[m.root.inputs[0]] <= 1


def _reductions(op: Op, inputs: tuple[Op, ...]) -> bool:
    return op in _SAME_TWICE


def _reductions_twice(op: Op, inputs: tuple[Op, ...]) -> bool:
    return op in _SAME_TWICE and inputs == (op,)


def _of_views(op: Op, inputs: tuple[Op, ...]) -> bool:
    return op in _SAME_TWICE and inputs[0] in (shape.reshape_op, shape.transpose_op)


def _one_reduction(m: Match) -> Node:
    """Both sets of axes, counted in the innermost tensor."""
    inner, outer = m.root.inputs[0], m.root
    source, first = inner.inputs[0], inner.attrs["axes"]
    kept = [i for i in range(source.rank) if inner.attrs["keepdims"] or i not in first]
    axes = tuple(sorted({*first, *(kept[i] for i in outer.attrs["axes"])}))
    node = apply(outer.op, source, axes=axes, keepdims=outer.attrs["keepdims"])
    return reshape(node, outer.type.shape)


def _single(m: Match) -> Node | None:
    """A sum, mean or extreme of one element is that element."""
    source = m.root.inputs[0]
    extents = m.shape(source)
    if any(extents[i] != 1 for i in m.root.attrs["axes"]):
        return None
    return reshape(source, m.root.type.shape)


def _of_all(m: Match) -> Node | None:
    """Over all elements, their order and shape do not matter."""
    view = m.root.inputs[0]
    if len(m.root.attrs["axes"]) != view.rank:
        return None
    source = view.inputs[0]
    node = apply(m.root.op, source, axes=tuple(range(source.rank)), keepdims=False)
    return reshape(node, m.root.type.shape)


def _sum_of_repeated(m: Match) -> Node | None:
    """n equal terms; not where n might be 0, for an empty sum of inf is 0."""
    extents = m.shape(m.root.inputs[0])
    source = (1,) * (len(extents) - m.x.rank) + m.shape(m.x)
    axes = m.root.attrs["axes"]
    count = 1
    for i in axes:
        if not isinstance(extents[i], int) or extents[i] == 0 or source[i] != 1:
            return None
        count *= extents[i]
    full = reshape(m.x, source)
    once = rebuild(m.root, (full,))
    return fit(m, constant(count, m.root.dtype) * once) if full is not m.root.inputs[0] else None


PRODUCTS = [
    Rule("(A·B)ᵀ", p.transpose(p.matmul(a, b)),
         lambda m: apply(linalg.matmul_op, linalg.swap(m.b), linalg.swap(m.a)),
         "(A·B)ᵀ = Bᵀ·Aᵀ", guard=_swaps_used_once),
]  # fmt: skip

REDUCTIONS = [
    Rule("reduction of one element", p.Any_(_reductions), _single, "Σ of one element is it"),
    Rule("reduction of a reduction", p.Any_(_reductions_twice), _one_reduction,
         "Σᵢ Σⱼ xᵢⱼ = Σᵢⱼ xᵢⱼ"),
    Rule("reduction of a view", p.Any_(_of_views), _of_all,
         "the sum of all elements needs no shape"),
    Rule("sum of a broadcast", p.sum_(p.broadcast(x)), _sum_of_repeated, "Σ of n equal x = n·x"),
]  # fmt: skip
