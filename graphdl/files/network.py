"""What a `Sequential` or a functional `Model` is made of, as JSON.

A functional model is the list of its nodes, each after those it takes, by operation and attributes;
a layer's call is such a node too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphdl.core.errors import ModelFileError
from graphdl.core.graph import Node, Variable, walk
from graphdl.ops.registry import all_ops

if TYPE_CHECKING:
    from graphdl.files.encode import Encoder

FORMULA = "elementwise "  # how the operations of `gd.elementwise` are called
NETWORKS = ("graphdl.model", "graphdl.sequential")  # the homes of both classes
UNWRITTEN = ("identity", "layer", "output", "options")  # attributes that are made anew


def is_network(layer: Any) -> bool:
    """Is it a Sequential or Model itself (not a subclass, which is made by its constructor)?"""
    return type(layer).__module__ in NETWORKS


def encode_network(model: Any, encoder: Encoder) -> dict[str, Any]:
    """The layers in their order, or the nodes from inputs to outputs."""
    if not hasattr(model, "_ends"):
        return {"layers": [encoder.encode(x, x.name) for x in model.layers_in_order]}
    nodes = walk(model._ends)
    place = {node: k for k, node in enumerate(nodes)}
    return {
        "nodes": [_encode_node(node, place, encoder) for node in nodes],
        "inputs": [place[n] for n in model._symbols],
        "outputs": [place[n] for n in model._ends],
    }


def encode_inputs(symbols: list[Node], encoder: Encoder) -> list[dict[str, Any]]:
    """The symbols that data is put in for."""
    return [
        encoder.tensor_type(s.type, f"the input {s.attrs['name']!r}") | {"name": s.attrs["name"]}
        for s in symbols
    ]


def _encode_node(node: Node, place: dict[Node, int], encoder: Encoder) -> dict[str, Any]:
    """{"op": name, "takes": [numbers of nodes], …}"""
    if node.op.name == "tensor":
        return {"op": "tensor", **encode_inputs([node], encoder)[0]}
    takes = [place[i] for i in node.inputs]
    if node.op.name == "layer_call":
        layer = node.attrs["layer"]
        made = {"op": "layer_call", "layer": encoder.encode(layer, layer.name)}
        return made | {"takes": takes, "many": node.attrs["options"]}
    _require_writable(node)
    what = f"the operation {node.op.name!r}"
    attrs = {k: encoder.encode(v, what) for k, v in node.attrs.items() if k not in UNWRITTEN}
    return {"op": node.op.name, "takes": takes, "attrs": attrs}


def _require_writable(node: Node) -> None:
    if isinstance(node, Variable):
        raise ModelFileError(
            f"the model uses the Variable {node.name!r} outside of any layer, so it is none of its "
            "weights and would be lost. Make it a weight: a Layer with add_weight(…) in its __init__"
        )
    if all_ops().get(node.op.name) is not node.op and not node.op.name.startswith(FORMULA):
        raise ModelFileError(
            f"the model has the operation {node.op.name!r} (declared at {node.origin}) between its "
            "layers, which has no name that a file could give. Put it into a Layer of your own"
        )
