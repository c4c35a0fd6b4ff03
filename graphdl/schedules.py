"""Learning-rate schedules: the rate η as an expression of the step k = 0, 1, 2, …

Names, formulas and defaults are Keras's. A schedule called on a node gives a node, which is compiled
into the training step; called on a number (or an array of them) it gives numbers. It is computed in
float64, so a long run loses no digits of its step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.core.interpret import interpret
from graphdl.ops.arithmetic import floor, less, less_equal, log, maximum, minimum, where
from graphdl.ops.build import cast, constant
from graphdl.ops.functions import cos
from graphdl.registry import number, whole


class LearningRateSchedule:
    """Base. A subclass defines `__call__(step)`: the rate at a step, a node or a number, from 0."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


class _Formula(LearningRateSchedule):
    """A schedule that is written on a float64 node k, for numbers too."""

    def __call__(self, step: Any) -> Any:
        if isinstance(step, Node):
            return constant(self.rate(cast(step, "float64")), "float64")
        node = constant(self.rate(constant(step, "float64")), "float64")
        value = np.broadcast_to(interpret([node], {})[0], np.shape(step))
        return value.copy() if value.ndim else float(value)

    def rate(self, k: Node) -> Any:
        """η at the step k."""
        raise NotImplementedError


def _steps(what: str, value: Any) -> float:
    """A number of steps, above zero."""
    return number(what, value, check=lambda n: n > 0)


class ConstantLearningRate(_Formula):
    """η₀"""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = number("learning_rate", learning_rate)

    def rate(self, k: Node) -> Any:
        return self.learning_rate


class ExponentialDecay(_Formula):
    """η₀·rᵏᐟᴷ for K = decay_steps and r = decay_rate; `staircase` takes the whole part of k/K."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.decay_rate = number("decay_rate", decay_rate)
        self.staircase, self.name = bool(staircase), name

    def rate(self, k: Node) -> Any:
        p = k / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (floor(p) if self.staircase else p)


class InverseTimeDecay(_Formula):
    """η₀/(1 + r·k/K) for K = decay_steps and r = decay_rate; `staircase` as in ExponentialDecay."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.decay_rate = number("decay_rate", decay_rate)
        self.staircase, self.name = bool(staircase), name

    def rate(self, k: Node) -> Any:
        p = k / self.decay_steps
        return self.initial_learning_rate / (
            1 + self.decay_rate * (floor(p) if self.staircase else p)
        )


class PolynomialDecay(_Formula):
    """(η₀ − η₁)·(1 − k/K)ᵖ + η₁ until k = K = decay_steps, then η₁.

    `cycle`: K grows to the next multiple of decay_steps instead, so that the rate rises again.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.end_learning_rate = number("end_learning_rate", end_learning_rate)
        self.power, self.cycle, self.name = number("power", power), bool(cycle), name

    def rate(self, k: Node) -> Any:
        if self.cycle:
            passes = maximum(-floor(-k / self.decay_steps), 1.0)  # ⌈k/K⌉, and 1 at k = 0
            p = k / (self.decay_steps * passes)
        else:
            p = minimum(k, self.decay_steps) / self.decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1 - p) ** self.power + self.end_learning_rate


class PiecewiseConstantDecay(_Formula):
    """values[0] while k ≤ boundaries[0], then values[1] while k ≤ boundaries[1], …, values[-1]."""

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        self.boundaries = [number("a boundary", b) for b in boundaries]
        self.values = [number("a learning rate in values", v) for v in values]
        self.name = name
        if len(self.boundaries) != len(self.values) - 1 or not self.boundaries:
            raise ValueError(
                f"values has one rate more than there are boundaries, got {len(self.values)} rates "
                f"and {len(self.boundaries)} boundaries"
            )
        if any(b <= a for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"boundaries grow from one to the next, got {list(boundaries)}")

    def rate(self, k: Node) -> Any:
        rate: Any = self.values[-1]
        for boundary, value in reversed(list(zip(self.boundaries, self.values, strict=False))):
            rate = where(less_equal(k, boundary), constant(value, "float64"), rate)
        return rate


class CosineDecay(_Formula):
    """η·((1 − α)·½(1 + cos πk/K) + α) until k = K = decay_steps, then η·α; η is η₀.

    With a `warmup_target` the rate rises from η₀ to it on a line, in `warmup_steps` steps, and
    decays from there in the decay_steps that follow.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps("decay_steps", decay_steps)
        self.alpha, self.name = number("alpha", alpha), name
        self.warmup_target = (
            None if warmup_target is None else number("warmup_target", warmup_target)
        )
        self.warmup_steps = whole("warmup_steps", warmup_steps, 0)

    def rate(self, k: Node) -> Any:
        if self.warmup_target is None:
            return self._decayed(k, self.initial_learning_rate)
        decayed = self._decayed(k - self.warmup_steps, self.warmup_target)
        if not self.warmup_steps:
            return decayed
        rise = (self.warmup_target - self.initial_learning_rate) * (k / self.warmup_steps)
        return where(less(k, self.warmup_steps), rise + self.initial_learning_rate, decayed)

    def _decayed(self, k: Node, rate: float) -> Node:
        p = minimum(k, self.decay_steps) / self.decay_steps
        return rate * _above(self.alpha, _half_wave(p))


class CosineDecayRestarts(_Formula):
    """η₀·((1 − α)·mⁱ·½(1 + cos πp) + α): cosine decay which starts again, i times so far.

    The first period has `first_decay_steps` steps, each further one t_mul times as many, and starts
    at m_mul times the rate; p is the share of the present period that has passed.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = number("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _steps("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul = number("t_mul", t_mul, 1), number("m_mul", m_mul)
        self.alpha, self.name = number("alpha", alpha), name

    def rate(self, k: Node) -> Any:
        done = k / self.first_decay_steps
        if self.t_mul == 1:
            i = floor(done)
            p = done - i
        else:
            # The periods before the i-th have 1 + t + … + tⁱ⁻¹ = (tⁱ − 1)/(t − 1) first periods. At
            # the k of a restart the logarithm may round to just below i: hence 10⁻⁹.
            i = floor(log(1 + done * (self.t_mul - 1)) / math.log(self.t_mul) + 1e-9)
            length = self.t_mul**i
            p = (done - (length - 1) / (self.t_mul - 1)) / length
        wave = self.m_mul**i * _half_wave(p) if self.m_mul != 1 else _half_wave(p)
        return self.initial_learning_rate * _above(self.alpha, wave)


def _half_wave(p: Node) -> Node:
    """½(1 + cos πp): from 1 at p = 0 to 0 at p = 1"""
    return 0.5 * (1 + cos(constant(math.pi, "float64").named("π") * p))


def _above(alpha: float, wave: Node) -> Node:
    """(1 − α)·wave + α"""
    return (1 - alpha) * wave + alpha if alpha else wave


KNOWN = {
    cls.__name__: cls
    for cls in (
        ConstantLearningRate,
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}
