"""Embedding: a learned row for each of a number of things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphdl import constraints, initializers, regularizers
from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.graph import Node, walk
from graphdl.core.interpret import interpret
from graphdl.device import surely_within
from graphdl.layers.base import Layer
from graphdl.layers.trace import Lookup, current
from graphdl.ops.build import cast
from graphdl.ops.index import gather
from graphdl.registry import whole


class Embedding(Layer):
    """Row i of the table E for each whole number i: (n, …) gives (n, …, output_dim).

    input_dim: how many things there are; the input holds 0 … input_dim - 1, which is checked before
    fit and predict begin. E ("embeddings") has shape (input_dim, output_dim).
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.input_dim = whole("Embedding input_dim", input_dim)
        self.output_dim = whole("Embedding output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )  # fmt: skip

    def call(self, inputs: Any) -> Node:
        _require_data(self, inputs)
        current("Embedding").lookups.append(Lookup(self, inputs, self.input_dim))
        whole_numbers = inputs if inputs.dtype in ("int32", "int64") else cast(inputs, "int64")
        return gather(self.embeddings, whole_numbers)


def _require_data(layer: Layer, inputs: Node) -> None:
    """Indices that come straight from the data can be checked before anything runs."""
    leaves = {n.op.name for n in walk([inputs]) if not n.inputs}
    if not leaves <= {"tensor", "constant", "iota", "size"}:
        raise ShapeError(
            f"{layer.name!r} (Embedding) takes whole numbers from the data, got the result of "
            f"{inputs.op.name!r}, which depends on weights: its range cannot be checked"
        )


def check_lookups(lookups: Sequence[Lookup], data: Mapping[Node, Any], what: str = "x") -> None:
    """Raise where the data holds an index outside of a layer's table, naming the first such row."""
    for lookup in lookups:
        if surely_within(data.get(lookup.indices), 0, lookup.size - 1, whole=True):
            continue
        values = interpret([lookup.indices], {n: np.asarray(a) for n, a in data.items()})[0]
        name = f"{lookup.layer.name!r} (Embedding)"
        _refuse(values, values != np.floor(values), what, f"{name} takes whole numbers", DTypeError)
        bound = f"{name} knows 0 … {lookup.size - 1}; input_dim={lookup.size}"
        _refuse(values, (values < 0) | (values >= lookup.size), what, bound, ValueError)


def _refuse(
    values: np.ndarray, bad: np.ndarray, what: str, expected: str, kind: type[Exception]
) -> None:
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise kind(f"{what} holds {values[bad][0]:g} in row {row}; {expected}")
