"""Initial weights. Names, scales and defaults are Keras's; the draws are counter-based.

An initializer is called with a shape and gives an array: the same one for the same seed. Without a
seed each call draws from a stream of its own under the process's seed (`gd.set_seed`).
"""

from __future__ import annotations

import contextvars
import math
from typing import Any

import numpy as np

from codegen import random as streams
from graphdl import config
from graphdl.core.errors import ShapeError
from graphdl.core.types import dtype_name
from graphdl.registry import lookup, number, whole


class Initializer:
    """Base: subclasses say how an array of a shape is filled."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else whole("seed", seed, 0)

    def __call__(self, shape: Any, dtype: str | None = None) -> np.ndarray:
        """An array of `shape` (whole numbers) in `dtype` (default: floatx)."""
        size = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        size = tuple(whole("a size of a weight", n, 0) for n in size)
        return self.fill(size, np.dtype(dtype_name(dtype)))

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        raise NotImplementedError

    def draw(self, function: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Draws from the initializer's own stream."""
        seed, stream = (
            (self.seed, 0) if self.seed is not None else (config.seed(), config.next_stream())
        )
        return function(seed, stream, 0, math.prod(shape), dtype).reshape(shape)


class Constant(Initializer):
    """Every element is `value`."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = number("value", value, -math.inf)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.full(shape, self.value, dtype)


class Zeros(Constant):
    """Every element is 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every element is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


class RandomNormal(Initializer):
    """Draws from the normal distribution."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = number("mean", mean, -math.inf), number("stddev", stddev)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        values = self.draw(streams.normal, shape, dtype)
        return values * dtype.type(self.stddev) + dtype.type(self.mean)


class RandomUniform(Initializer):
    """Draws from [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = number("minval", minval, -math.inf)
        self.maxval = number("maxval", maxval, self.minval)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        span = dtype.type(self.maxval - self.minval)
        return self.draw(streams.uniform, shape, dtype) * span + dtype.type(self.minval)


class TruncatedNormal(Initializer):
    """Normal draws, those beyond two standard deviations drawn again."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = number("mean", mean, -math.inf), number("stddev", stddev)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        values = self.draw(_truncated, shape, dtype)
        return values * dtype.type(self.stddev) + dtype.type(self.mean)


def _truncated(seed: int, stream: int, step: int, size: int, dtype: np.dtype) -> np.ndarray:
    values = streams.normal(seed, stream, step, size, dtype)
    while (outside := np.abs(values) > 2).any():
        step += 1
        values[outside] = streams.normal(seed, stream, step, size, dtype)[outside]
    return values


class VarianceScaling(Initializer):
    """Variance scale/n, n the number of inputs (fan_in), of outputs (fan_out) or their mean (fan_avg).

    distribution: "truncated_normal", "untruncated_normal", or "uniform" within ±√(3·scale/n).
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        self.scale = number("scale", scale, check=lambda s: s > 0)
        self.mode = _one_of("mode", mode, "fan_in", "fan_out", "fan_avg")
        self.distribution = _one_of(
            "distribution", distribution, "truncated_normal", "untruncated_normal", "uniform"
        )

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        inputs, outputs = _fans(shape)
        n = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = dtype.type(math.sqrt(3 * variance))
            return (2 * self.draw(streams.uniform, shape, dtype) - 1) * limit
        if self.distribution == "untruncated_normal":
            return self.draw(streams.normal, shape, dtype) * dtype.type(math.sqrt(variance))
        # the factor makes the variance right after the tails beyond 2σ were cut off
        return self.draw(_truncated, shape, dtype) * dtype.type(
            math.sqrt(variance) / 0.87962566103423978
        )


def _one_of(what: str, value: Any, *known: str) -> str:
    if value not in known:
        raise ValueError(f"{what} is one of {', '.join(map(repr, known))}, got {value!r:.60}")
    return value


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """The number of inputs and outputs of one unit."""
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class GlorotUniform(VarianceScaling):
    """Uniform within ±√(6/(inputs + outputs))."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal of variance 2/(inputs + outputs)."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Uniform within ±√(6/inputs)."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal of variance 2/inputs."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Uniform within ±√(3/inputs)."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal of variance 1/inputs."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(Initializer):
    """gain·Q: the rows or the columns, whichever are fewer, have length 1 and right angles.

    More than two axes count as a matrix whose columns are the last axis.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number("gain", gain, -math.inf)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal fills a matrix, got the shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(self.draw(streams.normal, tall, np.dtype("float64")))
        q = q * np.sign(np.diag(r))  # QR chooses signs of its own; these make Q uniform
        return (self.gain * (q if rows >= columns else q.T).reshape(shape)).astype(dtype)


class Identity(Initializer):
    """gain on the diagonal of a matrix, 0 elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = number("gain", gain, -math.inf)

    def fill(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        if len(shape) != 2:
            raise ShapeError(f"Identity fills a matrix, got the shape {shape}")
        return self.gain * np.eye(*shape, dtype=dtype)


KNOWN = {
    "zeros": Zeros, "ones": Ones, "constant": Constant, "random_normal": RandomNormal,
    "random_uniform": RandomUniform, "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling, "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal, "he_uniform": HeUniform, "he_normal": HeNormal,
    "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal, "orthogonal": Orthogonal,
    "identity": Identity, "uniform": RandomUniform, "normal": RandomNormal,
}  # fmt: skip


def get(initializer: Any) -> Any:
    """An initializer from its name, its class, or any callable of a shape."""
    if isinstance(initializer, str):
        return lookup("initializer", initializer, KNOWN | {c.__name__: c for c in KNOWN.values()})()
    if isinstance(initializer, type) and issubclass(initializer, Initializer):
        return initializer()
    if callable(initializer):
        return initializer
    raise TypeError(f"an initializer is a name or a callable, got {initializer!r:.60}")


# While a model is read from its file, weights start as zeros: nothing is drawn, nothing run.
blank: contextvars.ContextVar[bool] = contextvars.ContextVar("blank", default=False)


def evaluate(initializer: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The array an initializer gives, checked."""
    if blank.get():
        return np.zeros(shape, dtype)
    array = np.asarray(get(initializer)(shape, dtype=dtype))
    if array.shape != tuple(shape):
        raise ShapeError(f"the initializer gave shape {array.shape}, the weight has {tuple(shape)}")
    return array
