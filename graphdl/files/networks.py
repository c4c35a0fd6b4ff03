"""`Sequential` and functional models from JSON: the inverse of `network`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphdl.core.errors import ModelFileError
from graphdl.core.graph import Node, apply, leaf
from graphdl.core.op import Op
from graphdl.core.types import Type, as_shape
from graphdl.files.network import FORMULA
from graphdl.layers.trace import Trace, tracing
from graphdl.model import Model
from graphdl.ops.build import tensor
from graphdl.ops.random import normal_op, uniform_op
from graphdl.ops.registry import all_ops
from graphdl.sequential import Sequential

if TYPE_CHECKING:
    from graphdl.files.decode import Decoder


def decode_network(kind: str, config: dict[str, Any], decoder: Decoder) -> Model:
    """The model of `encode_network`."""
    if kind == "Sequential":
        return Sequential([decoder.decode(item) for item in config["layers"]])
    if kind != "Model":
        raise ModelFileError(f"a model of the kind {kind!r:.60} is not known")
    nodes: list[Node] = []
    for item in config["nodes"]:
        nodes.append(_decode_node(item, nodes, decoder))
    return Model(_chosen(nodes, config["inputs"]), _chosen(nodes, config["outputs"]))


def build(layer: Any, built: dict[str, Any], decoder: Decoder) -> None:
    """Make the weights that depend on the inputs, for inputs of the same types as before."""
    if "inputs" in built:
        if not layer._symbols:  # else its constructor knew them
            layer._symbols = [symbol(s, decoder) for s in built["inputs"]]
            if layer.layers:  # what was only declared so far is built with its first layer
                layer._finish()
        return
    nodes = [symbol({"name": "x", **t}, decoder) for t in built["called_on"]]
    with tracing(Trace(training=False)):
        layer(nodes if built["many"] else nodes[0])


def symbol(item: dict[str, Any], decoder: Decoder) -> Node:
    """An input by its name, shape and dtype."""
    return tensor(item["name"], tuple(decoder.decode(item["shape"])), item["dtype"])


def _chosen(nodes: list[Node], numbers: list[int]) -> list[Node]:
    """Nodes by their numbers, which lead backwards only: a graph has no cycle."""
    for k in numbers:
        if type(k) is not int or not 0 <= k < len(nodes):
            raise ModelFileError(
                f"node {len(nodes)} takes node {k!r:.60}, which does not precede it"
            )
    return [nodes[k] for k in numbers]


def _decode_node(item: dict[str, Any], nodes: list[Node], decoder: Decoder) -> Node:
    name = item["op"]
    if name == "tensor":
        return symbol(item, decoder)
    takes = _chosen(nodes, item["takes"])
    if name == "layer_call":
        return decoder.decode(item["layer"])(takes if item["many"] else takes[0])
    attrs = {k: decoder.decode(v) for k, v in item["attrs"].items()}
    if name.startswith(FORMULA):
        return _formula(name, decoder)(*takes)
    if name in (uniform_op.name, normal_op.name):
        return _draw(all_ops()[name], attrs)
    if name not in all_ops() or name == "variable":
        raise ModelFileError(f"graphdl has no operation {name!r:.60}; perhaps a newer version has")
    return apply(all_ops()[name], *takes, **attrs)


def _draw(op: Op, attrs: dict[str, Any]) -> Node:
    """A random node has an identity of its own."""
    attrs["shape"] = as_shape(attrs["shape"])
    return leaf(Node, op, Type(attrs["shape"], attrs["dtype"]), **attrs)


def _formula(name: str, decoder: Decoder) -> Any:
    """The function of `gd.elementwise`: the file has its name, the user has the formula."""
    for key, value in decoder.custom.items():
        if name == f"{FORMULA}{key!r}":
            return value
    quoted = name.removeprefix(FORMULA)
    raise ModelFileError(
        f"the file needs your own formula {quoted:.60}. Pass what gd.elementwise({quoted:.60}, …) "
        f"gave: custom_objects={{{quoted:.60}: …}}"
    )
