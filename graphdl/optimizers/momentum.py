"""Steps along the gradient, with a memory of its direction."""

from __future__ import annotations

from typing import Any, ClassVar

from graphdl.core.graph import Node
from graphdl.ops.arithmetic import sign
from graphdl.optimizers.base import Optimizer, Slots
from graphdl.optimizers.settings import share
from graphdl.registry import number


class SGD(Optimizer):
    """w ← w − η·g; with momentum v ← μ·v − η·g, w ← w + v; Nesterov: w ← w + μ·v − η·g."""

    signs: ClassVar = {"momentum": "μ"}

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.momentum, self.nesterov = number("momentum", momentum, 0, 1), bool(nesterov)
        self.slot_names = ("v",) if self.momentum else ()

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        if not slots:
            return w - rate * g, {}
        v = self.momentum * slots["v"] - rate * g
        move = self.momentum * v - rate * g if self.nesterov else v
        return w + move, {slots["v"]: v}


class Lion(Optimizer):
    """w ← w − η·sign(β₁·m + (1−β₁)·g),  m ← β₂·m + (1−β₂)·g: each weight moves by η, whatever g is.

    `beta_1` above 0: without it this is the sign of the gradient alone.
    """

    slot_names = ("m",)
    signs: ClassVar = {"beta_1": "β₁", "beta_2": "β₂"}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.beta_1 = number("beta_1", beta_1, 0, 1, lambda b: b > 0)
        self.beta_2 = share("beta_2", beta_2)

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        m = slots["m"]
        direction = sign(self.beta_1 * m + (1 - self.beta_1) * g)
        return w - rate * direction, {m: self.beta_2 * m + (1 - self.beta_2) * g}
