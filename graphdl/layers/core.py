"""Input, Dense, Activation, Identity."""

from __future__ import annotations

from typing import Any

from graphdl import activations, constraints, initializers, regularizers
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_shape, floatx
from graphdl.layers.base import Layer
from graphdl.ops.build import tensor
from graphdl.ops.linalg import matmul
from graphdl.registry import whole

BATCH = "n"  # the named size of the number of examples


def Input(shape: Any = None, dtype: str | None = None, name: str | None = None) -> Node:
    """A symbol for a batch of examples of `shape`; the number of examples stays open.

    It starts a functional model, and may be the first item of a `Sequential`.
    """
    if shape is None:
        raise ShapeError("Input needs the shape of one example, such as Input(shape=(30,))")
    return tensor(name or "x", (BATCH, *as_shape(shape)), dtype or floatx())


class Dense(Layer):
    """g(x·W + b) with `units` outputs; W ("kernel") has shape (inputs, units), b ("bias") (units,).

    activation, initializers, regularizers and constraints are names or callables; the defaults are
    Keras's.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **rest)
        self.units = whole("Dense units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: tuple) -> None:
        inputs = input_shape[-1] if input_shape else None
        if not isinstance(inputs, int) or len(input_shape) < 2:
            raise ShapeError(
                f"{self.name!r} (Dense) needs examples with a known number of features, got the "
                f"shape {_shape_text(input_shape)}; state it with Input(shape=(features,))"
            )
        self.kernel = self.add_weight(
            (inputs, self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip

    def call(self, inputs: Any) -> Node:
        z = matmul(inputs, self.kernel)
        z = self.label(z + self.bias if self.use_bias else z, "z")
        return _activate(self, z)


class Activation(Layer):
    """An activation function as a layer."""

    def __init__(self, activation: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Node:
        return _activate(self, inputs)


class Identity(Layer):
    """Passes its input on."""

    def call(self, inputs: Any) -> Any:
        return inputs


def _activate(layer: Dense | Activation, z: Node) -> Node:
    if layer.activation is activations.softmax and z.shape[-1] == 1:
        raise ShapeError(
            f"{layer.name!r}: softmax over one unit is 1 whatever the weights are, so nothing can be "
            "learned. For two classes use one unit with 'sigmoid', or two with 'softmax'"
        )
    return layer.activation(z)


def _shape_text(shape: Any) -> str:
    return f"({', '.join(map(str, shape))})"
