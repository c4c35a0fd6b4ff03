"""A derivation as a scene, at the level of its names: forward from x to J, and the chain rule back.

Each dashed edge is one factor ∂v/∂u of the derivation; it leads from v back to u.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphdl.core.graph import Node, Variable, walk
from graphdl.derivation.naming import names_of
from graphdl.derivation.record import Record
from graphdl.show.picture.operations import clipped, shape_text
from graphdl.show.picture.scene import Box, Edge, Kind, Scene, edges_once
from graphdl.show.text import TEXT
from graphdl.show.writing import write

LINE = 32


def derived(derivation: Record, show_shapes: bool = True) -> Scene:
    """The scene of a `Derivation` (its result, factors, names)."""
    drawing = _Drawing(derivation, show_shapes)
    name = drawing.name
    title = f"∂{name(derivation.result)}/∂{name(derivation.wrt)} by the chain rule"
    return Scene(title=title, boxes=drawing.boxes(), edges=edges_once(drawing.edges()))


class _Drawing:
    """One scene in the making."""

    def __init__(self, derivation: Record, show_shapes: bool) -> None:
        self.derivation, self.show_shapes = derivation, show_shapes
        self.labels = names_of(derivation)  # also of nodes at which paths meet: u1, u2, …
        stops = {f.node for f in derivation.factors} | {derivation.result, derivation.wrt}
        nodes = walk([derivation.result])
        self.shown = [n for n in nodes if n in stops or _is_named(n)]
        self.ids = {n: f"n{k}" for k, n in enumerate(self.shown, 1)}

    def name(self, node: Node) -> str:
        """What the node goes by in print."""
        return clipped(TEXT.name(self.labels[node]).text, LINE)

    def boxes(self) -> tuple[Box, ...]:
        return tuple(
            Box(
                id=self.ids[n], label=self.name(n), name=self.name(n), kind=self._kind(n),
                lines=tuple(self._lines(n)), mark=n is self.derivation.wrt,
            )
            for n in self.shown
        )  # fmt: skip

    def edges(self) -> Iterable[Edge]:
        for n in self.shown:
            for i in self._before(n):
                yield Edge(start=self.ids[i], end=self.ids[n])
        for f in self.derivation.factors:
            label = f"∂{self.name(f.node)}/∂{self.name(f.wrt)}"
            ends = {"start": self.ids[f.node], "end": self.ids[f.wrt]}
            yield Edge(**ends, style="gradient", label=label, back=True)

    def _kind(self, node: Node) -> Kind:
        if node is self.derivation.result:
            return "loss"
        if node.op.name == "tensor":
            return "input"
        return "weight" if isinstance(node, Variable) else "op"

    def _lines(self, node: Node) -> Iterable[str]:
        if node.inputs:
            yield clipped(write(node, TEXT, self.labels).body.text, LINE)
        if self.show_shapes:
            yield shape_text(node.shape)

    def _before(self, node: Node) -> list[Node]:
        """The names that a name's formula speaks of."""
        stop = self.ids.keys() - {node}
        return [n for n in walk([node], stop=stop) if n in stop]


def _is_named(node: Node) -> bool:
    leaf = isinstance(node, Variable) or node.op.name == "tensor"
    return leaf or (node.op.name == "named" and bool(node.inputs))
