"""The written spec of a `Graph`: `verify` raises where one breaks it."""

from __future__ import annotations

from graphdl.core.errors import GraphdlError, GraphError
from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.op import Inference
from graphdl.core.types import DTYPES, Type


def verify(graph: Graph) -> None:
    """Raise GraphError unless the graph keeps to the spec.

    Its nodes are all that its roots depend on, each after its inputs. Each node has the type that
    its op's rule gives under what the graph knows of sizes. Symbols are among the inputs, and only
    symbols are. An update fits its variable, a check can be not finite, and every op has a
    derivative or says why it has none.
    """
    _require(graph.nodes == walk(graph.roots), "its nodes are not those its roots depend on")
    for node in graph.nodes:
        _verify_node(graph, node)
    for node in graph.inputs:
        _require(node.op.name == "tensor", f"the input {_name(node)} is no symbol")
    for variable, new in graph.updates.items():
        _verify_update(graph, variable, new)
    for node in graph.checks:
        _require(node.type.is_float, f"the check {_name(node)} is {node.dtype}: always finite")
    for node in graph.names:
        _require(node.op.name != "named", f"the label {_name(node)} is itself named")


def _require(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        raise GraphError(f"invalid graph: {otherwise}")


def _verify_node(graph: Graph, node: Node) -> None:
    op = node.op
    _require(op.differentiable or bool(op.why_not), f"{op.name} has no derivative and no reason")
    _require(node.dtype in DTYPES, f"{_name(node)} holds {node.dtype}")
    if op.name == "tensor":
        _require(node in graph.inputs, f"the symbol {_name(node)} is not among the inputs")
    if isinstance(node, Variable):
        stored = Type(node.storage.shape, node.storage.dtype.name)
        _require(stored == node.type, f"{_name(node)} is {node.type} and holds {stored}")
    if "identity" not in node.attrs:  # leaves were given their type, they do not infer it
        _verify_type(graph, node)


def _verify_type(graph: Graph, node: Node) -> None:
    """The node's type against its op's rule, under all that the graph knows of sizes."""
    rule = Inference(graph.facts, node.op.name)
    try:
        found = node.op.infer(rule, *[i.type for i in node.inputs], **node.attrs)
    except GraphdlError as error:
        raise GraphError(f"invalid graph: {_name(node)} does not fit its inputs: {error}") from None
    same = found.dtype == node.dtype and rule.facts.shape(found.shape) == graph.shape(node)
    _require(same, f"{_name(node)} is {node.type}, its rule says {found}")
    _require(
        rule.facts.known == graph.facts.known, f"{_name(node)} knows more sizes than the graph"
    )


def _verify_update(graph: Graph, variable: Node, new: Node) -> None:
    _require(isinstance(variable, Variable), f"{_name(variable)} is updated and no variable")
    same = new.dtype == variable.dtype and graph.shape(new) == graph.shape(variable)
    _require(same, f"{_name(variable)} is {variable.type}, its update {new.type}")


def _name(node: Node) -> str:
    label = node.attrs.get("name")
    place = f" ({node.origin})" if node.origin else ""
    return (repr(str(label)) if label else f"a {node.op.name!r}") + place
