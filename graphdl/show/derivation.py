"""A derivation as text and as LaTeX: the chain, each factor, the sweep, the gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from graphdl.core.graph import Node, walk
from graphdl.core.notation import SUM, Written
from graphdl.differentiate.derivation import Derivation, Evaluation, Factor
from graphdl.show.latex import LATEX, aligned
from graphdl.show.names import Label, labels, own_name
from graphdl.show.text import TEXT, lines
from graphdl.show.writing import Dialect, Sheet, write

PATHS = 4  # so many are written out as products; more are summed name by name


@dataclass(frozen=True)
class _Pen:
    """Writes the parts of one derivation in one dialect, every node under one name throughout."""

    derivation: Derivation
    dialect: Dialect
    names: Mapping[Node, Label]

    def name(self, node: Node) -> str:
        return self.dialect.name(self.names[node]).text

    def quotient(self, of: Node, by: Node) -> Written:
        """∂of/∂by"""
        if self.dialect is LATEX:
            return Written(rf"\frac{{\partial {self.name(of)}}}{{\partial {self.name(by)}}}")
        return Written(f"∂{self.name(of)}/∂{self.name(by)}", SUM)

    def cotangent(self, node: Node) -> str:
        return self.quotient(self.derivation.result, node).text

    def formula(self, node: Node, signs: Mapping[Node, Written] | None = None) -> Sheet:
        """A node as an expression; a node that has a name is that name."""
        named = {node: self.dialect.name(self.names[node])} if node in self.names else {}
        return write(node, self.dialect, self.names, {**named, **(signs or {})})

    def before(self, factor: Factor) -> dict[Node, Written]:
        """The cotangent that the factor starts from, as a sign; the seed 1 has none."""
        if not factor.before.inputs:
            return {}
        return {factor.before: self.quotient(self.derivation.result, factor.node)}

    def chain(self) -> str:
        """∂J/∂ŷ · ∂ŷ/∂z · ∂z/∂W, summed over the paths."""
        d = self.derivation
        if not d.steps:
            return "1" if d.result is d.wrt else "0"
        if d.paths <= PATHS:
            return " + ".join(self._product(path) for path in _paths(d, d.wrt))
        return self.arriving(d.wrt)

    def arriving(self, node: Node) -> str:
        """∂J/∂v₁ · ∂v₁/∂u + …: the sum over the names v that lead to u."""
        steps = [s for s in self.derivation.steps if s.wrt is node]
        return " + ".join(self._product([s]) for s in steps)

    def _product(self, path: list[Factor]) -> str:
        dot = r" \cdot " if self.dialect is LATEX else " · "
        factors = [self._factor(s) for s in path]
        if path[0].node is not self.derivation.result:
            factors.insert(0, self.cotangent(path[0].node))
        return dot.join(factors)

    def _factor(self, step: Factor) -> str:
        """∂v/∂u; in LaTeX over its formula, where it has a short one."""
        text = self.quotient(step.node, step.wrt).text
        if self.dialect is not LATEX or step.local.node is None:
            return text
        sheet = self.formula(step.local.node)
        short = not sheet.parts and not sheet.left_out
        return rf"\underbrace{{{text}}}_{{{sheet.body.text}}}" if short else text


def _pen(derivation: Derivation, dialect: Dialect) -> _Pen:
    """Names for all nodes that steps lie between, also for those the user gave none."""
    d = derivation
    given = {n: "w" for n in [d.wrt] if own_name(n) is None}
    given |= {n: "J" for n in [d.result] if own_name(n) is None}
    nameless = [n for n in dict.fromkeys(s.node for s in d.steps) if own_name(n) is None]
    given |= {n: f"u{k}" for k, n in enumerate((n for n in nameless if n not in given), 1)}
    return _Pen(d, dialect, labels([d.result, d.gradient], given))


def _paths(derivation: Derivation, node: Node) -> list[list[Factor]]:
    """The paths from the result to a node. Only for few paths: their number multiplies."""
    if node is derivation.result:
        return [[]]
    arriving = [s for s in derivation.steps if s.wrt is node]
    return [[*path, s] for s in arriving for path in _paths(derivation, s.node)]


def _pairs(derivation: Derivation) -> Iterator[Node]:
    """The nodes that receive a cotangent, in the order of the sweep."""
    yield from dict.fromkeys(s.wrt for s in derivation.steps)


# ------------------------------------------------------------------------------------- text


def derivation_text(derivation: Derivation) -> str:
    """The chain rule, each factor with its rule, the sweep from the result back, the gradient."""
    pen = _pen(derivation, TEXT)
    total = pen.cotangent(derivation.wrt)
    blocks = [f"{total} = {pen.chain()}"]
    if derivation.steps:
        blocks.append("each factor\n" + _columns(_factor_rows(pen)))
        blocks.append("from the result back\n" + _columns(_sweep_rows(pen)))
    blocks.append("together\n" + _indent(f"{total} = {lines(pen.formula(derivation.gradient))}"))
    defined = _definitions(pen)
    if defined:
        blocks.append("with\n" + "\n".join(f"    {line}" for line in defined))
    return "\n\n".join(blocks)


def _factor_rows(pen: _Pen) -> list[tuple[str, str]]:
    return [
        (f"{pen.quotient(s.node, s.wrt).text} = {_local(pen, s)}", s.rule)
        for s in pen.derivation.steps
    ]


def _local(pen: _Pen, factor: Factor) -> str:
    """∂v/∂u in symbols; a map where it is not a factor that stands alone."""
    local = factor.local
    if local.node is None:
        delta = Written("δ")
        return f"δ ↦ {lines(pen.formula(factor.after, {factor.before: delta}))}"
    text = lines(pen.formula(local.node))
    return f"{text}, summed over {_axes(factor)}" if local.kind == "sum" else text


def _axes(factor: Factor) -> str:
    """The axes that are summed, by the names of their sizes where they have one."""
    shape = factor.before.shape or factor.node.shape
    words = [str(shape[i]) if not isinstance(shape[i], int) else f"axis {i}" for i in factor.local.axes]
    return ", ".join(words)


def _sweep_rows(pen: _Pen) -> list[tuple[str, str]]:
    rows = []
    for node in _pairs(pen.derivation):
        sent = [s for s in pen.derivation.steps if s.wrt is node]
        text = " + ".join(lines(pen.formula(s.after, pen.before(s))) for s in sent)
        rows.append((f"{pen.cotangent(node)} = {text}", ""))
    return rows


def _columns(rows: list[tuple[str, str]]) -> str:
    """Indented rows, the notes at their ends under each other."""
    width = max((len(a) for a, _ in rows if len(a) <= 60 and "\n" not in a), default=0)
    return "\n".join(_indent(f"{a:{width}}  [{b}]" if b else a) for a, b in rows)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _definitions(pen: _Pen) -> list[str]:
    """What derivatives with a name of their own (bce′) stand for."""
    found = {}
    for node in walk([pen.derivation.gradient], stop=set(pen.names)):
        if node.op.name.endswith("_slope"):
            found[node] = f"{pen.formula(node).body.text} = {_slope(pen, node)}"
    return list(found.values())


def _slope(pen: _Pen, node: Node) -> str:
    """The formula of a slope, where the loss is not held by its clip."""
    body = node.op.body(*node.inputs, **node.attrs)  # type: ignore[misc]
    signs = {}
    for part in walk([body], stop=set(node.inputs)):
        if part.op.name == "clip":  # inside the clip it changes nothing
            signs[part] = pen.formula(part.inputs[0]).body
    if body.op.name != "where":
        return lines(pen.formula(body, signs))
    condition, inside, outside = (lines(pen.formula(i, signs)) for i in body.inputs)
    return f"{inside} where {condition}, else {outside}"


# ------------------------------------------------------------------------------------ LaTeX


def derivation_latex(derivation: Derivation) -> str:
    """The chain with each factor's formula under a brace, then the gradient, as aligned lines."""
    pen = _pen(derivation, LATEX)
    total = pen.cotangent(derivation.wrt)
    sheet = pen.formula(derivation.gradient)
    rows = [f"{total} &= {pen.chain()}"]
    rows += [_latex_row(pen, s) for s in derivation.steps]
    rows.append(f"{total} &= {sheet.body.text}")
    rows += [f"{name} &= {part}" for name, part in sheet.parts]
    return aligned(rows)


def _latex_row(pen: _Pen, factor: Factor) -> str:
    """∂v/∂u = its formula, and the rule at the side."""
    if factor.local.node is not None:
        text = pen.formula(factor.local.node).body.text
    else:
        signs = {factor.before: Written(r"\delta")}
        text = rf"\delta \mapsto {pen.formula(factor.after, signs).body.text}"
    rule = rf" && \text{{{factor.rule.replace('_', ' ')}}}" if factor.rule else ""
    return f"{pen.quotient(factor.node, factor.wrt).text} &= {text}{rule}"


# ---------------------------------------------------------------------------------- numbers


def evaluation_text(evaluation: Evaluation, digits: int = 6) -> str:
    """Each factor and cotangent with its numbers; the gradient last."""
    pen, d = _pen(evaluation.derivation, TEXT), evaluation.derivation
    rows = [f"{pen.name(d.result)} = {_number(evaluation.result, digits)}"]
    for step, value in zip(d.steps, evaluation.factors, strict=True):
        if value is not None:
            rows.append(f"{pen.quotient(step.node, step.wrt).text} = {_number(value, digits)}")
    rows.append(f"{pen.cotangent(d.wrt)} = {_number(evaluation.gradient, digits)}")
    return "\n".join(rows)


def _number(value: np.ndarray, digits: int) -> str:
    if value.ndim == 0:
        return f"{value:.{digits}f}"
    return np.array2string(value, precision=digits, threshold=40, separator=", ", prefix=" " * 8)
