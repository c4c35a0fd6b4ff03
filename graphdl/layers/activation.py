"""Activations as layers, with their parameters."""

from __future__ import annotations

import math
from typing import Any

from graphdl import activations, constraints, initializers, regularizers
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_axis
from graphdl.layers.base import Layer
from graphdl.ops.functions import relu
from graphdl.registry import number


class ReLU(Layer):
    """x above the threshold, held below max_value; under it negative_slope·(x - threshold)."""

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.max_value = None if max_value is None else number("ReLU max_value", max_value)
        self.negative_slope = number("ReLU negative_slope", negative_slope)
        self.threshold = number("ReLU threshold", threshold)

    def call(self, inputs: Any) -> Node:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope·x."""

    def __init__(self, negative_slope: float = 0.3, **rest: Any) -> None:
        super().__init__(**rest)
        self.negative_slope = number("LeakyReLU negative_slope", negative_slope)

    def call(self, inputs: Any) -> Node:
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """x where x > 0, else α·x, with a learned α for each feature; one for all along shared_axes."""

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        several = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None if shared_axes is None else list(several)

    def build(self, input_shape: tuple) -> None:
        what = f"{self.name!r} (PReLU) shared_axes"
        shared = {as_axis(k, len(input_shape), what) for k in self.shared_axes or ()}
        if 0 in shared:
            raise ShapeError(f"{what}: axis 0 is that of the examples; it is shared anyway")
        shape = [1 if k in shared else d for k, d in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            shape, self.alpha_initializer, name="alpha", regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )  # fmt: skip

    def call(self, inputs: Any) -> Node:
        return relu(inputs) - self.alpha * relu(-inputs)


class ELU(Layer):
    """x where x > 0, else alpha·(eˣ - 1)."""

    def __init__(self, alpha: float = 1.0, **rest: Any) -> None:
        super().__init__(**rest)
        self.alpha = number("ELU alpha", alpha, -math.inf)

    def call(self, inputs: Any) -> Node:
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """eˣ / Σ eˣ along an axis."""

    def __init__(self, axis: int = -1, **rest: Any) -> None:
        super().__init__(**rest)
        self.axis = axis

    def build(self, input_shape: tuple) -> None:
        axis = as_axis(self.axis, len(input_shape), f"{self.name!r} (Softmax)")
        if input_shape[axis] == 1:
            raise ShapeError(
                f"{self.name!r}: softmax over one unit is 1 whatever the input is, so nothing can "
                "be learned; for two classes use one unit with 'sigmoid'"
            )

    def call(self, inputs: Any) -> Node:
        return activations.softmax(inputs, self.axis)
