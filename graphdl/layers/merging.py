"""Layers that put several inputs together: `Add()([a, b])`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_axis
from graphdl.layers.base import Layer
from graphdl.ops.arithmetic import add, maximum, minimum, multiply
from graphdl.ops.build import like
from graphdl.ops.linalg import einsum
from graphdl.ops.reduce import norm
from graphdl.ops.shape import concat, expand_dims, reshape


class Merge(Layer):
    """Base: a list of inputs; one with fewer axes is repeated along those it lacks."""

    exactly: int | None = None

    def build(self, input_shape: Any) -> None:
        several = isinstance(input_shape, list) and len(input_shape) > 1
        if not several or (self.exactly and len(input_shape) != self.exactly):
            wanted = "two inputs" if self.exactly else "at least two inputs"
            kind = type(self).__name__
            count = len(input_shape) if isinstance(input_shape, list) else 1
            raise ShapeError(
                f"{self.name!r} takes a list of {wanted}, such as {kind}()([a, b]); got {count}"
            )

    def call(self, inputs: Any) -> Node:
        return self.merged(_same_rank(inputs))

    def merged(self, inputs: Sequence[Node]) -> Node:
        raise NotImplementedError

    @staticmethod
    def one_by_one(function: Callable[[Any, Any], Node], inputs: Sequence[Node]) -> Node:
        return functools.reduce(function, inputs)


def _same_rank(inputs: Sequence[Node]) -> list[Node]:
    """Axes of length 1 after that of the examples, where some inputs have more of them."""
    most = max(i.rank for i in inputs)
    found = []
    for node in inputs:
        while node.rank < most:
            node = expand_dims(node, 1)
        found.append(node)
    return found


class Add(Merge):
    """a + b + …"""

    def merged(self, inputs: Sequence[Node]) -> Node:
        return self.one_by_one(add, inputs)


class Subtract(Merge):
    """a - b"""

    exactly = 2

    def merged(self, inputs: Sequence[Node]) -> Node:
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """a·b·…, element by element"""

    def merged(self, inputs: Sequence[Node]) -> Node:
        return self.one_by_one(multiply, inputs)


class Average(Merge):
    """(a + b + …)/k for k inputs"""

    def merged(self, inputs: Sequence[Node]) -> Node:
        return self.one_by_one(add, inputs) / len(inputs)


class Maximum(Merge):
    """The largest, element by element; equal ones share the gradient."""

    def merged(self, inputs: Sequence[Node]) -> Node:
        return self.one_by_one(maximum, inputs)


class Minimum(Merge):
    """The smallest, element by element; equal ones share the gradient."""

    def merged(self, inputs: Sequence[Node]) -> Node:
        return self.one_by_one(minimum, inputs)


class Concatenate(Merge):
    """One after the other along an axis."""

    def __init__(self, axis: int = -1, **rest: Any) -> None:
        super().__init__(**rest)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        ranks = sorted({len(s) for s in input_shape})
        if len(ranks) > 1:
            raise ShapeError(f"{self.name!r} (Concatenate): the inputs have {ranks} axes")
        if as_axis(self.axis, ranks[0], f"{self.name!r} (Concatenate)") == 0:
            raise ShapeError(
                f"{self.name!r} (Concatenate): axis 0 is that of the examples; join features"
            )

    def call(self, inputs: Any) -> Node:
        return concat(list(inputs), self.axis)


class Dot(Merge):
    """Σ a·b along one axis of each, example by example; a row of two vectors gives one number.

    axes: an axis, or one for each input. normalize: both of length 1 first, which gives the cosine.
    """

    exactly = 2

    def __init__(self, axes: Any, normalize: bool = False, **rest: Any) -> None:
        super().__init__(**rest)
        both = list(axes) if isinstance(axes, (list, tuple)) else axes
        if isinstance(both, list) and len(both) != 2:
            raise ValueError(f"Dot axes is an axis or a pair of axes, got {axes!r}")
        self.axes, self.normalize = both, bool(normalize)

    def call(self, inputs: Any) -> Node:
        a, b = inputs
        axes = self.axes if isinstance(self.axes, list) else [self.axes, self.axes]
        i, j = (
            as_axis(k, n.rank, f"{self.name!r} (Dot)") for k, n in zip(axes, inputs, strict=True)
        )
        if not i or not j:
            raise ShapeError(f"{self.name!r} (Dot): axis 0 is that of the examples")
        if self.normalize:
            a, b = _unit(a, i), _unit(b, j)
        product = einsum(_equation(a.rank, i, b.rank, j), a, b)
        return reshape(product, (product.type.shape[0], 1)) if product.rank == 1 else product


def _unit(a: Node, axis: int) -> Node:
    return a / maximum(norm(a, axis, keepdims=True), like(a, 1e-12))


def _equation(m: int, i: int, n: int, j: int) -> str:
    """Of examples "z" and the summed axis "y"; the other axes follow in their order."""
    letters = iter("abcdefghijklmnopqrstuvwx")
    first = ["z", *("y" if k == i else next(letters) for k in range(1, m))]
    second = ["z", *("y" if k == j else next(letters) for k in range(1, n))]
    rest = [c for c in first[1:] + second[1:] if c != "y"]
    return f"{''.join(first)},{''.join(second)}->z{''.join(rest)}"
