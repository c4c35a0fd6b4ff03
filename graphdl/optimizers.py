"""Optimizers: each is its update equations, written as nodes and compiled into the step.

Formulas and defaults are Keras's: ε stands outside the root and beside the uncorrected √v, weight
decay is decoupled and comes before the step, at most one way of clipping is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.core.tensor import off_tape, pending_together
from graphdl.core.types import floatx
from graphdl.function import Function, function
from graphdl.ops.arithmetic import clip, maximum, sqrt, square
from graphdl.ops.build import cast, constant, tensor, variable
from graphdl.ops.reduce import norm
from graphdl.ops.reduce import sum as sum_
from graphdl.registry import lookup, number

Slots = dict[str, Variable]


class Optimizer:
    """Base. A subclass names its slots and writes `step`: the new weight and the new slots."""

    slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or type(self).__name__.lower()
        self._rate = variable(number("learning_rate", learning_rate), "learning_rate", floatx())
        self.iterations = variable(np.int64(0), "iterations", "int64")
        self.weight_decay = None if weight_decay is None else number("weight_decay", weight_decay)
        given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        self.clipping = {k: number(k, v) for k, v in given.items() if v is not None}
        if len(self.clipping) > 1:
            raise ValueError(f"use one way of clipping, got {' and '.join(self.clipping)}")
        self.slots: dict[Variable, Slots] = {}
        self._apply: dict[tuple[Variable, ...], Function] = {}

    @property
    def learning_rate(self) -> Variable:
        """The rate η; assigning a number changes it from the next step on, compiled or not."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._rate.assign(number("learning_rate", value))

    # -------------------------------------------------- the equations

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        """(new w, {slot: its new value}) from the gradient g, at the step number t = 1, 2, …"""
        raise NotImplementedError

    def updates(
        self, variables: Sequence[Variable], gradients: Sequence[Node]
    ) -> dict[Variable, Node]:
        """One step for all variables: every new value, of weights, slots and the step counter."""
        t = self.iterations + 1
        new: dict[Variable, Node] = {}
        for w, g in zip(variables, self._clipped(gradients), strict=True):
            rate = cast(self.learning_rate, w.dtype)
            start: Node = w
            if self.weight_decay is not None:
                start = w - w * (self.weight_decay * rate)
            new[w], slots = self.step(start, g, self._slots_of(w), rate, t)
            new |= slots
        new[self.iterations] = t
        return new

    def _clipped(self, gradients: Sequence[Node]) -> list[Node]:
        if not self.clipping or not gradients:
            return list(gradients)
        ((kind, limit),) = self.clipping.items()
        if kind == "clipvalue":
            return [clip(g, -limit, limit) for g in gradients]
        if kind == "clipnorm":
            return [g * (limit / maximum(norm(g), constant(limit, g.dtype))) for g in gradients]
        total = sum_(square(gradients[0]))
        for g in gradients[1:]:
            total = total + sum_(square(g))
        scale = limit / maximum(sqrt(total), constant(limit, total.dtype))
        return [g * scale for g in gradients]

    def _slots_of(self, w: Variable) -> Slots:
        if w not in self.slots:
            zeros = np.zeros(w.storage.shape)
            self.slots[w] = {s: variable(zeros, f"{w.name}/{s}", w.dtype) for s in self.slot_names}
        return self.slots[w]

    # -------------------------------------------------- by hand

    def apply_gradients(self, pairs: Iterable[tuple[Any, Variable]]) -> None:
        """One step from gradients: pairs of (array or tensor, variable).

        Gradients of one tape that nobody has asked for yet are computed in the step's own program.
        """
        pairs = list(pairs)
        variables = tuple(v for _, v in pairs)
        if not variables:
            raise ValueError("apply_gradients got no pairs of (gradient, variable)")
        if len(set(map(id, variables))) < len(variables):
            raise ValueError("apply_gradients got a variable twice; add its gradients up")
        for g, v in pairs:
            if not isinstance(v, Variable):
                raise TypeError(f"apply_gradients takes (gradient, gd.Variable), got {v!r:.60}")
            if g is None:
                raise ShapeError(
                    f"there is no gradient for {v.name!r}: the loss does not depend on it"
                )
        tape = pending_together([g for g, _ in pairs])
        if tape is not None:
            tape.step(self, [g for g, _ in pairs], variables)
            return
        if variables not in self._apply:
            with off_tape():
                symbols = [tensor(f"d{v.name}", v.storage.shape, v.dtype) for v in variables]
                self._apply[variables] = function(symbols, None, self.updates(variables, symbols))
        self._apply[variables](*(g for g, _ in pairs))

    @property
    def variables(self) -> list[Variable]:
        """The step counter, the rate, then the slots."""
        slots = [s for of_one in self.slots.values() for s in of_one.values()]
        return [self.iterations, self.learning_rate, *slots]


class SGD(Optimizer):
    """w ← w − η·g; with momentum v ← μ·v − η·g, w ← w + v; Nesterov: w ← w + μ·v − η·g."""

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        self.momentum, self.nesterov = number("momentum", momentum, 0, 1), bool(nesterov)
        self.slot_names = ("momentum",) if self.momentum else ()

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        if not self.momentum:
            return w - rate * g, {}
        v = self.momentum * slots["momentum"] - rate * g
        move = self.momentum * v - rate * g if self.nesterov else v
        return w + move, {slots["momentum"]: v}


class Adam(Optimizer):
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  w ← w − η·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)"""

    slot_names = ("m", "v")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **rest: Any,
    ) -> None:
        super().__init__(learning_rate, **rest)
        below_one = lambda b: b < 1  # noqa: E731
        self.beta_1 = number("beta_1", beta_1, 0, 1, below_one)
        self.beta_2 = number("beta_2", beta_2, 0, 1, below_one)
        self.epsilon = number("epsilon", epsilon)

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        # 1 − βᵗ loses digits in float32 (β₂ᵗ is near 1): it is formed in float64
        time = cast(t, "float64")
        correction = sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)
        scale = cast(cast(rate, "float64") * correction, w.dtype)
        m = slots["m"] + (g - slots["m"]) * (1 - self.beta_1)
        v = slots["v"] + (square(g) - slots["v"]) * (1 - self.beta_2)
        return w - scale * m / (sqrt(v) + self.epsilon), {slots["m"]: m, slots["v"]: v}


KNOWN = {"sgd": SGD, "adam": Adam}


def get(optimizer: Any) -> Optimizer:
    """An optimizer from its name or its class."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer()  # type: ignore[call-arg]
    return lookup("optimizer", optimizer, KNOWN)()
