"""Forward derivatives and second order, all from the one reverse rule.

A reverse sweep is linear in its cotangent u: g(u) = Jᵀu. Differentiating ⟨g(u), t⟩ with respect to u
gives J·t, the forward derivative; so no op needs a second rule. H·v is the gradient of ⟨∇f, v⟩.
A gradient that hangs on nothing, or on the side of a kink alone, has the derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size, product
from graphdl.differentiate.chain_rule import grad, gradients
from graphdl.differentiate.merged import merged
from graphdl.ops import reduce as r
from graphdl.ops.build import tensor
from graphdl.ops.shape import getitem, reshape, stack


def _listed(nodes: Any) -> list[Node]:
    return list(nodes) if isinstance(nodes, (list, tuple)) else [nodes]


def _inner(a: Sequence[Node], b: Sequence[Node]) -> Node:
    """Σ ⟨aᵢ, bᵢ⟩"""
    terms = [r.sum(x * y) for x, y in zip(a, b, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def jvp(result: Node, wrt: Any, tangents: Any) -> Node:
    """The derivative of `result` along the direction `tangents`, one for each of `wrt`."""
    targets, directions = _listed(wrt), _listed(tangents)
    _same_shapes(targets, directions)
    u = tensor("u", result.type.shape, result.dtype)
    transposed = gradients(result, targets, u)
    return gradients(_inner(transposed, directions), [u], or_zero=True)[0]


def hvp(result: Node, wrt: Any, vectors: Any) -> Any:
    """The Hessian of a scalar times vectors, without forming the Hessian."""
    targets, directions = _listed(wrt), _listed(vectors)
    _same_shapes(targets, directions)
    slope = _inner(grad(result, targets), directions)
    products = gradients(slope, targets, or_zero=True)
    return products if isinstance(wrt, (list, tuple)) else products[0]


def jacobian(result: Node, wrt: Node) -> Node:
    """∂resultᵢ/∂wⱼ, of shape result.shape + wrt.shape: one reverse sweep for each element."""
    return _jacobian(result, wrt, or_zero=False)


def hessian(result: Node, wrt: Node) -> Node:
    """The second derivatives of a scalar, of shape wrt.shape + wrt.shape."""
    return _jacobian(grad(result, wrt), wrt, or_zero=True)


def _jacobian(result: Node, wrt: Node, or_zero: bool) -> Node:
    result = merged(result, [wrt])  # once for all elements
    count = product(result.shape)
    if isinstance(count, Size):
        raise ShapeError(
            f"gd.jacobian needs a result of known size, got {result.type}; "
            "differentiate a sum over the named axes, or use gd.jvp"
        )
    flat = reshape(result, (count,))
    rows = [gradients(getitem(flat, i), [wrt], or_zero=or_zero)[0] for i in range(count)]
    return reshape(stack(rows, 0), (*result.type.shape, *wrt.type.shape))


def _same_shapes(targets: list[Node], directions: list[Node]) -> None:
    if len(targets) != len(directions):
        raise ShapeError(f"{len(targets)} variables but {len(directions)} directions were given")
    for w, t in zip(targets, directions, strict=True):
        if w.shape != t.shape:
            raise ShapeError(f"a direction of {t.type} was given for a variable of {w.type}")
