"""A program run once for each row of its inputs, all rows in one call of compiled code.

It is a training step whose batches have one row: what a row holds is the rate of a step of descent,
or a point at which J is looked at. The data of J are no rows, so they are put into the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphdl.core.graph import Graph, Node, Variable, replace, walk
from graphdl.core.interpret import Sizes
from graphdl.core.sizes import Size
from graphdl.ops.build import constant, tensor, variable
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.shape import broadcast_to
from graphdl.studies.objective import Objective
from graphdl.training.data import Data
from graphdl.training.runner import Runner
from graphdl.training.step import Step


class Rows:
    """Scalars of scalars, row by row: build nodes on `numbers`, `compile` them, `run` them."""

    def __init__(self, names: Sequence[str], dtype: str, target: str) -> None:
        self.symbols = tuple(tensor(name, ("rows",), dtype) for name in names)
        self._dtype, self._target = dtype, target

    @property
    def numbers(self) -> list[Node]:
        """The entries of the present row, as scalars."""
        return [sum_(s) for s in self.symbols]

    def compile(
        self, outputs: Sequence[Node], updates: Mapping[Variable, Node] | None = None
    ) -> Rows:
        """What is computed for each row, and updated after it; machine code comes at the first run."""
        shape = self.symbols[0].type.shape
        graph = Graph(self.symbols, [broadcast_to(n, shape) for n in outputs], updates)
        self._count, self._runner = len(outputs), Runner(Step(graph, self.symbols), self._target)
        return self

    def run(self, *columns: np.ndarray) -> list[np.ndarray]:
        """The outputs for these entries, one column an input; float64."""
        given = tuple(np.ascontiguousarray(c, self._dtype) for c in columns)
        found = [np.empty_like(given[0]) for _ in range(self._count)]
        self._runner.open(Data(given), 1, found).run(0, len(given[0]), 0, 0)
        return [f.astype(np.float64) for f in found]


def with_data(j: Objective) -> Node:
    """J with its data in it, as variables that nothing updates."""
    sizes, mapping = Sizes(), {}
    for symbol, array in zip(j.symbols, j.arrays, strict=True):
        sizes.learn(symbol.type.shape, array.shape, str(symbol.attrs["name"]))
        mapping[symbol] = variable(array, str(symbol.attrs["name"]), symbol.dtype)
    for node in walk([j.loss]):
        if node.op.name == "size" and isinstance(node.attrs["size"], Size):
            mapping[node] = constant(sizes.value(node.attrs["size"]), node.dtype)
    return replace([j.loss], mapping)[0]
