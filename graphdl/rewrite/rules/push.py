"""A derivative pushed into the sum of products that arrives at it, to the factor that it cancels.

The sweep multiplies factor by factor: ∂J/∂p·∂p/∂z holds 1/p and then p(1−p). In floating point the
first overflows where the second vanishes. All derivatives here are linear in the cotangent, so they
may be taken term by term, and past any factor that they do not act on.
"""

from __future__ import annotations

from collections.abc import Callable

from graphdl.core.graph import Node, apply, rebuild
from graphdl.ops import arithmetic as a
from graphdl.ops import reduce
from graphdl.ops.shape import broadcast_to, sum_to_op
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match
from graphdl.rewrite.rules.views import seen

DEPTH = 8  # how far into a sum of products a rule looks
Leaf = Callable[[Node, "Linear"], Node | None]


def is_one(node: Node) -> bool:
    return p.is_number(node) and node.attrs["value"] == 1


def times(u: Node, v: Node) -> Node:
    """u·v, where 1·v is v and signs stand outside."""
    if v.op is a.neg_op:
        return p.negated(times(u, v.inputs[0]))
    return v if is_one(u) else u if is_one(v) else u * v


class Linear:
    """A linear map of cotangents. `leaf` gives its value on the factor it looks for."""

    def __init__(self, leaf: Leaf) -> None:
        self._leaf = leaf

    def leaf(self, ct: Node) -> Node | None:
        return self._leaf(ct, self)

    def takes_out(self, factor: Node) -> bool:
        """Is L(u·c) = u·L(c) for this factor u?"""
        return True

    def rest(self, ct: Node) -> Node | None:
        """Its value on a term without the factor; None where every term must have it."""
        return None

    def moved(self, ct: Node, depth: int) -> Node | None:
        """Its value on a term that has been moved or summed."""
        return None


def push(ct: Node, to: Linear, depth: int = DEPTH) -> Node | None:
    """L(ct), each term by its singular factor; None where no term has one."""
    found = to.leaf(ct)
    if found is not None or depth == 0:
        return found
    if ct.op is a.neg_op:
        inner = push(ct.inputs[0], to, depth - 1)
        return None if inner is None else p.negated(inner)
    if ct.op is a.mul_op:
        for u, v in (ct.inputs, ct.inputs[::-1]):
            if to.takes_out(u) and (inner := push(v, to, depth - 1)) is not None:
                return times(u, inner)
        return None
    if ct.op in (a.add_op, a.sub_op):
        return _push_sum(ct, to, depth)
    return to.moved(ct, depth - 1)


def _push_sum(ct: Node, to: Linear, depth: int) -> Node | None:
    parts = [push(i, to, depth - 1) for i in ct.inputs]
    if parts == [None, None]:
        return None
    x, y = (to.rest(i) if n is None else n for i, n in zip(ct.inputs, parts, strict=True))
    if x is None or y is None:
        return None
    if y.op is a.neg_op:
        return x - y.inputs[0] if ct.op is a.add_op else x + y.inputs[0]
    return apply(ct.op, x, y)


class Sigmoid(Linear):
    """c ↦ c·p′ with p = σ(z) and p′ = p(1−p), perhaps seen through a view."""

    def __init__(self, leaf: Leaf, p: Node, z: Node, slope: Node) -> None:
        super().__init__(leaf)
        self.p, self.z, self.slope = p, z, slope

    def rest(self, ct: Node) -> Node:
        return ct * self.slope

    def moved(self, ct: Node, depth: int) -> Node | None:
        """Past a view of p between the sigmoid and the loss, and past its un-broadcasting."""
        if ct.type.shape != self.p.type.shape:
            return None
        if ct.op in (sum_to_op, reduce.sum_op):
            inner = push(ct.inputs[0], self, depth)
            return None if inner is None else rebuild(ct, (inner,))
        views = [seen(ct, node) for node in (self.p, self.z, self.slope)]
        if None in views:
            return None
        inner = push(ct.inputs[0], Sigmoid(self._leaf, *views), depth)  # type: ignore[arg-type]
        return None if inner is None else rebuild(ct, (inner, *ct.inputs[1:]))


class Softmax(Linear):
    """c ↦ p ⊙ (c − Σ c⊙p) with p = softmax(z) along an axis."""

    def __init__(self, leaf: Leaf, m: Match) -> None:
        super().__init__(leaf)
        self.m, self.p, self.z, self.axis = m, m.q, m.z, m.q.attrs["axis"]

    def total(self, node: Node) -> Node:
        return apply(reduce.sum_op, node, axes=(self.axis,), keepdims=True)

    def takes_out(self, factor: Node) -> bool:
        """A factor that is the same along the axis."""
        axis = self.axis - self.p.rank
        return -axis > factor.rank or self.m.shape(factor)[axis] == 1

    def rest(self, ct: Node) -> Node:
        return self.p * (ct - self.total(ct * self.p))

    def of_quotient(self, u: Node) -> Node:
        """Its value on u/p:  u − p·Σu"""
        u = broadcast_to(u, self.p.type.shape)
        return u - self.p * self.total(u)


class Exponential(Linear):
    """c ↦ c·eˣ"""

    def __init__(self, leaf: Leaf, e: Node, x: Node) -> None:
        super().__init__(leaf)
        self.e, self.x = e, x

    def rest(self, ct: Node) -> Node:
        return ct * self.e


class Cancel(Linear):
    """c ↦ s·c, where every term of c is divided by s, outside or inside a sum along `axes`."""

    def __init__(self, divisor: Node, axes: tuple[int, ...] | None = None) -> None:
        super().__init__(lambda ct, _: self._cancelled(ct))
        self.divisor, self.axes = divisor, axes

    def _cancelled(self, ct: Node) -> Node | None:
        if ct.op is a.div_op and ct.inputs[1] is self.divisor:
            return ct.inputs[0]
        return None

    def moved(self, ct: Node, depth: int) -> Node | None:
        if ct.op is not reduce.sum_op or ct.attrs["axes"] != self.axes or not ct.attrs["keepdims"]:
            return None
        inner = push(ct.inputs[0], self, depth)
        return None if inner is None else _sum(inner, self.axes)


def _sum(node: Node, axes: tuple[int, ...]) -> Node:
    """Σ node, its sign outside."""
    if node.op is a.neg_op:
        return p.negated(_sum(node.inputs[0], axes))
    return apply(reduce.sum_op, node, axes=axes, keepdims=True)
