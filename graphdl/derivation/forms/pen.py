"""Writes the parts of one derivation in one dialect, every node under one name throughout."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from graphdl.core.graph import Node, walk
from graphdl.core.notation import SUM, Written
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.naming import names_of
from graphdl.derivation.reading import Reading, alone, for_the_eye, read
from graphdl.derivation.record import Factor, Record
from graphdl.show.latex import LATEX, latex_words
from graphdl.show.names import Label
from graphdl.show.text import TEXT
from graphdl.show.writing import Dialect, Sheet, write

DIALECTS = {"text": TEXT, "latex": LATEX}


@functools.lru_cache(maxsize=32)
def reading_of(derivation: Record) -> Reading:
    """The derivation as it is read, made once."""
    return read(derivation, names_of(derivation))


@dataclass
class Pen:
    """One derivation in one dialect. Parts of long expressions get names t1, t2, … of their own."""

    derivation: Record
    dialect: Dialect
    next_part: int = 1
    slopes: dict[str, Equation] = field(default_factory=dict)  # what f′ stands for
    parts: dict[Node, Written] = field(default_factory=dict)  # of the expressions so far

    @property
    def is_latex(self) -> bool:
        return self.dialect is LATEX

    @functools.cached_property
    def names(self) -> Mapping[Node, Label]:
        return names_of(self.derivation)

    @functools.cached_property
    def reading(self) -> Reading:
        return reading_of(self.derivation)

    @functools.cached_property
    def signs(self) -> dict[Node, Written]:
        """δ_v for each printed cotangent that has a line of its own."""
        r = self.reading
        return {r.cotangents[v]: Written(self.delta(v)) for v in r.lines}

    def name(self, node: Node) -> str:
        return self.dialect.name(self.names[node]).text

    def delta(self, v: Node) -> str:
        """δ_v, which is short for ∂J/∂v"""
        return rf"\delta_{{{self.name(v)}}}" if self.is_latex else f"δ_{self.name(v)}"

    def quotient(self, of: Node, by: Node) -> str:
        """∂of/∂by"""
        return self.ratio(self.name(of), self.name(by))

    def local(self, factor: Factor) -> str:
        """∂v/∂u; ∂⁺J/∂w for what J depends on w by itself, where there are other paths as well."""
        d = self.derivation
        direct = factor.node is d.result and factor.wrt is d.wrt and len(d.factors) > 1
        return self.ratio(self.name(factor.node), self.name(factor.wrt), direct)

    def ratio(self, of: str, by: str, direct: bool = False) -> str:
        if self.is_latex:
            sign = r"\partial^{+}" if direct else r"\partial"
            return rf"\frac{{{sign} {of}}}{{\partial {by}}}"
        return f"∂{'⁺' * direct}{of}/∂{by}"

    @property
    def total(self) -> str:
        """∂J/∂w"""
        d = self.derivation
        return self.quotient(d.result, d.wrt)

    def words(self, text: str) -> str:
        return latex_words(text) if self.is_latex else text

    def quotient_at(self, index: tuple[str, ...]) -> str:
        """∂J/∂w[j, k]"""
        d = self.derivation
        weight = self.name(d.wrt)
        if index:
            inner = ",".join(index) if self.is_latex else ", ".join(index)
            weight = rf"{{{weight}}}_{{{inner}}}" if self.is_latex else f"{weight}[{inner}]"
        return self.ratio(self.name(d.result), weight)

    def part(self) -> str:
        """A name of its own for a part: t1, t2, …"""
        taken = {label.name for label in self.names.values()}
        while f"t{self.next_part}" in taken:
            self.next_part += 1
        self.next_part += 1
        return f"t{self.next_part - 1}"

    # -------------------------------------------------- expressions

    def cotangent(self, root: Node) -> Sheet:
        """A cotangent as it is printed, in terms of names and of the other cotangents."""
        signs = {c: s for c, s in self.signs.items() if c is not root}
        return self._written(root, self.reading.names, signs)

    def factor(self, factor: Factor) -> Sheet:
        """∂v/∂u in symbols; of a map, what it makes of a cotangent δ."""
        root, names = alone(factor, self.names, Label("δ"))
        sheet = self._written(root, names, {})
        if factor.local.node is not None:
            return sheet
        arrow = r"\delta \mapsto " if self.is_latex else "δ ↦ "
        return replace(sheet, body=Written(arrow + sheet.body.text, SUM))

    def declared(self, node: Node) -> Sheet:
        """A named node by the formula that the user gave it."""
        return self._written(node, self.names, {})

    def _written(
        self, root: Node, names: Mapping[Node, Label], signs: Mapping[Node, Written]
    ) -> Sheet:
        known = {n: t for n, t in self.parts.items() if n is not root}
        sheet = write(root, self.dialect, names, {**known, **signs}, first_part=self.next_part)
        self.next_part = sheet.next_part
        for node, (name, _) in zip(sheet.nodes, sheet.parts, strict=True):
            self.parts[node] = Written(name)
        self._look_up_slopes(root, names)
        return sheet

    def _look_up_slopes(self, root: Node, names: Mapping[Node, Label]) -> None:
        """Keep the formulas of derivatives with a name of their own (bce′, gelu′)."""
        for node in walk([root], stop=set(names) - {root}):
            if node.op.body is None or not node.op.is_slope:
                continue
            head = write(node, self.dialect, names).body.text
            if head not in self.slopes:
                body = for_the_eye(node.op.body(*node.inputs, **node.attrs), set(names))
                sheet = write(body, self.dialect, names, first_part=self.next_part)
                self.next_part = sheet.next_part
                self.slopes[head] = Equation("slope", head, sheet.body.text)
                for name, part in sheet.parts:
                    self.slopes[name] = Equation("slope", name, part)

    # -------------------------------------------------- equations

    def equations(self, head: Equation, sheet: Sheet) -> list[Equation]:
        """An equation, the parts of its expression, and how much of it is not shown."""
        found = [head, *(Equation("part", name, part) for name, part in sheet.parts)]
        if sheet.left_out:
            left = self.words(f"{sheet.left_out} operations more: give parts a name with .named(…)")
            found.append(Equation("part", self.dialect.dots, left, sign=":"))
        return found

    def referred(self, roots: Iterable[Node]) -> list[tuple[Label, Node]]:
        """The nodes with a name that printed expressions of these roots refer to, inputs first; then J.

        What their own formulas refer to is among them. A value and the `named` node over it go by one
        name; the latter is meant.
        """
        wanted = {self.reading.names[n] for n in walk(roots) if n in self.reading.names}
        found: dict[Label, Node] = {}
        order, result = walk([self.derivation.result]), self.derivation.result
        for node in reversed(order):
            label = self.names.get(node)
            if label is not None and node.inputs and (label in wanted or node is result):
                found.setdefault(label, node)
                wanted |= {
                    self.names[n] for n in walk(node.inputs, stop=self.names) if n in self.names
                }
        return [(self.names[n], n) for n in order if found.get(self.names.get(n)) is n]

    def forward(self, roots: Iterable[Node]) -> list[Equation]:
        """The formulas of the names that printed expressions of these roots refer to."""
        equations: list[Equation] = []
        for label, node in self.referred(roots):
            sheet = self.declared(node)
            name = self.dialect.name(label).text
            head = Equation("forward", name, sheet.body.text, of=node)
            equations += self.equations(head, sheet)
        return equations
