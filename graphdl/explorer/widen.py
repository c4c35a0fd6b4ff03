"""A graph in float64 whose variables are symbols: the form in which a page computes.

A page shows finite differences beside derivatives, and has no memory of its own between two runs: so
it computes in the widest numbers of JavaScript, and takes every weight as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphdl.core.graph import Node, apply, walk
from graphdl.ops.build import cast, constant, tensor

WIDE = "float64"


def symbol_for(node: Node, name: str) -> Node:
    """A float64 symbol of the node's shape; whole numbers stay whole."""
    return tensor(name, node.type.shape, WIDE if node.type.is_float else node.dtype)


def widened(roots: Iterable[Node], leaves: Mapping[Node, Node]) -> list[Node]:
    """The roots over other leaves, in float64. Random draws keep their dtype, and so their numbers.

    leaves: what stands for each symbol and variable.
    """
    roots, new = list(roots), dict(leaves)
    for node in walk(roots, stop=set(leaves)):
        if node not in new:
            new[node] = _wide(node, tuple(new[i] for i in node.inputs))
    return [new[r] for r in roots]


def _wide(node: Node, inputs: tuple[Node, ...]) -> Node:
    if "stream" in node.attrs:
        return cast(node, WIDE)
    if node.op.name == "constant":
        return _constant(node)
    attrs = dict(node.attrs)
    if attrs.get("dtype") == "float32":
        attrs["dtype"] = WIDE
    if node.op.name == "cast" and inputs[0].dtype == attrs["dtype"]:
        return inputs[0]
    return apply(node.op, *inputs, **attrs)


def _constant(node: Node) -> Node:
    """The number that was meant: 0.1 in float32 is 0.1 again, not 0.10000000149."""
    value = node.attrs["value"]
    if value.dtype != "float32":
        return node
    return constant(value.astype(str).astype(WIDE), WIDE)
