"""Products of matrices, and what reduces to them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, apply
from graphdl.core.notation import matrix_product
from graphdl.core.op import Inference, Op, Sample
from graphdl.core.sizes import product
from graphdl.core.types import Type, as_axis
from graphdl.ops import reduce as r
from graphdl.ops.build import operands, public
from graphdl.ops.index import eye
from graphdl.ops.shape import broadcast_to, expand_dims, reshape, transpose


def _matmul_infer(rule: Inference, a: Type, b: Type) -> Type:
    if a.shape[-1] != b.shape[-2]:  # the sentence is written only where it may be said
        rule.equate(
            a.shape[-1],
            b.shape[-2],
            f"a product of {a} and {b} needs as many columns on the left as rows on the right",
        )
    batch = rule.broadcast(a.shape[:-2], b.shape[:-2])
    return Type((*batch, a.shape[-2], b.shape[-1]), rule.same_dtype(a, b))


def swap(a: Node) -> Node:
    """The last two axes exchanged."""
    return transpose(a, (*range(a.rank - 2), a.rank - 1, a.rank - 2))


matmul_op = Op(
    name="matmul",
    infer=_matmul_infer,
    reference=np.matmul,
    # Z = A·B:  dA = dZ·Bᵀ,  dB = Aᵀ·dZ
    vjp=lambda n, ct: [
        apply(matmul_op, ct, swap(n.inputs[1])),
        apply(matmul_op, swap(n.inputs[0]), ct),
    ],
    text=matrix_product(" @ "),
    latex=matrix_product(r"\,"),
    samples=(
        Sample(((4, 3), (3, 2))),
        Sample(((1, 3), (3, 1))),
        Sample(((4, 0), (0, 2))),
        Sample(((2, 4, 3), (3, 2))),
        Sample(((2, 1, 2, 3), (5, 3, 2))),
    ),
)


@public
def matmul(a: Any, b: Any) -> Node:
    """a @ b: matrices over leading batch axes; a vector is a row on the left, a column on the right."""
    x, y = operands(a, b, floating=True)
    if x.rank == 0 or y.rank == 0:
        raise ShapeError(f"matmul: a scalar has no rows or columns ({x.type} @ {y.type}); use *")
    left = expand_dims(x, 0) if x.rank == 1 else x
    right = expand_dims(y, 1) if y.rank == 1 else y
    out = apply(matmul_op, left, right)
    shape = list(out.type.shape)
    if y.rank == 1:
        del shape[-1]
    if x.rank == 1:
        del shape[-1 if y.rank == 1 else -2]
    return reshape(out, tuple(shape))


@public
def tensordot(a: Any, b: Any, axes: Any = 2) -> Node:
    """Sum of products over pairs of axes: `axes` a number of them, or two lists."""
    x, y = operands(a, b, floating=True)
    if isinstance(axes, int):
        left, right = list(range(x.rank - axes, x.rank)), list(range(axes))
    else:
        left, right = ([v] if isinstance(v, int) else list(v) for v in axes)
    left = [as_axis(i, x.rank, "tensordot") for i in left]
    right = [as_axis(i, y.rank, "tensordot") for i in right]
    if len(left) != len(right):
        raise ShapeError(f"tensordot: {len(left)} axes on the left, {len(right)} on the right")
    x, y = _unified("tensordot", x, y, list(zip(left, right, strict=True)))
    free_x = [i for i in range(x.rank) if i not in left]
    free_y = [i for i in range(y.rank) if i not in right]
    shape_x = tuple(x.type.shape[i] for i in free_x)
    shape_y = tuple(y.type.shape[i] for i in free_y)
    inner = product(tuple(y.type.shape[i] for i in right))
    rows = reshape(transpose(x, (*free_x, *left)), (product(shape_x), inner))
    columns = reshape(transpose(y, (*right, *free_y)), (inner, product(shape_y)))
    return reshape(apply(matmul_op, rows, columns), (*shape_x, *shape_y))


def _unified(what: str, x: Node, y: Node, pairs: Sequence[tuple[int, int]]) -> tuple[Node, Node]:
    """x and y with the sizes of each pair of axes declared equal."""
    shape_x, shape_y = list(x.type.shape), list(y.type.shape)
    for i, j in pairs:
        d, e = x.shape[i], y.shape[j]
        if isinstance(d, int) and isinstance(e, int) and d != e:
            raise ShapeError(
                f"{what}: axis {i} of {x.type} has {d} elements, axis {j} of {y.type} has {e}"
            )
        shape_x[i] = shape_y[j] = d if isinstance(d, int) else e
    return broadcast_to(x, shape_x), broadcast_to(y, shape_y)


@public
def outer(a: Any, b: Any) -> Node:
    """aᵢ·bⱼ of two vectors."""
    x, y = operands(a, b)
    if x.rank != 1 or y.rank != 1:
        raise ShapeError(f"outer takes two vectors, got {x.type} and {y.type}")
    return expand_dims(x, 1) * expand_dims(y, 0)


@public
def einsum(equation: str, *values: Any) -> Node:
    """Sums of products by index letters, "ij,jk->ik". Without "->" the letters seen once, sorted."""
    nodes = operands(*values, floating=True)
    terms, output = _parse(equation, nodes)
    pairs = [_distinct(n, t) for n, t in zip(nodes, terms, strict=True)]
    while len(pairs) > 1:
        (a, s), (b, t), *rest = pairs
        keep = set(output).union(*(u for _, u in rest))
        pairs = [_contract(a, s, b, t, keep), *rest]
    node, term = pairs[0]
    gone = tuple(i for i, c in enumerate(term) if c not in output)
    node = r.sum(node, gone) if gone else node
    term = "".join(c for c in term if c in output)
    return transpose(node, tuple(term.index(c) for c in output))


def _parse(equation: str, nodes: Sequence[Node]) -> tuple[list[str], str]:
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    letters = "".join(terms)
    if not arrow:
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if set(letters + output) - set(string.ascii_letters) or set(output) - set(letters):
        raise ShapeError(f"einsum: cannot read {equation!r}; write it like 'ij,jk->ik'")
    if len(terms) != len(nodes) or len(set(output)) != len(output):
        raise ShapeError(
            f"einsum: {equation!r} names {len(terms)} tensors, {len(nodes)} were given"
        )
    for term, node in zip(terms, nodes, strict=True):
        if len(term) != node.rank:
            raise ShapeError(f"einsum: {term!r} has {len(term)} letters for {node.type}")
    return terms, output


def _distinct(node: Node, term: str) -> tuple[Node, str]:
    """A repeated letter takes the diagonal: mask the rest and sum one axis away."""
    for letter in sorted(set(term)):
        while term.count(letter) > 1:
            i, j = term.index(letter), term.rindex(letter)
            node, _ = _unified("einsum", node, node, [(i, j)])
            mask = _diagonal(node, i, j)
            node, term = r.sum(node * mask, j), term[:j] + term[j + 1 :]
    return node, term


def _diagonal(node: Node, i: int, j: int) -> Node:
    shape = tuple(d if k in (i, j) else 1 for k, d in enumerate(node.type.shape))
    return reshape(eye(node.type.shape[i], node.type.shape[j], node.dtype), shape)


def _contract(a: Node, s: str, b: Node, t: str, keep: set[str]) -> tuple[Node, str]:
    """One product: letters of both that are not kept are summed by a matrix product."""
    shared = [c for c in s if c in t]
    a, b = _unified("einsum", a, b, [(s.index(c), t.index(c)) for c in shared])
    summed = [c for c in shared if c not in keep]
    batch = [c for c in shared if c in keep]
    left, right = [c for c in s if c not in t], [c for c in t if c not in s]
    shape_of = {
        **dict(zip(t, b.type.shape, strict=True)),
        **dict(zip(s, a.type.shape, strict=True)),
    }
    sizes = {g: tuple(shape_of[c] for c in g) for g in map(tuple, (batch, left, right, summed))}

    def group(node: Node, term: str, *groups: list[str]) -> Node:
        moved = transpose(node, tuple(term.index(c) for g in groups for c in g))
        flat = tuple(product(sizes[tuple(g)]) for g in groups[1:])
        return reshape(moved, (*sizes[tuple(batch)], *flat))

    out = apply(matmul_op, group(a, s, batch, left, summed), group(b, t, batch, summed, right))
    shape = (*sizes[tuple(batch)], *sizes[tuple(left)], *sizes[tuple(right)])
    return reshape(out, shape), "".join((*batch, *left, *right))
