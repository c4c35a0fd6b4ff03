"""`Optimizer`: what all have in common, around the equations that a subclass writes in `step`.

One training step is, in this order: gradients are accumulated, then clipped; weights decay; the
subclass's step; the average of the weights follows. All of it is nodes, compiled with the gradients.
Formulas and defaults are Keras's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from graphdl.constraints import constrained
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.core.tensor import off_tape, pending_together
from graphdl.function import Function, function
from graphdl.ops.arithmetic import equal, floor, mod, where
from graphdl.ops.build import cast, constant, tensor, variable
from graphdl.optimizers.clipping import WAYS, clipped
from graphdl.optimizers.equations import Equations, equations
from graphdl.optimizers.settings import above_zero, at_least_two, optional, rate_of
from graphdl.registry import number, whole
from graphdl.schedules import LearningRateSchedule

Slots = Mapping[str, Node]


class Optimizer:
    """Base. A subclass names its slots and writes `step`: the new weight and the new slots.

    learning_rate: η, a number or a schedule (gd.optimizers.schedules).
    weight_decay: λ; w ← w − λ·η·w before each step (see exclude_from_weight_decay).
    clipnorm, clipvalue, global_clipnorm: at most one; the largest norm of the gradient of each
        weight, the largest |g| of an element, the largest norm of all gradients together.
    use_ema: keep the running average w̄ ← α·w̄ + (1−α)·w with α = ema_momentum. Weights become
        their averages at the end of `fit`, and every `ema_overwrite_frequency` steps if given.
    gradient_accumulation_steps: N ≥ 2; weights change at every N-th batch, by the mean gradient.

    `iterations` counts batches. With accumulation the t of the equations, and what
    ema_overwrite_frequency counts, is iterations // N + 1; schedules see every batch.
    """

    slot_names: tuple[str, ...] = ()
    signs: ClassVar[Mapping[str, str]] = {}  # what equations call hyper-parameters and slots

    def __init__(
        self,
        learning_rate: Any,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or type(self).__name__.lower()
        self._rate = rate_of(learning_rate)
        self.iterations = variable(np.int64(0), "iterations", "int64")
        self.weight_decay = optional(number, "weight_decay", weight_decay)
        self.clipnorm = optional(above_zero, "clipnorm", clipnorm)
        self.clipvalue = optional(above_zero, "clipvalue", clipvalue)
        self.global_clipnorm = optional(above_zero, "global_clipnorm", global_clipnorm)
        if len(self.clipping) > 1:
            raise ValueError(f"use one way of clipping, got {' and '.join(self.clipping)}")
        self.use_ema, self.ema_momentum = bool(use_ema), number("ema_momentum", ema_momentum, 0, 1)
        self.ema_overwrite_frequency = optional(
            whole, "ema_overwrite_frequency", ema_overwrite_frequency
        )
        self.gradient_accumulation_steps = optional(
            at_least_two, "gradient_accumulation_steps", gradient_accumulation_steps
        )
        self.state: dict[str, Variable] = {}  # shared by all weights; `step` finds it in slots
        self.slots: dict[Variable, dict[str, Variable]] = {}
        self._kept: tuple[set[Variable], tuple[str, ...]] = (set(), ())  # they do not decay
        self._apply: dict[tuple[Variable, ...], Function] = {}

    # -------------------------------------------------- settings

    @property
    def learning_rate(self) -> Any:
        """The rate η as a variable, or the schedule that was given.

        Assigning a number changes it from the next step on, compiled or not; with a schedule that
        is a TypeError. A schedule may be put in the place of either.
        """
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        new = rate_of(value)
        if isinstance(new, LearningRateSchedule):
            self._rate, self._apply = new, {}
        elif isinstance(self._rate, LearningRateSchedule):
            raise TypeError(
                f"this optimizer follows the schedule {type(self._rate).__name__}, so its "
                "learning_rate cannot be set to a number; give it one when you make it"
            )
        else:
            self._rate.assign(new.storage)

    @property
    def clipping(self) -> dict[str, Any]:
        """The way of clipping that was chosen, with its limit; empty where none was."""
        return {k: v for k in WAYS if (v := getattr(self, k)) is not None}

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Weights that do not decay: these, and all whose name contains one of `var_names`.

        Raises ValueError once the optimizer has seen its weights: the step may be compiled.
        """
        if self.slots:
            raise ValueError("exclude_from_weight_decay comes before build and before training")
        if isinstance(var_names, str):
            raise TypeError(f"var_names is a list of words such as ['bias'], got {var_names!r}")
        self._kept = set(var_list or ()), tuple(var_names or ())

    def decays(self, w: Node) -> bool:
        """Is there weight decay for this weight?"""
        variables, words = self._kept
        name = w.attrs["name"]
        return self.weight_decay is not None and w not in variables and not any(
            word in name for word in words
        )  # fmt: skip

    # -------------------------------------------------- the equations

    def step(self, w: Node, g: Node, slots: Slots, rate: Node, t: Node) -> tuple[Node, dict]:
        """(new w, {slot: its new value}) from the gradient g, at the step number t = 1, 2, …

        `equations` calls it with symbols in place of w, g, the slots, the rate, t, and the
        hyper-parameters that `signs` lists: so it chooses by slots and flags, not by their values.
        """
        raise NotImplementedError

    def start_of(self, slot: str) -> float:
        """What a slot is filled with before the first step."""
        return 0.0

    def equations(self) -> Equations:
        """What a step does to one weight, as text (`str`) and LaTeX: the nodes that `step` builds."""
        return equations(self)

    def updates(
        self, variables: Sequence[Variable], gradients: Sequence[Node]
    ) -> dict[Variable, Node]:
        """One step for all variables: every new value, of weights, slots and the step counter."""
        self.build(variables)
        count = self.iterations + 1
        due, t, rate = self.due(count), self.number_of(count), self.rate_at(self.iterations)
        totals = list(gradients)
        if due is not None:
            sums = [self.slots[w]["gradient_sum"] for w in variables]
            totals = [s + g for s, g in zip(sums, gradients, strict=True)]
            gradients = [total / self.gradient_accumulation_steps for total in totals]
        new: dict[Variable, Node] = {}
        for w, g, total in zip(variables, self.clipped(gradients), totals, strict=True):
            one = self._moved(w, g, cast(rate, w.dtype), t)
            if due is not None:
                one = {v: where(due, value, v) for v, value in one.items()}
                one[self.slots[w]["gradient_sum"]] = where(due, 0.0, total)
            new |= one | self._average(w, one[w], t)
        new[self.iterations] = count
        return new

    def _moved(self, w: Variable, g: Node, rate: Node, t: Node) -> dict[Variable, Node]:
        """A weight and its slots after its decay and the step."""
        start = self.decayed(w, rate) if self.decays(w) else w
        own = {s: v for s, v in self.slots[w].items() if s in self.slot_names}
        new, slots = self.step(start, g, {**self.state, **own}, rate, t)
        return {w: new, **slots}

    def _average(self, w: Variable, new: Node, t: Node) -> dict[Variable, Node]:
        """The weight's average after the step, and the weight itself where it becomes its average."""
        if not self.use_ema:
            return {}
        average = self.slots[w]["average"]
        mean, overwrites = self.averaged(average, new, t), self.overwrites(t)
        return {average: mean} | ({} if overwrites is None else {w: where(overwrites, mean, new)})

    def due(self, count: Node) -> Node | None:
        """Do weights change at this batch, the count-th? None: at every one."""
        steps = self.gradient_accumulation_steps
        return None if steps is None else equal(mod(count, steps), 0)

    def number_of(self, count: Node) -> Node:
        """t of the count-th batch: count, or ⌊(count − 1)/N⌋ + 1 with accumulation."""
        steps = self.gradient_accumulation_steps
        return count if steps is None else floor(cast(count - 1, "float64") / steps) + 1

    def rate_at(self, iterations: Node) -> Node:
        """η after so many batches."""
        if isinstance(self._rate, LearningRateSchedule):
            return constant(self._rate(cast(iterations, "float64")))
        return self._rate

    def clipped(self, gradients: Sequence[Node]) -> list[Node]:
        """The gradients within the limit."""
        for way, limit in self.clipping.items():
            return clipped(way, limit, gradients)
        return list(gradients)

    def decayed(self, w: Node, rate: Node) -> Node:
        """w − λ·η·w"""
        assert self.weight_decay is not None
        return w - w * (self.weight_decay * rate)

    def averaged(self, average: Node, w: Node, t: Node) -> Node:
        """w̄ ← α·w̄ + (1−α)·w, with α = 0 at the first step: it starts from w itself."""
        stays = where(equal(t, 1), 0.0, constant(self.ema_momentum, w.dtype)).named("α'")
        return stays * average + (1 - stays) * w

    def overwrites(self, t: Node) -> Node | None:
        """Do weights become their averages at this step? None: never."""
        every = self.ema_overwrite_frequency
        return None if every is None else equal(mod(t, every), 0)

    # -------------------------------------------------- state

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the slots of these weights, where they do not exist yet."""
        starts = {s: self.start_of(s) for s in self.slot_names}
        starts |= {"gradient_sum": 0.0} if self.gradient_accumulation_steps else {}
        starts |= {"average": 0.0} if self.use_ema else {}
        for w in variables:
            if w not in self.slots:
                shape = w.storage.shape
                self.slots[w] = {
                    s: variable(np.full(shape, start), f"{w.name}/{s}", w.dtype)
                    for s, start in starts.items()
                }

    @property
    def variables(self) -> list[Variable]:
        """All that changes: the step counter, the rate (no schedule), the slots weight by weight."""
        rate = [] if isinstance(self._rate, LearningRateSchedule) else [self._rate]
        slots = [s for of_one in self.slots.values() for s in of_one.values()]
        return [self.iterations, *rate, *self.state.values(), *slots]

    def finalize_variable_values(self, variables: Iterable[Variable]) -> None:
        """With use_ema: give the weights their averages. `fit` does so at its end."""
        if not self.use_ema or not int(self.iterations.storage):
            return
        for w in variables:
            if w in self.slots:
                w.assign(self.slots[w]["average"].storage)

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
                updates = constrained(self.updates(variables, symbols))
                self._apply[variables] = function(symbols, None, updates)
        self._apply[variables](*(g for g, _ in pairs))
