"""An optimizer's update equations as a person reads them, made from the nodes that are run.

`equations` calls the very methods that build a training step, with symbols in place of weight,
gradient, slots, rate and hyper-parameters, and puts the assignments in an order in which each may
be read as done at once: a slot is overwritten when nothing after it needs the old value.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphdl.core.graph import Node, walk
from graphdl.core.notation import Written
from graphdl.ops.build import constant, tensor
from graphdl.schedules import LearningRateSchedule
from graphdl.show.latex import LATEX, aligned, latex
from graphdl.show.names import Label, labels, own_name
from graphdl.show.text import TEXT, expression
from graphdl.show.writing import Dialect, Sheet, write

_SIGNS = {
    "weight_decay": "λ",
    "clipnorm": "c",
    "clipvalue": "c",
    "global_clipnorm": "c",
    "ema_momentum": "α",
}


@dataclass(frozen=True)
class Equation:
    """target ← value; or target = value, where the target is only a name for the value."""

    target: str
    value: Node
    assigns: bool = True
    known: Mapping[Node, str] = field(default_factory=dict)  # values that by now have a name
    when: Node | None = None  # it is done only where this holds

    def sheet(self, dialect: Dialect) -> Sheet:
        """The value as written mathematics."""
        names = labels([self.value])
        return write(
            self.value, dialect, names, {n: _sign(s, dialect) for n, s in self.known.items()}
        )

    def name(self, dialect: Dialect) -> str:
        return _sign(self.target, dialect).text


def _sign(name: str, dialect: Dialect) -> Written:
    return dialect.name(Label(name))


@dataclass(frozen=True)
class Equations:
    """The assignments of one step in their order, and the values of the hyper-parameters.

    `str` gives text, `latex()` the same for a notebook; t = 1, 2, … is the number of the step.
    """

    lines: tuple[Equation, ...]
    settings: tuple[tuple[str, Node], ...]  # (sign, its value)

    def __str__(self) -> str:
        rows, when = [], None
        for line in self.lines:
            if line.when is not when and line.when is not None:
                rows.append(f"if {expression(line.when)}:")
            when = line.when
            indent = "" if when is None else "    "
            sheet = line.sheet(TEXT)
            arrow = "←" if line.assigns else "="
            rows.append(f"{indent}{line.name(TEXT)} {arrow} {sheet.body.text}")
            rows += [f"{indent}    where {name} = {part}" for name, part in sheet.parts]
        if self.settings:
            given = (f"{sign} = {expression(value)}" for sign, value in self.settings)
            rows.append(f"with {', '.join(given)}")
        return "\n".join(rows)

    __repr__ = __str__

    def latex(self) -> str:
        """Aligned lines, without dollar signs."""
        rows, when = [], None
        for line in self.lines:
            if line.when is not when and line.when is not None:
                rows.append(rf"&\text{{if }} {latex(line.when)}:")
            when = line.when
            indent = "" if when is None else r"\quad "
            sheet = line.sheet(LATEX)
            arrow = r"\leftarrow" if line.assigns else "="
            rows.append(f"&{indent}{line.name(LATEX)} {arrow} {sheet.body.text}")
            rows += [
                rf"&{indent}\quad \text{{where }} {name} = {part}" for name, part in sheet.parts
            ]
        if self.settings:
            given = (f"{_sign(s, LATEX).text} = {latex(v)}" for s, v in self.settings)
            rows.append(rf"&\text{{with }} {', '.join(given)}")
        return aligned(rows)

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"


def equations(optimizer: Any) -> Equations:
    """The equations of one step of an `Optimizer` for one weight w with gradient g."""
    twin, settings = _symbolic(optimizer)
    count = tensor("k" if optimizer.gradient_accumulation_steps else "t", (), "float64")
    t = tensor("t", (), "float64") if optimizer.gradient_accumulation_steps else count
    w, g, rate = _weight("w"), _weight("g"), tensor("η", (), "float64")
    due = twin.due(count)
    lines: list[Equation] = []
    if isinstance(optimizer.learning_rate, LearningRateSchedule):
        lines.append(Equation("η", twin.rate_at(count - 1), assigns=False))
    else:
        settings.insert(0, ("η", constant(optimizer.learning_rate.value)))
    inner = []
    if due is not None:
        total = _weight("G")
        lines.append(Equation("t", twin.number_of(count), assigns=False))
        lines.append(Equation("G", total + g))
        inner.append(Equation("g", total / optimizer.gradient_accumulation_steps))
    if twin.clipping:
        inner.append(Equation("g", twin.clipped([g])[0]))
    if twin.weight_decay is not None:
        inner.append(Equation("w", twin.decayed(w, rate)))
    inner += _step(twin, w, g, rate, t)
    if due is not None:
        inner.append(Equation("G", constant(0.0)))
    lines += [replace(e, when=due) for e in inner]
    if optimizer.use_ema:
        average, overwrites = _weight("w̄"), twin.overwrites(t)
        lines += _Order({average: twin.averaged(average, w, t)}).lines
        if overwrites is not None:
            lines.append(Equation("w", average, when=overwrites))
    shown = {own_name(n) for line in lines for n in walk([line.value])}
    return Equations(tuple(lines), tuple((s, v) for s, v in settings if s in shown))


def _weight(name: str) -> Node:
    """A symbol for a weight, or for what has its shape; only norms and products see that shape."""
    return tensor(name, ("n",), "float64")


def _symbolic(optimizer: Any) -> tuple[Any, list[tuple[str, Node]]]:
    """The optimizer with symbols for its hyper-parameters, and their values."""
    twin, settings = copy.copy(optimizer), []
    for attribute, sign in {**optimizer.signs, **_SIGNS}.items():
        value = getattr(optimizer, attribute, None)
        if isinstance(value, float):
            setattr(twin, attribute, tensor(sign, (), "float64"))
            settings.append((sign, constant(value, "float64")))
    return twin, settings


def _step(twin: Any, w: Node, g: Node, rate: Node, t: Node) -> list[Equation]:
    """The equations of the optimizer's own step."""
    name = lambda s: twin.signs.get(s, s)  # noqa: E731
    slots = {s: tensor(name(s), (), "float64") for s in twin.state}
    slots |= {s: _weight(name(s)) for s in twin.slot_names}
    new, others = twin.step(w, g, slots, rate, t)
    return _Order({**others, w: new}).lines


class _Order:
    """Assignments in an order in which each may overwrite its target at once.

    Where two values need each other's old ones, a value first gets a name: n' = …, at last n ← n'.
    """

    def __init__(self, updates: Mapping[Node, Node]) -> None:
        self.lines: list[Equation] = []
        self.known: dict[Node, str] = {}
        self.waiting: list[tuple[Node | None, Node]] = []  # a target (None: only named), its value
        for node in walk(updates.values()):
            self.waiting += [(target, node) for target, v in updates.items() if v is node]
            if node.op.name == "named":
                self.waiting.append((None, node))
        late = []
        while self.waiting:
            pair = next(filter(self._free, self.waiting), None)
            if pair is None:
                pair = next(filter(self._ready, self.waiting))
                late.append(pair)
            self._write(*pair, by_name=pair in late)
        self.lines += [Equation(_name(t), v, known=self.known) for t, v in late if t is not None]

    def _ready(self, pair: tuple[Node | None, Node]) -> bool:
        """Is all that its value needs written by now?"""
        return {v for _, v in self.waiting if v.inputs}.isdisjoint(self._reads(pair[1]))

    def _free(self, pair: tuple[Node | None, Node]) -> bool:
        """And does no other value need what it overwrites?"""
        others = (other for other in self.waiting if other is not pair)
        return self._ready(pair) and not any(pair[0] in self._reads(v) for _, v in others)

    def _reads(self, value: Node) -> set[Node]:
        """The symbols, and the written or waiting values, that its equation shows."""
        shown = {v for _, v in self.waiting} | self.known.keys()
        return {n for n in walk(value.inputs, stop=shown) if n in shown or not n.inputs}

    def _write(self, target: Node | None, value: Node, by_name: bool) -> None:
        name = _name(value if target is None else target) + "'" * by_name
        assigns = target is not None and not by_name
        self.lines.append(Equation(name, value, assigns, dict(self.known)))
        self.waiting.remove((target, value))
        if value.inputs and not any(v is value for _, v in self.waiting):
            self.known[value] = name


def _name(node: Node) -> str:
    return str(own_name(node))
