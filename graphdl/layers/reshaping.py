"""Layers that give an example another shape and change no number."""

from __future__ import annotations

from typing import Any

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.layers.base import Layer
from graphdl.ops.shape import broadcast_to, expand_dims, reshape, transpose
from graphdl.registry import whole


class Flatten(Layer):
    """All features of an example in one row."""

    def call(self, inputs: Any) -> Node:
        return reshape(inputs, (inputs.type.shape[0], _features(self, inputs)))


class Reshape(Layer):
    """Each example in `target_shape`, in row order; one size may be -1: what is left over."""

    def __init__(self, target_shape: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.target_shape = [d if d == -1 else whole("a size of Reshape", d) for d in target_shape]
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"Reshape: only one size may be -1, got {tuple(target_shape)}")

    def call(self, inputs: Any) -> Node:
        features, known = _features(self, inputs), 1
        for d in self.target_shape:
            known *= 1 if d == -1 else d
        fits = features % known == 0 if -1 in self.target_shape else features == known
        if not fits:
            raise ShapeError(
                f"{self.name!r} (Reshape): an example of {inputs.type} has {features} numbers, "
                f"which do not fill {tuple(self.target_shape)}"
            )
        shape = [features // known if d == -1 else d for d in self.target_shape]
        return reshape(inputs, (inputs.type.shape[0], *shape))


class Permute(Layer):
    """The axes of an example in another order: dims counts them from 1, as (2, 1)."""

    def __init__(self, dims: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.dims = [whole("a dim of Permute", d) for d in dims]
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"Permute: dims lists 1 … {len(self.dims)} in some order, got {tuple(dims)}"
            )

    def call(self, inputs: Any) -> Node:
        if inputs.rank != len(self.dims) + 1:
            raise ShapeError(
                f"{self.name!r} (Permute): dims {tuple(self.dims)} needs examples with "
                f"{len(self.dims)} axes, got {inputs.type}"
            )
        return transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """The row of each example n times: (examples, features) gives (examples, n, features)."""

    def __init__(self, n: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.n = whole("RepeatVector n", n)

    def call(self, inputs: Any) -> Node:
        if inputs.rank != 2:
            raise ShapeError(
                f"{self.name!r} (RepeatVector) takes (examples, features), got {inputs.type}"
            )
        rows, features = inputs.type.shape
        return broadcast_to(expand_dims(inputs, 1), (rows, self.n, features))


def _features(layer: Layer, inputs: Node) -> int:
    """How many numbers an example has."""
    features = 1
    for d in inputs.shape[1:]:
        if isinstance(d, Size):
            raise ShapeError(
                f"{layer.name!r} ({type(layer).__name__}) needs known sizes, got {inputs.type}"
            )
        features *= d
    return features
