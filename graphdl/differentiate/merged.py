"""A derivative that is differentiated again: first it is merged as it will be when it is compiled.

∂bce/∂p·σ′(z) is p − y: what the rules of `rewrite/rules/losses.py` compile it to. Differentiated
factor by factor, as the sweep has written it, it gives two large terms of which little is left in the
tails of σ, and outside the clip of the loss nothing. Differentiated as p − y, it gives σ(z)·σ(−z).
"""

from __future__ import annotations

from collections.abc import Sequence

from graphdl.core.graph import Graph, Node, replace, walk
from graphdl.ops.build import tensor
from graphdl.ops.entropy import SLOPES
from graphdl.rewrite.engine import rewrite
from graphdl.rewrite.rules.losses import LOSSES
from graphdl.rewrite.simplify import strip_names


def merged(result: Node, wrt: Sequence[Node]) -> Node:
    """The result with the derivatives of its losses merged; what is in `wrt` stays as it is."""
    if not any(node.op in SLOPES for node in walk([result])):
        return result
    stand_ins = {w: tensor("w", w.type.shape, w.dtype) for w in wrt if w.inputs}
    (apart,) = replace([result], stand_ins)
    symbols = [node for node in walk([apart]) if node.op.name == "tensor"]
    graph, _ = rewrite(strip_names(Graph(symbols, [apart])), LOSSES, "losses")
    return replace(graph.outputs, {s: w for w, s in stand_ins.items()})[0]
