"""Layers that scale data by fixed numbers: given ones, or those of a data set."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphdl.core.errors import NotBuiltError, ShapeError
from graphdl.core.graph import Node
from graphdl.core.types import as_axes
from graphdl.door import as_array
from graphdl.layers.base import Layer
from graphdl.ops.arithmetic import maximum, sqrt
from graphdl.ops.build import constant, like
from graphdl.ops.shape import reshape
from graphdl.registry import number

EPSILON = 1e-7  # the smallest standard deviation that is divided by


class Rescaling(Layer):
    """x·scale + offset"""

    def __init__(self, scale: Any, offset: Any = 0.0, **rest: Any) -> None:
        super().__init__(**rest)
        self.scale, self.offset = _numbers("Rescaling scale", scale), _numbers("offset", offset)

    def call(self, inputs: Any) -> Node:
        return inputs * constant(self.scale, inputs.dtype) + constant(self.offset, inputs.dtype)


def _numbers(what: str, value: Any) -> Any:
    """A finite number, or a (nested) list of them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_numbers(what, v) for v in value]
    return number(what, value, -math.inf)


class Normalization(Layer):
    """(x - μ)/max(σ, 1e-7), with μ and σ² given, or those of the data that `adapt` has seen.

    axis: the axes whose positions have numbers of their own; None for one mean and variance in all.
    invert: x·max(σ, 1e-7) + μ, the way back.
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization takes mean and variance together, or neither")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.mean = None if mean is None else _numbers("Normalization mean", mean)
        self.variance = None if variance is None else _numbers("Normalization variance", variance)
        if variance is not None and np.min(np.asarray(self.variance)) < 0:
            raise ValueError(f"Normalization: a variance cannot be negative, got {variance!r:.60}")
        self.invert = bool(invert)

    def build(self, input_shape: tuple) -> None:
        axes = self._kept(input_shape)
        self._broadcast = tuple(d if k in axes else 1 for k, d in enumerate(input_shape))
        if self.mean is None:
            shape = tuple(input_shape[k] for k in axes)
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")

    def _kept(self, shape: tuple) -> tuple[int, ...]:
        what = f"{self.name!r} (Normalization)"
        axes = () if self.axis is None else as_axes(self.axis, len(shape), what)
        if any(k == 0 or not isinstance(shape[k], int) for k in axes):
            text = ", ".join(map(str, shape))
            raise ShapeError(f"{what} axis={self.axis} needs axes of features, got ({text})")
        return axes

    def adapt(self, data: Any) -> None:
        """Take over mean and variance of the data; training does not change them."""
        if self.mean is not None:
            raise NotBuiltError(f"{self.name!r} was given its mean and variance; it cannot adapt")
        array = as_array(data, "float64", "data")
        if not array.size or array.ndim < 2 or not np.isfinite(array).all():
            raise ValueError(
                f"{self.name!r}.adapt takes finite numbers, one row an example; got the shape "
                f"{array.shape}"
            )
        axes = self._kept(array.shape)
        if not self.built:
            self.build(array.shape)
            self.built = True
        if tuple(array.shape[k] for k in axes) != self.adapt_mean.storage.shape:
            raise ShapeError(
                f"{self.name!r} was built for {self._broadcast}, got data of {array.shape}"
            )
        others = tuple(k for k in range(array.ndim) if k not in axes)
        self.adapt_mean.assign(array.mean(others))
        self.adapt_variance.assign(array.var(others))

    def call(self, inputs: Any) -> Node:
        mean, variance = (self._spread(w, inputs) for w in self._numbers_of(inputs))
        deviation = maximum(sqrt(variance), like(inputs, EPSILON))
        return inputs * deviation + mean if self.invert else (inputs - mean) / deviation

    def _numbers_of(self, inputs: Node) -> tuple[Node, Node]:
        if self.mean is None:
            return self.adapt_mean, self.adapt_variance
        return constant(self.mean, inputs.dtype), constant(self.variance, inputs.dtype)

    def _spread(self, w: Node, inputs: Node) -> Node:
        """A number for each kept position, beside the elements it belongs to."""
        if self.mean is not None and w.rank < inputs.rank and self._broadcast[-1] != 1:
            return w  # given numbers follow the last axes, as in NumPy
        return w if w.rank == inputs.rank or not w.rank else reshape(w, self._broadcast)
