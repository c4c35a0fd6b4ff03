"""Adam and its kin: means of the gradient and of its square, corrected for their start at zero.

ε stands outside the root; in Adam itself beside the uncorrected √v, as the paper's ε̂ does.
"""

from __future__ import annotations

from typing import Any, ClassVar

from graphdl.core.graph import Node
from graphdl.ops.arithmetic import absolute, maximum, sqrt, square
from graphdl.ops.build import cast, variable
from graphdl.optimizers.base import Optimizer, Slots
from graphdl.optimizers.settings import share
from graphdl.registry import number


class _Moments(Optimizer):
    """What the four have in common: their arguments."""

    signs: ClassVar = {"beta_1": "β₁", "beta_2": "β₂", "epsilon": "ε"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.beta_1, self.beta_2 = share("beta_1", beta_1), share("beta_2", beta_2)
        self.epsilon = number("epsilon", epsilon)

    def first(self, m: Node, g: Node) -> Node:
        """β₁m + (1−β₁)g"""
        return m + (g - m) * (1 - self.beta_1)

    def second(self, v: Node, g: Node) -> Node:
        """β₂v + (1−β₂)g²"""
        return v + (square(g) - v) * (1 - self.beta_2)


class Adam(_Moments):
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  w ← w − η·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)

    `amsgrad`: the largest v so far in place of v.
    """

    signs: ClassVar = {**_Moments.signs, "v_hat": "v̂"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **rest)
        self.amsgrad = bool(amsgrad)
        self.slot_names = ("m", "v", "v_hat") if self.amsgrad else ("m", "v")

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        # 1 − βᵗ loses digits in float32 (β₂ᵗ is near 1): it is formed in float64
        time = cast(t, "float64")
        correction = sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)
        scale = cast(cast(rate, "float64") * correction, w.dtype)
        m, v = self.first(slots["m"], g), self.second(slots["v"], g)
        new = {slots["m"]: m, slots["v"]: v}
        if self.amsgrad:
            v = new[slots["v_hat"]] = maximum(slots["v_hat"], v)
        return w - scale * m / (sqrt(v) + self.epsilon), new


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w − λ·η·w comes before its step."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **rest: Any,
    ) -> None:
        decay = number("weight_decay", weight_decay)
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=decay, **rest
        )


class Adamax(_Moments):
    """m ← β₁m + (1−β₁)g,  u ← max(β₂u, |g|),  w ← w − η·m/((1−β₁ᵗ)(u + ε))"""

    slot_names = ("m", "u")

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        scale = cast(cast(rate, "float64") / (1 - self.beta_1 ** cast(t, "float64")), w.dtype)
        m = self.first(slots["m"], g)
        u = maximum(self.beta_2 * slots["u"], absolute(g))
        return w - scale * m / (u + self.epsilon), {slots["m"]: m, slots["u"]: u}


class Nadam(_Moments):
    """Adam with Nesterov's momentum: the step looks ahead by the next momentum.

    μₜ = β₁(1 − ½·0.96ᵗ),  Π ← Π·μₜ,  m and v as in Adam,
    w ← w − η·(μₜ₊₁·m/(1 − Π·μₜ₊₁) + (1−μₜ)·g/(1 − Π)) / (√(v/(1−β₂ᵗ)) + ε)
    """

    slot_names = ("m", "v")
    signs: ClassVar = {**_Moments.signs, "product": "Π"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **rest)
        self.state["product"] = variable(1.0, "product", "float64")

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        time = cast(t, "float64")  # the numbers of a step are formed in float64, as in Adam
        now = (self.beta_1 * (1 - 0.5 * 0.96**time)).named("μ")
        ahead = (self.beta_1 * (1 - 0.5 * 0.96 ** (time + 1))).named("μ'")
        product = slots["product"] * now
        by_mean = cast(ahead / (1 - product * ahead), w.dtype)
        by_gradient = cast((1 - now) / (1 - product), w.dtype)
        m, v = self.first(slots["m"], g), self.second(slots["v"], g)
        mean = by_mean * m + by_gradient * g
        root = sqrt(v / cast(1 - self.beta_2**time, w.dtype))
        new = {slots["product"]: product, slots["m"]: m, slots["v"]: v}
        return w - rate * mean / (root + self.epsilon), new
