"""Layers that disturb training and do nothing else: dropout, noise, penalties on what passes.

Each trace of a layer makes one random draw, a node: the mask that the forward pass uses is the one
in the gradient. A draw is new at every step, and no two layers share one, with the same `seed` or
without.
"""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

from graphdl import regularizers
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Dim
from graphdl.layers.base import Layer
from graphdl.layers.trace import AT_ONCE, current
from graphdl.ops import random
from graphdl.ops.activations import SELU_ALPHA, SELU_SCALE
from graphdl.ops.arithmetic import where
from graphdl.registry import number, whole

SEEDED = AT_ONCE + 2**27  # streams of draws on arrays whose layer has a seed of its own


class RandomLayer(Layer):
    """Base of layers that draw. With `seed` the draws do not depend on `gd.set_seed`."""

    def __init__(self, seed: int | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self.seed = None if seed is None else whole(f"{type(self).__name__} seed", seed, 0)
        self._at_once = itertools.count()

    def stream(self) -> int:
        """The stream of the next draw."""
        trace = current("a random draw")
        seeded = trace.at_once and self.seed is not None
        return SEEDED + next(self._at_once) if seeded else trace.stream()

    def kept(self, like: Node, rate: float, noise_shape: Any = None) -> Node:
        """True with probability 1 - rate, for each element or along a noise shape."""
        shape = _noise_shape(self, noise_shape, like)
        draw = random.uniform(shape, dtype=like.dtype, stream=self.stream(), seed=self.seed)
        return self.label(draw >= rate, "m")

    def normal(self, like: Node, stddev: float, mean: float = 0.0) -> Node:
        """A draw from N(mean, stddev²) for each element."""
        shape, stream = like.type.shape, self.stream()
        return random.normal(shape, mean, stddev, like.dtype, stream=stream, seed=self.seed)


def _noise_shape(layer: Layer, given: Any, inputs: Node) -> tuple[Dim, ...]:
    if given is None:
        return inputs.type.shape
    if len(given) != inputs.rank:
        raise ShapeError(
            f"{layer.name!r}: noise_shape {tuple(given)} needs as many axes as {inputs.type}"
        )
    sizes = zip(given, inputs.type.shape, strict=True)
    shape = tuple(d if wanted is None else wanted for wanted, d in sizes)
    for wanted, d in zip(shape, inputs.type.shape, strict=True):
        if wanted not in (1, d):
            raise ShapeError(
                f"{layer.name!r}: an axis of noise_shape is None, 1 or that of the input, got "
                f"{tuple(given)} for {inputs.type}"
            )
    return shape


def _rate(layer: Layer, rate: Any) -> float:
    """A probability below 1: at 1 nothing would be left."""
    return number(f"{type(layer).__name__} rate", rate, 0, 1, check=lambda r: r < 1)


class Dropout(RandomLayer):
    """While training, each element is 0 with probability `rate`, else divided by 1 - rate.

    So its expectation is the element, and nothing is to be done when the network is used.

    noise_shape: the shape of the mask, 1 where an axis shares it, None where it is the input's.
    `p`, the name of the rate in other libraries, is taken as `rate`, with a warning.
    """

    def __init__(
        self,
        rate: float | None = None,
        noise_shape: Any = None,
        seed: int | None = None,
        *,
        p: float | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(seed, **rest)
        if (rate is None) == (p is None):
            raise TypeError(
                "Dropout takes the share of elements to drop, once: Dropout(0.5) or "
                f"Dropout(rate=0.5); got rate={rate!r} and p={p!r}"
            )
        if p is not None:
            warnings.warn(
                f"Dropout(p={p!r}): the argument is called rate; Dropout(rate={p!r}) was meant",
                stacklevel=2,
            )
        self.rate = _rate(self, p if rate is None else rate)
        self.p = None  # the value is kept under its own name
        self.noise_shape = None if noise_shape is None else list(noise_shape)

    def call(self, inputs: Any, training: bool = False) -> Node:
        if not training or self.rate == 0:
            return inputs
        kept = self.kept(inputs, self.rate, self.noise_shape)
        return where(kept, inputs, 0.0) / (1 - self.rate)


class SpatialDropout1D(RandomLayer):
    """Dropout of whole channels of (n, steps, channels): one draw for all steps of a channel."""

    def __init__(self, rate: float, seed: int | None = None, **rest: Any) -> None:
        super().__init__(seed, **rest)
        self.rate = _rate(self, rate)

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != 3:
            raise ShapeError(
                f"{self.name!r} (SpatialDropout1D) takes (examples, steps, channels), got the "
                f"shape ({', '.join(map(str, input_shape))})"
            )

    def call(self, inputs: Any, training: bool = False) -> Node:
        if not training or self.rate == 0:
            return inputs
        return where(self.kept(inputs, self.rate, (None, 1, None)), inputs, 0.0) / (1 - self.rate)


class GaussianDropout(RandomLayer):
    """While training, x·ξ with ξ from N(1, rate/(1 - rate)): the spread that dropout has."""

    def __init__(self, rate: float, seed: int | None = None, **rest: Any) -> None:
        super().__init__(seed, **rest)
        self.rate = _rate(self, rate)

    def call(self, inputs: Any, training: bool = False) -> Node:
        if not training or self.rate == 0:
            return inputs
        return inputs * self.normal(inputs, math.sqrt(self.rate / (1 - self.rate)), 1.0)


class GaussianNoise(RandomLayer):
    """While training, x + ξ with ξ from N(0, stddev²)."""

    def __init__(self, stddev: float, seed: int | None = None, **rest: Any) -> None:
        super().__init__(seed, **rest)
        self.stddev = number("GaussianNoise stddev", stddev)

    def call(self, inputs: Any, training: bool = False) -> Node:
        if not training or self.stddev == 0:
            return inputs
        return inputs + self.normal(inputs, self.stddev)


class AlphaDropout(RandomLayer):
    """Dropout that keeps mean 0 and variance 1, as selu does.

    A dropped element is α′ = -αλ of selu, not 0; then a·x + b with a = 1/√((1-p)(1 + p·α′²)) and
    b = -a·α′·p.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **rest: Any
    ) -> None:
        super().__init__(seed, **rest)
        self.rate = _rate(self, rate)
        self.noise_shape = None if noise_shape is None else list(noise_shape)

    def call(self, inputs: Any, training: bool = False) -> Node:
        if not training or self.rate == 0:
            return inputs
        low = -SELU_ALPHA * SELU_SCALE
        a = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * low**2))
        kept = self.kept(inputs, self.rate, self.noise_shape)
        return a * where(kept, inputs, low) - a * low * self.rate


class ActivityRegularization(Layer):
    """Passes its input on and adds l1·Σ|x| + l2·Σx², for one example on average, to the loss."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **rest: Any) -> None:
        super().__init__(**rest)
        self.activity_regularizer = regularizers.L1L2(l1, l2)
        self.l1, self.l2 = self.activity_regularizer.l1, self.activity_regularizer.l2

    def call(self, inputs: Any) -> Node:
        return inputs
