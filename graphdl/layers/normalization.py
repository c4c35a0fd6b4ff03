"""Normalisation over the batch, over features, over groups, to length 1.

Each is (x - μ)/√(σ² + ε), then ·γ where `scale`, then + β where `center`; they differ in what the
mean and the (biased) variance are taken over.
"""

from __future__ import annotations

from typing import Any

from graphdl import constraints, initializers, regularizers
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.core.types import as_axes, as_axis
from graphdl.layers.base import Layer
from graphdl.layers.trace import current
from graphdl.ops.arithmetic import maximum, sqrt, square
from graphdl.ops.build import like
from graphdl.ops.reduce import mean, norm, var
from graphdl.ops.shape import reshape
from graphdl.registry import number, whole


class ScaleAndShift(Layer):
    """Base of layers that end with y·γ + β, a γ and a β for each position along the axes."""

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = number(f"{type(self).__name__} epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        """The weights γ and β, as far as they are wanted."""
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )  # fmt: skip

    def normalised(self, x: Node, mu: Node, variance: Node, spread: Any = lambda w: w) -> Node:
        """(x - μ)/√(σ² + ε)·γ + β; `spread` brings a weight to the axes of x."""
        y = (x - mu) / sqrt(variance + self.epsilon)
        if self.gamma is not None:
            y = y * spread(self.gamma)
        return y if self.beta is None else y + spread(self.beta)


def _feature_axes(layer: Layer, axis: Any, shape: tuple) -> tuple[int, ...]:
    """Axes of known length, that of the examples not among them."""
    what = f"{layer.name!r} ({type(layer).__name__}) axis={axis}"
    axes = as_axes(axis, len(shape), what)
    for k in axes:
        if k == 0 or not isinstance(shape[k], int):
            text = ", ".join(map(str, shape))
            raise ShapeError(f"{what} needs axes of features of known length, got ({text})")
    return axes


def _along(shape: tuple, axes: tuple[int, ...]) -> tuple:
    """The shape with 1 for all other axes."""
    return tuple(d if k in axes else 1 for k, d in enumerate(shape))


class BatchNormalization(ScaleAndShift):
    """Over the batch: μ and σ² of each feature along `axis`.

    While training they are those of the batch, and the running ones follow:
    moving ← momentum·moving + (1 - momentum)·batch. In use, and in a layer that is frozen
    (`trainable = False`), the running ones stand in.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **rest,
        )  # fmt: skip
        self.momentum = number("BatchNormalization momentum", momentum, 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: tuple) -> None:
        (axis,) = _feature_axes(self, self.axis, input_shape)
        shape = (input_shape[axis],)
        self.add_scale_and_shift(shape)
        self.moving_mean = self.add_weight(
            shape, self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool = False) -> Node:
        axis = as_axis(self.axis, inputs.rank, self.name)
        others = tuple(k for k in range(inputs.rank) if k != axis)
        mu: Node = self.moving_mean
        variance: Node = self.moving_variance
        if training and self.trainable:
            mu = self.label(mean(inputs, others), "μ")
            variance = self.label(var(inputs, others), "σ²")
            self._follow(self.moving_mean, mu)
            self._follow(self.moving_variance, variance)

        def spread(w: Node) -> Node:
            """A feature's number, beside every element of the feature."""
            last = axis == inputs.rank - 1
            return w if last else reshape(w, _along(inputs.type.shape, (axis,)))

        return self.normalised(inputs, spread(mu), spread(variance), spread)

    def _follow(self, moving: Variable, batch: Node) -> None:
        """A layer used twice follows both of its batches, one after the other."""
        old = current("add_update").updates.get(moving, moving)
        self.add_update(moving, self.momentum * old + (1 - self.momentum) * batch)


class LayerNormalization(ScaleAndShift):
    """Over the features of each example along `axis` (one or several)."""

    def build(self, input_shape: tuple) -> None:
        axes = _feature_axes(self, self.axis, input_shape)
        self.add_scale_and_shift(tuple(input_shape[k] for k in axes))

    def call(self, inputs: Any) -> Node:
        axes = as_axes(self.axis, inputs.rank, self.name)
        mu = self.label(mean(inputs, axes, keepdims=True), "μ")
        variance = self.label(var(inputs, axes, keepdims=True), "σ²")
        shape = _along(inputs.type.shape, axes)
        return self.normalised(inputs, mu, variance, lambda w: reshape(w, shape))


class GroupNormalization(ScaleAndShift):
    """Over groups of the channels along `axis` and all that lies beside them; -1: each by itself."""

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **rest,
        )  # fmt: skip
        self.groups = groups if groups == -1 else whole("GroupNormalization groups", groups)

    def build(self, input_shape: tuple) -> None:
        (axis,) = _feature_axes(self, self.axis, input_shape)
        channels = input_shape[axis]
        if self.groups != -1 and channels % self.groups:
            raise ShapeError(
                f"{self.name!r} (GroupNormalization): {channels} channels cannot be divided into "
                f"{self.groups} groups"
            )
        self.add_scale_and_shift((channels,))

    def call(self, inputs: Any) -> Node:
        axis = as_axis(self.axis, inputs.rank, self.name)
        shape = inputs.type.shape
        channels = shape[axis]
        groups = channels if self.groups == -1 else self.groups
        split = (*shape[:axis], groups, channels // groups, *shape[axis + 1 :])
        x = reshape(inputs, split)
        axes = tuple(k for k in range(1, x.rank) if k != axis)
        mu, variance = mean(x, axes, keepdims=True), var(x, axes, keepdims=True)
        weights = _along(shape, (axis,))
        weights = (*weights[:axis], groups, channels // groups, *weights[axis + 1 :])
        return reshape(self.normalised(x, mu, variance, lambda w: reshape(w, weights)), shape)


class RMSNormalization(Layer):
    """x/√(mean x² + ε)·γ over the features of each example along `axis`."""

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **rest: Any) -> None:
        super().__init__(**rest)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = number("RMSNormalization epsilon", epsilon)

    def build(self, input_shape: tuple) -> None:
        axes = _feature_axes(self, self.axis, input_shape)
        self.scale = self.add_weight(tuple(input_shape[k] for k in axes), "ones", name="scale")

    def call(self, inputs: Any) -> Node:
        axes = as_axes(self.axis, inputs.rank, self.name)
        size = mean(square(inputs), axes, keepdims=True)
        scale = reshape(self.scale, _along(inputs.type.shape, axes))
        return inputs / sqrt(size + self.epsilon) * scale


class UnitNormalization(Layer):
    """x/max(‖x‖, 1e-12): each example of length 1 along `axis`."""

    def __init__(self, axis: Any = -1, **rest: Any) -> None:
        super().__init__(**rest)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def build(self, input_shape: tuple) -> None:
        _feature_axes(self, self.axis, input_shape)

    def call(self, inputs: Any) -> Node:
        axes = as_axes(self.axis, inputs.rank, self.name)
        return inputs / maximum(norm(inputs, axes, keepdims=True), like(inputs, 1e-12))
