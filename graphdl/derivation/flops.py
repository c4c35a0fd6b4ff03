"""What one node costs: scalar operations and bytes, as polynomials of the named sizes.

An operation is counted as the loops that lowering makes of it alone, by the convention of
`codegen.profile`: additions, multiplications, comparisons and calls one each, 2·m·n·k for a product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from codegen.profile import flops as flops_of
from graphdl.core.graph import Graph, Node, apply
from graphdl.core.sizes import Dim, Facts, Size, product
from graphdl.core.types import Type
from graphdl.lower import lower
from graphdl.ops.build import tensor
from graphdl.rewrite.expand import expand


class Counter:
    """Counts nodes under what is known of their sizes."""

    def __init__(self, roots: Iterable[Node]) -> None:
        self.facts = Facts()
        for root in roots:
            self.facts = self.facts.merge(root.facts)
        self._found: dict[Node, Dim] = {}

    def shape(self, node: Node) -> tuple[Dim, ...]:
        return self.facts.shape(node.type.shape)

    def size(self, node: Node) -> Dim:
        """The number of elements."""
        return product(self.shape(node))

    def flops(self, node: Node) -> Dim:
        """The scalar operations that make the node from its inputs."""
        if node not in self._found:
            self._found[node] = self._count(node)
        return self._found[node]

    def total(self, nodes: Iterable[Node]) -> Dim:
        """All of them, one after the other."""
        return _sum(self.flops(n) for n in nodes)

    def bytes(self, nodes: Iterable[Node]) -> Dim:
        """Read and written when each operation reads its inputs and writes its result, unfused."""
        return _sum(
            self.size(n) * np.dtype(n.dtype).itemsize
            for node in nodes
            if self.flops(node) != 0
            for n in (node, *dict.fromkeys(node.inputs))
        )

    def product_of(self, node: Node) -> tuple[Dim, ...]:
        """The sizes that multiply in a matrix product: 2, …batch, rows, inner, columns."""
        return (2, *self.shape(node)[:-1], self.shape(node.inputs[0])[-1], self.shape(node)[-1])

    def _count(self, node: Node) -> Dim:
        if not node.inputs:
            return 0
        if node.op.name == "matmul":
            return product(self.product_of(node))
        symbols = [i if i.op.name == "constant" else self._stand_in(i) for i in node.inputs]
        alone = apply(node.op, *symbols, **node.attrs)
        graph = Graph([s for s in dict.fromkeys(symbols) if s.op.name == "tensor"], [alone])
        lowered = lower(expand(graph))
        variables: Any = lowered.program.sizes
        names: Any = dict(zip((v.name for v in variables), lowered.sizes, strict=True))
        return _sum(flops_of(item, names) for item in lowered.program.items)

    def _stand_in(self, node: Node) -> Node:
        kind = Type(self.shape(node), node.dtype)
        return tensor("x", kind.shape, kind.dtype)


def _sum(parts: Iterable[Any]) -> Dim:
    total: Dim = 0
    for part in parts:
        total = total + (part if isinstance(part, Size) else int(part))
    return total
