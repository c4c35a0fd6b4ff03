"""A rate of its own for each weight, from the squares of its gradients. ε stands inside the root."""

from __future__ import annotations

from typing import Any, ClassVar

from graphdl.core.graph import Node
from graphdl.ops.arithmetic import clip, power, sqrt, square
from graphdl.optimizers.base import Optimizer, Slots
from graphdl.optimizers.settings import share
from graphdl.registry import number


class Adagrad(Optimizer):
    """a ← a + g²,  w ← w − η·g/√(a + ε); a starts at `initial_accumulator_value`."""

    slot_names = ("a",)
    signs: ClassVar = {"epsilon": "ε"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.initial_accumulator_value = number(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.epsilon = number("epsilon", epsilon)

    def start_of(self, slot: str) -> float:
        return self.initial_accumulator_value

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        a = slots["a"] + square(g)
        return w - rate * g / sqrt(a + self.epsilon), {slots["a"]: a}


class Adadelta(Optimizer):
    """a ← ρa + (1−ρ)g²,  δ = −√(d + ε)/√(a + ε)·g,  d ← ρd + (1−ρ)δ²,  w ← w + η·δ

    d and a hold the means of δ² and g²: a step has the size of the steps before it.
    """

    slot_names = ("a", "d")
    signs: ClassVar = {"rho": "ρ", "epsilon": "ε"}

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **rest: Any
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.rho, self.epsilon = share("rho", rho), number("epsilon", epsilon)

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        a = self.rho * slots["a"] + (1 - self.rho) * square(g)
        move = -(sqrt(slots["d"] + self.epsilon) * g / sqrt(a + self.epsilon))
        move = move.named("δ")
        d = self.rho * slots["d"] + (1 - self.rho) * square(move)
        return w + rate * move, {slots["a"]: a, slots["d"]: d}


class RMSprop(Optimizer):
    """v ← ρv + (1−ρ)g²,  w ← w − η·g/√(v + ε)

    `centered`: v − ḡ² in place of v, with the mean gradient ḡ ← ρḡ + (1−ρ)g.
    `momentum`: m ← μm + η·g/√(v + ε),  w ← w − m.
    """

    signs: ClassVar = {"rho": "ρ", "momentum": "μ", "epsilon": "ε", "g_mean": "ḡ"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.rho, self.momentum = share("rho", rho), number("momentum", momentum, 0, 1)
        self.epsilon, self.centered = number("epsilon", epsilon), bool(centered)
        self.slot_names = ("v",) + ("g_mean",) * self.centered + ("m",) * bool(self.momentum)

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        v = variance = self.rho * slots["v"] + (1 - self.rho) * square(g)
        new = {slots["v"]: v}
        if self.centered:
            mean = new[slots["g_mean"]] = self.rho * slots["g_mean"] + (1 - self.rho) * g
            variance = v - square(mean)
        move = rate * g / sqrt(variance + self.epsilon)
        if "m" in slots:
            move = new[slots["m"]] = self.momentum * slots["m"] + move
        return w - move, new


class Ftrl(Optimizer):
    """Follow the regularised leader: w is the minimum of what the gradients and penalties said so far.

    With p = −learning_rate_power, λ′ = λ₂ + β/2η and the shrinkage s:
    n′ = n + g²,  z ← z + g + 2s·w − (n′ᵖ − nᵖ)/η·w,  w ← (clip(z, ±λ₁) − z)/(n′ᵖ/η + 2λ′),  n ← n′
    """

    slot_names = ("n", "z")
    signs: ClassVar = {
        "l1_regularization_strength": "λ₁",
        "l2_regularization_strength": "λ₂",
        "l2_shrinkage_regularization_strength": "s",
        "beta": "β",
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.learning_rate_power = number(
            "learning_rate_power", learning_rate_power, float("-inf"), 0
        )
        self.initial_accumulator_value = number(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.l1_regularization_strength = number(
            "l1_regularization_strength", l1_regularization_strength
        )
        self.l2_regularization_strength = number(
            "l2_regularization_strength", l2_regularization_strength
        )
        self.l2_shrinkage_regularization_strength = number(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = number("beta", beta)

    def start_of(self, slot: str) -> float:
        return self.initial_accumulator_value if slot == "n" else 0.0

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        root = lambda n: power(n, -self.learning_rate_power)  # noqa: E731
        n = slots["n"] + square(g)
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * w
        z = slots["z"] + shrunk - (root(n) - root(slots["n"])) / rate * w
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        curvature = root(n) / rate + 2 * (l2 + self.beta / (2 * rate))
        return (clip(z, -l1, l1) - z) / curvature, {slots["n"]: n, slots["z"]: z}
