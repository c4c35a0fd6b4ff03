"""Operations that are formulas of simpler ones are written out: lowering knows primitives only."""

from __future__ import annotations

from graphdl.core.graph import Graph, Node, rebuild, walk
from graphdl.rewrite.engine import Became, follow


def expand(graph: Graph, became: Became | None = None) -> Graph:
    """Every op with a `body` replaced by it; `became` is kept up to date as in `simplify`."""
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        new[node] = _expanded(rebuild(node, tuple(new[i] for i in node.inputs)))
    follow(became, new)
    return graph.with_roots(new, graph.names)


def _expanded(node: Node) -> Node:
    """The node in primitives; bodies may hold further bodies."""
    if node.op.body is None:
        return node
    body = node.op.body(*node.inputs, **node.attrs)
    done: dict[Node, Node] = {i: i for i in node.inputs}
    for part in walk([body], stop=set(node.inputs)):
        if part not in done:
            done[part] = _expanded(rebuild(part, tuple(done[i] for i in part.inputs)))
    return done[body]
