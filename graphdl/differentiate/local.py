"""The local derivative ∂v/∂u, read off what the sweep did to the cotangent of v.

On its way from v to u the sweep multiplies by partials, by matrices from one side, and sums over
what was repeated. Where it did only one of these, the factor stands alone: ŷ(1−ŷ), or Xᵀ. Where it
did several, the local derivative is a map of the cotangent and is written as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from graphdl.core.graph import Node, walk
from graphdl.ops.arithmetic import add, divide, negative, where
from graphdl.ops.build import is_one, like
from graphdl.ops.shape import summed_axes

Kind = Literal["times", "left", "right", "sum", "map"]


@dataclass(frozen=True, eq=False)
class LocalDerivative:
    """How the cotangent δ of v becomes that of u.

    times: δ ⊙ node · left: node @ δ · right: δ @ node · sum: δ ⊙ node, summed over `axes` of v
    map: none of these; node is None.
    """

    kind: Kind
    node: Node | None = None
    axes: tuple[int, ...] = ()


_MAP = LocalDerivative("map")


def local_derivative(after: Node, before: Node, stop: set[Node]) -> LocalDerivative:
    """What takes the cotangent `before` to `after`; `stop` holds it and all forward nodes."""
    if is_one(before):
        return LocalDerivative("times", after)
    found = {before: LocalDerivative("times", like(before, 1.0))}
    for node in walk([after], stop=stop):
        if node is not before and any(i in found for i in node.inputs):
            carried = [found.get(i) for i in node.inputs]
            found[node] = _RULES.get(node.op.name, _unknown)(node, carried)
    return found.get(after, _MAP)


Carried = list[LocalDerivative | None]  # of each input, None where the cotangent does not enter
Rule = Callable[[Node, Carried], LocalDerivative]


def _unknown(node: Node, carried: Carried) -> LocalDerivative:
    return _MAP


def _times(node: Node, carried: Carried) -> LocalDerivative:
    """A product with what does not hold the cotangent, on either side."""
    only, other = _sides(node, carried)
    if only is None or only.kind != "times":
        return _MAP
    return LocalDerivative("times", other if is_one(only.node) else only.node * other)


def _over(node: Node, carried: Carried) -> LocalDerivative:
    numerator, denominator = carried
    if denominator is not None or numerator is None or numerator.kind != "times":
        return _MAP
    return LocalDerivative("times", divide(numerator.node, node.inputs[1]))


def _minus(node: Node, carried: Carried) -> LocalDerivative:
    (only,) = carried
    return LocalDerivative("times", negative(only.node)) if only.kind == "times" else _MAP


def _select(node: Node, carried: Carried) -> LocalDerivative:
    """where(c, δ ⊙ p, 0)"""
    condition, kept, other = carried
    zero = node.inputs[2]
    masks = zero.op.name == "constant" and not zero.attrs["value"].any()
    if condition or other or kept is None or kept.kind != "times" or not masks:
        return _MAP
    return LocalDerivative("times", where(node.inputs[0], kept.node, zero))


def _plus(node: Node, carried: Carried) -> LocalDerivative:
    """Two paths between the same names add up."""
    a, b = carried
    if a is None or b is None or {a.kind, b.kind} != {"times"}:
        return _MAP
    return LocalDerivative("times", add(a.node, b.node))


def _product(node: Node, carried: Carried) -> LocalDerivative:
    only, other = _sides(node, carried)
    if only is None or only.kind != "times" or not is_one(only.node):
        return _MAP
    return LocalDerivative("right" if carried[0] is only else "left", other)


def _summed(node: Node, carried: Carried) -> LocalDerivative:
    (only,) = carried
    axes = summed_axes(node.inputs[0].type.shape, node.type.shape)
    return LocalDerivative("sum", only.node, axes) if only.kind == "times" else _MAP


def _moved(node: Node, carried: Carried) -> LocalDerivative:
    """Repeating a product of elements changes nothing about it; nor does renaming a size."""
    (only,), shape, old = carried, node.type.shape, node.inputs[0].type.shape
    if only.kind == "times" and (node.op.name == "broadcast_to" or not any(d != 1 for d in shape)):
        return only
    same = len(shape) == len(old) and not summed_axes(shape, old)
    return only if same and node.op.name == "broadcast_to" else _MAP


def _sides(node: Node, carried: Carried) -> tuple[LocalDerivative | None, Node]:
    """The side with the cotangent, if it is one alone, and the other factor."""
    a, b = carried
    if a is not None and b is not None:
        return None, node.inputs[0]
    return (a, node.inputs[1]) if a is not None else (b, node.inputs[0])


_RULES: dict[str, Rule] = {
    "mul": _times,
    "div": _over,
    "neg": _minus,
    "where": _select,
    "add": _plus,
    "matmul": _product,
    "sum_to": _summed,
    "broadcast_to": _moved,
    "reshape": _moved,
}
