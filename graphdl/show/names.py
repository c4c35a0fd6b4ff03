"""What nodes are called: the user's names, told apart where several nodes share one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphdl.core.graph import Node, walk


@dataclass(frozen=True, slots=True)
class Label:
    """A name, and which of the nodes of that name this is (1 for the first)."""

    name: str
    number: int = 1


def labels(roots: Iterable[Node], given: Mapping[Node, str] | None = None) -> dict[Node, Label]:
    """The labels of all nodes below the roots that have a name, of their own or by `given`.

    The value under a `named` node goes by that name too: derivatives refer to either.
    """
    counts: dict[str, int] = {}
    found: dict[Node, Label] = {}
    for node in walk(roots):
        name = (given or {}).get(node) or own_name(node)
        if name is None:
            continue
        counts[name] = counts.get(name, 0) + 1
        found[node] = Label(name, counts[name])
        if node.op.name == "named" and node.inputs[0].inputs:
            found.setdefault(node.inputs[0], found[node])
    return found


def own_name(node: Node) -> str | None:
    """The name a node was declared with; a random draw goes by that of its distribution."""
    if "identity" in node.attrs or node.op.name == "named":
        return str(node.attrs.get("name", node.op.name))
    return None
