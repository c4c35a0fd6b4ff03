"""The questions of a worksheet: forward values, loss, factors, their product, the update, a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphdl.core.graph import Node, replace, walk
from graphdl.derivation.forms.chain import paths
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.grading.examples import Example
from graphdl.derivation.record import Factor, Record
from graphdl.show.latex import LATEX
from graphdl.show.text import TEXT
from graphdl.show.writing import Sheet, write

STEP = 0.01  # by which a weight is changed to see what that does to J
PATHS = 4  # that a product is written out for


@dataclass(frozen=True, eq=False)
class Formula:
    """One equation in both dialects."""

    text: str
    latex: str


@dataclass(frozen=True, eq=False)
class Question:
    """One question: what is asked for, in words, and its answer. `formula` belongs to the key."""

    label: str
    section: str
    name: Formula  # of the quantity: ∂ŷ/∂z1
    task: Formula  # in words, before the name
    value: np.ndarray
    formula: Formula | None = None  # right side, which the key shows
    given: Formula | None = None  # right side, which the question shows


class Questions:
    """Makes the questions of one derivation at one example."""

    def __init__(self, derivation: Record, example: Example, rate: float, form: str) -> None:
        self.d, self.example, self.rate, self.form = derivation, example, rate, form
        self.pens = Pen(derivation, TEXT), Pen(derivation, LATEX)
        self.found: list[Question] = []

    def all(self, level: int) -> tuple[Question, ...]:
        self.forward()
        if level > 1:
            (self.chain if self.form == "chain" else self.sweep)()
            self.gradient()
        if level > 2:
            self.update()
            self.check()
        return tuple(self.found)

    def ask(
        self,
        section: str,
        name: Formula,
        task: str | Formula,
        value: np.ndarray,
        **more: Formula | None,
    ) -> None:
        count = len(self.found)
        label = chr(ord("a") + count) if count < 26 else str(count + 1)
        words = Formula(task, task) if isinstance(task, str) else task
        self.found.append(Question(label, section, name, words, np.asarray(value), **more))

    def both(self, write: Callable[[Pen], str]) -> Formula:
        """A text in both dialects."""
        text, latex = (write(pen) for pen in self.pens)
        return Formula(text, latex)

    def formula(self, write: Callable[[Pen], Sheet]) -> Formula | None:
        """A sheet in both dialects; None where it takes more than one line."""
        sheets: list[Sheet] = [write(pen) for pen in self.pens]
        if sheets[0].parts or sheets[0].left_out:
            return None
        return Formula(*(s.body.text for s in sheets))

    def named(self) -> list[Node]:
        """The names on the way from the inputs to the result, in the order of computing."""
        found = dict.fromkeys(
            n for n in walk([self.d.result])
            if n.inputs and n in self.pens[0].names and not self._is_inner(n)
        )  # fmt: skip
        return list(found)

    def _is_inner(self, node: Node) -> bool:
        """Is it the value under a name, which goes by that name as well?"""
        names = self.pens[0].names
        users = [n for n in walk([self.d.result]) if n.op.name == "named" and n.inputs[0] is node]
        return any(names.get(u) == names[node] for u in users)

    def forward(self) -> None:
        for node in self.named():
            section = "The loss" if node is self.d.result else "Forward"
            name = self.both(lambda pen, n=node: pen.name(n))
            given = self.formula(lambda pen, n=node: pen.declared(n))
            value = self.example.values.names[name.text]
            self.ask(section, name, "Compute", value, given=given)

    def chain(self) -> None:
        for factor, value in zip(self.d.factors, self.example.local, strict=True):
            name = self.both(lambda pen, f=factor: pen.quotient(f.node, f.wrt))
            formula = self.formula(lambda pen, f=factor: pen.factor(f))
            if value is None:
                index = self.d.factors.index(factor)
                self._sent(factor, self.example.after[index])
                continue
            self.ask("Each factor", name, "Find a formula and compute", value, formula=formula)

    def _sent(self, factor: Factor, value: np.ndarray) -> None:
        """A factor that is no number or matrix by itself: what it makes of what arrives."""
        of = self.d.result
        name = self.both(lambda pen: pen.quotient(of, factor.wrt))
        formula = self.formula(lambda pen: pen.factor(factor))
        words = "With {} for what arrives, compute the contribution to"
        task = Formula(words.format("δ"), words.format(r"\(\delta\)"))
        self.ask("Each factor", name, task, value, formula=formula)

    def sweep(self) -> None:
        """The cotangents; one that is that of the name before it is not asked for again."""
        cotangents = self.pens[0].reading.cotangents
        targets: dict[Node, Node] = {}
        for f in self.d.factors:
            if f.wrt is not self.d.wrt:
                targets.setdefault(cotangents[f.wrt], f.wrt)
        for node in targets.values():
            name = self.both(lambda pen, n=node: pen.quotient(self.d.result, n))
            formula = self.formula(lambda pen, n=node: pen.cotangent(pen.reading.cotangents[n]))
            task = "Find a formula and compute"
            self.ask(
                "From the loss back", name, task, self.example.cotangents[node], formula=formula
            )

    def gradient(self) -> None:
        """∂J/∂w, over the chain."""
        value = self.example.gradient if self.d.unit is None else self.example.gradient[self.d.unit]
        name = self.both(lambda pen: pen.quotient_at(tuple(map(str, self.d.unit or ()))))
        given = self.both(self._chain) if self.form == "chain" and self.d.paths <= PATHS else None
        self.ask("Together", name, "Compute", value, given=given)

    def _chain(self, pen: Pen) -> str:
        dot = r" \cdot " if pen.is_latex else " · "
        products = [
            dot.join(pen.quotient(f.node, f.wrt) for f in path)
            for path in paths(self.d, self.d.wrt)
        ]
        return " + ".join(products)

    def update(self) -> None:
        w = self.example.forward(self.d.wrt)
        assert w is not None
        name = self.both(lambda pen: pen.name(self.d.wrt))
        total = self.both(lambda pen: pen.total)
        given = Formula(
            f"{name.text} - η*{total.text} with η = {self.rate:g}",
            rf"{name.latex} - \eta \, {total.latex} \quad \text{{with }} \eta = {self.rate:g}",
        )
        new = Formula(f"new {name.text}", rf"{name.latex}^{{\mathrm{{new}}}}")
        self.ask("The update", new, "Compute", w - self.rate * self.example.gradient, given=given)

    def check(self) -> None:
        """The change of J over a small change of the weight, at the element where it is largest."""
        w, twin = self.example.forward(self.d.wrt), self.example.examples.twin
        assert w is not None
        at = np.unravel_index(int(np.abs(self.example.gradient).argmax()), w.shape)
        if self.d.unit is not None:
            at = self.d.unit
        moved = np.array(w)
        moved[at] += STEP
        leaves = {t: self.example.env[t] for t in self.example.examples.leaves.values()}
        result = twin[self.d.result]
        changed = self.example.compute([result], leaves | {twin[self.d.wrt]: moved})[0]
        start = self.example.compute([result], leaves)[0]
        index = tuple(str(int(i)) for i in at)
        total = self.both(lambda pen: pen.quotient_at(index))
        words = f"Make this weight larger by {STEP:g} and compare with {{}}: compute"
        task = Formula(words.format(total.text), words.format(rf"\( {total.latex} \)"))
        name = self.both(lambda pen: self._quotient_of_changes(pen, index))
        self.ask("A check", name, task, (changed - start) / STEP)

    def _quotient_of_changes(self, pen: Pen, index: tuple[str, ...]) -> str:
        """(J(w+h) - J(w))/h"""
        result, weight = pen.name(self.d.result), self._element(pen, index)
        return f"({result}({weight}+{STEP:g}) - {result}({weight}))/{STEP:g}"

    def _element(self, pen: Pen, index: tuple[str, ...]) -> str:
        name = pen.name(self.d.wrt)
        if not index:
            return name
        inner = ", ".join(index)
        return f"{{{name}}}_{{{inner}}}" if pen.is_latex else f"{name}[{inner}]"


_LOSSES = ("bce", "cce", "surprisal")


def loss_words(derivation: Record) -> list[Formula]:
    """What losses with a name of their own stand for: bce(y, ŷ) = -(y*log(ŷ) + …)."""
    return _explained(derivation, derivation.result, slopes=False)


def slope_words(derivation: Record) -> list[Formula]:
    """What their derivatives stand for: bce′(y, ŷ) = (1 - y)/(1 - ŷ) - y/ŷ."""
    return _explained(derivation, derivation.gradient, slopes=True)


def _explained(derivation: Record, root: Node, slopes: bool) -> list[Formula]:
    pens = Pen(derivation, TEXT), Pen(derivation, LATEX)
    found: list[Formula] = []
    for node in walk([root]):
        name = node.op.name
        if (
            node.op.body is None
            or not name.startswith(_LOSSES)
            or name.endswith("_slope") != slopes
        ):
            continue
        body = _without_clip(node)
        sides = [_equation(pen, node, body) for pen in pens]
        if None not in sides:
            found.append(Formula(*sides))  # type: ignore[arg-type]
    return found


def _without_clip(node: Node) -> Node:
    """The formula of a loss or its derivative where its probability is not held by its clip."""
    assert node.op.body is not None
    body = node.op.body(*node.inputs, **node.attrs)
    clips = [n for n in walk([body], stop=set(node.inputs)) if n.op.name == "clip"]
    (body,) = replace([body], {n: n.inputs[0] for n in clips})
    return body.inputs[1] if body.op.name == "where" else body


def _equation(pen: Pen, node: Node, body: Node) -> str | None:
    """node = body; None where it takes more than a line."""
    sheets = [write(n, pen.dialect, pen.names) for n in (node, body)]
    if any(s.parts for s in sheets):
        return None
    left, right = (s.body.text for s in sheets)
    return f"{left} = {right}"
