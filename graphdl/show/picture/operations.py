"""A graph as a scene: one box an operation, saying its formula in terms of its inputs.

Names, repetitions (`broadcast_to`) and numbers get no box of their own: a named value is one box
with its name in front, a repeated value is what is repeated, 0.1 stands in the formula. What is
computed for gradients only, and for updates only, is told apart from the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphdl.core.errors import GraphdlError
from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.notation import Written, call, plain
from graphdl.core.sizes import Facts
from graphdl.differentiate.chain_rule import gradients
from graphdl.show.names import own_name
from graphdl.show.picture.scene import Box, Cluster, Edge, Kind, Scene, edges_once
from graphdl.table import printable

WIDTH = 36  # characters of a formula in a box
NAME = 24  # and of a name in it
Describe = Callable[[Node], tuple[str, tuple[str, ...]] | None]


def clipped(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def shape_text(shape: Iterable[object]) -> str:
    """(n, 30), (16,), or () for a single number."""
    sizes = [plain(str(d)) if str(d).isidentifier() else str(d) for d in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def operations(
    graph: Graph | Node | Sequence[Node],
    show_shapes: bool = True,
    names: Mapping[Node, str] | None = None,
    owners: Mapping[Node, tuple[str, ...]] | None = None,
    describe: Describe | None = None,
    title: str = "",
) -> Scene:
    """The scene of a graph, a node with all it depends on, or several nodes.

    owners: the frames around a node, outermost first; describe: label and lines where the node is
    more than an operation.
    """
    whole = graph if isinstance(graph, Graph) else None
    outputs = list(whole.outputs if whole else [graph] if isinstance(graph, Node) else graph)  # type: ignore[arg-type]
    if whole and not outputs:  # a training step: what it minimises is checked to be finite
        outputs = [n for n in whole.checks if n.rank == 0 and n.type.is_float][:1]
    updates = dict(whole.updates) if whole else {}
    inputs = list(whole.inputs) if whole else []
    drawing = _Drawing(
        nodes=list(dict.fromkeys([*walk([*inputs, *outputs, *updates.values(), *updates])])),
        names={**(whole.names if whole else {}), **(names or {})},
        parts=_Parts.of(outputs, updates),
        show_shapes=show_shapes,
        owners=dict(owners or {}),
        describe=describe or (lambda _: None),
    )
    return drawing.scene(title or _title(outputs), updates)


def _title(outputs: Sequence[Node]) -> str:
    named = [plain(name) for n in outputs if (name := own_name(n))]
    return f"Graph of {', '.join(named)}" if named else "Graph"


@dataclass
class _Parts:
    """Which nodes belong to the forward pass, which are there for gradients or updates alone."""

    outputs: dict[Node, None]
    forward: set[Node]
    gradient: set[Node]
    names: dict[Node, str]  # ∂J/∂W of the gradients that were asked for

    @classmethod
    def of(cls, outputs: Sequence[Node], updates: Mapping[Variable, Node]) -> _Parts:
        reached = walk([*outputs, *updates.values()])
        found: dict[Node, str] = {}
        gradient: set[Node] = set()
        for result in outputs:
            if result.rank == 0 and result.type.is_float and (len(outputs) > 1 or updates):
                slopes = _gradients_among(result, set(reached))
                found |= {n: name for n, name in slopes.items() if n not in found}
                gradient |= set(walk(slopes)) - set(walk([result]))
        forward = set(walk([n for n in outputs if n not in gradient]))
        return cls(dict.fromkeys(outputs), forward, gradient - forward, found)

    def kind(self, node: Node) -> Kind:
        if node.op.name == "tensor":
            return "input"
        if isinstance(node, Variable):
            return "weight"
        if node in self.gradient:
            return "gradient"
        if node not in self.forward:
            return "update"
        if node in self.outputs:
            return "loss" if node.rank == 0 and node.type.is_float else "output"
        return "op"


def _gradients_among(result: Node, nodes: set[Node]) -> dict[Node, str]:
    """Those of the nodes that are gradients of the result, by the name ∂J/∂W.

    Nodes are interned: a gradient that is taken again is the node that the user has.
    """
    forward = walk([result])
    leaves = [n for n in forward if n.op.name in ("tensor", "variable") and n.type.is_float]
    try:
        slopes = gradients(result, leaves, or_zero=True)
    except GraphdlError:  # nothing to find: the result has no derivative
        return {}
    below = plain(own_name(result) or "·")
    new = nodes - set(forward)
    return {
        slope: f"∂{below}/∂{plain(str(leaf.attrs['name']))}"
        for leaf, slope in zip(leaves, slopes, strict=True)
        if slope in new
    }


@dataclass
class _Drawing:
    """One scene in the making."""

    nodes: list[Node]
    names: dict[Node, str]
    parts: _Parts
    show_shapes: bool
    owners: dict[Node, tuple[str, ...]]
    describe: Describe
    title: dict[Node, str] = field(default_factory=dict)  # what boxes are called
    stands_for: dict[Node, Node] = field(default_factory=dict)  # node -> the node of its box
    ids: dict[Node, str] = field(default_factory=dict)
    frames: dict[tuple[str, ...], Cluster] = field(default_factory=dict)

    def scene(self, title: str, updates: Mapping[Variable, Node]) -> Scene:
        for node in self.nodes:
            self._settle(node)
        shown = [n for n in self.nodes if self.stands_for.get(n) is n]
        self.ids = {n: f"n{k}" for k, n in enumerate(shown, 1)}
        facts = Facts()
        for n in self.nodes:
            facts = facts.merge(n.facts)
        kinds = self._kinds()
        boxes = tuple(self._box(n, kinds[n], facts) for n in shown)
        edges = [e for n in shown for e in self._arrows(n, kinds[n])]
        edges += [
            Edge(start=self._id(new), end=self._id(v), style="update", back=True)
            for v, new in updates.items()
            if new in self.stands_for and self.stands_for[new] is not v
        ]
        clusters = tuple(self.frames.values())
        return Scene(title=title, boxes=boxes, edges=edges_once(edges), clusters=clusters)

    def _id(self, node: Node) -> str:
        return self.ids[self.stands_for[node]]

    def _settle(self, node: Node) -> None:
        """Which box the node is in, and what that is called."""
        if node.op.name == "constant" and node.rank == 0:
            return
        own = None if node.op.name == "layer_call" else own_name(node)
        name = self.names.get(node) or own or self.parts.names.get(node)
        inner = self.stands_for.get(node.inputs[0]) if node.inputs else None
        passes = inner is not None and inner.inputs and node.op.name in ("named", "broadcast_to")
        if passes and not (name and inner in self.title):
            self.stands_for[node] = inner  # type: ignore[assignment]
        else:
            self.stands_for[node] = node
        if name:
            ours = name is self.parts.names.get(node)  # ∂J/∂W, made of safe names
            self.title[self.stands_for[node]] = name if ours else plain(name)

    def _kinds(self) -> dict[Node, Kind]:
        """The kind of each box: an output is what any of its nodes is."""
        kinds: dict[Node, Kind] = {}
        for node, box in self.stands_for.items():
            kind = self.parts.kind(node)
            if kinds.get(box, "op") == "op":
                kinds[box] = kind
        return kinds

    def _box(self, node: Node, kind: Kind, facts: Facts) -> Box:
        name = self.title.get(node, "")
        label, lines = self.describe(node) or (self._formula(node, name), ())
        if not lines and self.show_shapes:
            lines = (shape_text(facts.shape(node.type.shape)),)
        return Box(
            id=self.ids[node], label=label, kind=kind, lines=lines, name=name,
            cluster=self._frame(self.owners.get(node, ())),
        )  # fmt: skip

    def _formula(self, node: Node, name: str) -> str:
        if node.op.name in ("tensor", "variable"):
            return clipped(printable(self.names.get(node) or str(node.attrs["name"])))
        args = [self._argument(i) for i in node.inputs]
        text = node.op.text(node.op.name, args, node.attrs).text
        if text == "·":  # x/1 is written x
            text = call(node.op.name, args, {}).text
        text = clipped(text)
        return f"{clipped(name, NAME)} = {text}" if name and text != name else text

    def _argument(self, node: Node) -> Written:
        """A number, the name of a box, or a dot for what an arrow brings."""
        if node not in self.stands_for:
            return replace(node.op.text("constant", (), node.attrs), shape=())
        name = self.title.get(self.stands_for[node])
        return Written(clipped(name, NAME) if name else "·", shape=node.shape)

    def _arrows(self, node: Node, kind: Kind) -> Iterable[Edge]:
        style = kind if kind in ("gradient", "update") else "forward"
        for i in node.inputs:
            if i in self.stands_for:
                yield Edge(start=self._id(i), end=self.ids[node], style=style)

    def _frame(self, path: tuple[str, ...]) -> str | None:
        if not path:
            return None
        if path not in self.frames:
            parent = self._frame(path[:-1])
            id = f"c{len(self.frames) + 1}"
            self.frames[path] = Cluster(id=id, label=path[-1], parent=parent)
        return self.frames[path].id
