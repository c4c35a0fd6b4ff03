"""The names of a derivation as they are printed, the nodes that bear them, and their aliases."""

from __future__ import annotations

from collections.abc import Iterable

from graphdl.core.graph import Node, Variable, walk
from graphdl.core.sizes import Size
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.formula.names import Names, plain_spelling
from graphdl.derivation.record import Factor, Record
from graphdl.show.text import TEXT


class Vocabulary:
    """The names of a derivation as they are printed, and the nodes that bear them."""

    def __init__(self, derivation: Record) -> None:
        self.derivation = derivation
        self.pen = Pen(derivation, TEXT)
        forward = [n for n in walk([derivation.result]) if n in self.pen.names]
        leaves = [n for n in forward if isinstance(n, Variable)]
        leaves += [n for n in forward if n.op.name == "tensor"]
        order = dict.fromkeys([*leaves, *forward])
        self.nodes: dict[str, Node] = {}
        for node in order:
            self.nodes[self.pen.name(node)] = node  # the label stands behind what it labels
        self.sizes = [s for s in size_names([derivation.result]) if s not in self.nodes]

    def quotient(self, factor: Factor) -> tuple[str, str]:
        """The names of v and u in ∂v/∂u."""
        return self.pen.name(factor.node), self.pen.name(factor.wrt)

    def factor(self, factor: Factor) -> str:
        """∂v/∂u as it is printed."""
        return self.pen.quotient(factor.node, factor.wrt)

    def total(self, node: Node) -> str:
        """∂J/∂v as it is printed."""
        return self.pen.quotient(self.derivation.result, node)

    def cotangent(self, node: Node) -> tuple[str, str]:
        """The names of J and v in ∂J/∂v."""
        return self.pen.name(self.derivation.result), self.pen.name(node)

    def names(self, more: Iterable[str] = ()) -> Names:
        """All that a formula may name; δ2, like δ_z2, is ∂J/∂z2."""
        known = [*self.nodes, *self.sizes, *more]
        aliases = {}
        for node in self.derivation.cotangents:
            of, by = self.cotangent(node)
            plain = plain_spelling(by)
            aliases["delta" + plain] = f"∂{of}/∂{by}"
            if plain.startswith("z"):
                aliases["delta" + plain[1:]] = f"∂{of}/∂{by}"
        return Names(known, aliases)


def size_names(roots: Iterable[Node]) -> list[str]:
    """The named sizes of a graph, in the order of their first use."""
    found = (n for node in walk(roots) for d in node.shape if isinstance(d, Size) for n in d.names)
    return list(dict.fromkeys(found))
