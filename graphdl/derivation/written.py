"""A derivation as text and as LaTeX: the chain, each factor, the sweep, the gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from graphdl.core.graph import Node, replace, walk
from graphdl.core.notation import SUM, Written, latex_text
from graphdl.derivation.record import Derivation, Evaluation, Factor
from graphdl.ops.arithmetic import add
from graphdl.show.latex import LATEX, aligned
from graphdl.show.names import Label, labels, own_name
from graphdl.show.text import TEXT, lines
from graphdl.show.writing import Dialect, Sheet, write

PATHS, STEPS = 4, 40  # up to here the paths are written out; beyond, only where they meet last


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
        if not d.factors:
            return "1" if d.result is d.wrt else "0"
        if d.paths <= PATHS and len(d.factors) <= STEPS:
            return " + ".join(self._product(path) for path in _paths(d, d.wrt))
        return self.arriving(d.wrt)

    def arriving(self, node: Node) -> str:
        """∂J/∂v₁ · ∂v₁/∂u + …: the sum over the names v that lead to u."""
        steps = [s for s in self.derivation.factors if s.wrt is node]
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
    roots = [d.result, d.gradient]
    given = dict(d.names)
    taken = {label.name for label in labels(roots, given).values()}
    for node in (d.wrt, d.result, *(s.node for s in d.factors)):
        if own_name(node) is None and node not in given:
            wanted = "J" if node is d.result else "w" if node is d.wrt else "u"
            given[node] = _free(wanted, taken)
            taken.add(given[node])
    return _Pen(d, dialect, labels(roots, given))


def _free(name: str, taken: set[str]) -> str:
    """The name, or the first of its numbered forms, that nothing else bears."""
    forms = (f"{name}{k}" for k in itertools.count(1))
    return name if name not in taken and name != "u" else next(f for f in forms if f not in taken)


def _paths(derivation: Derivation, node: Node) -> list[list[Factor]]:
    """The paths from the result to a node. Only for few paths: their number multiplies."""
    if node is derivation.result:
        return [[]]
    arriving = [s for s in derivation.factors if s.wrt is node]
    return [[*path, s] for s in arriving for path in _paths(derivation, s.node)]


def _pairs(derivation: Derivation) -> Iterator[Node]:
    """The nodes that receive a cotangent, in the order of the sweep."""
    yield from dict.fromkeys(s.wrt for s in derivation.factors)


# ------------------------------------------------------------------------------------- text


def derivation_text(derivation: Derivation) -> str:
    """The chain rule, each factor with its rule, the sweep from the result back, the gradient."""
    pen = _pen(derivation, TEXT)
    total = pen.cotangent(derivation.wrt)
    blocks = [f"{total} = {pen.chain()}"]
    if derivation.factors:
        blocks.append("each factor\n" + _columns(_factor_rows(pen)))
        blocks.append("from the result back\n" + _columns(_sweep_rows(pen)))
    blocks.append("together\n" + _indent(f"{total} = {lines(pen.formula(derivation.gradient))}"))
    defined = _definitions(pen)
    if defined:
        blocks.append("with\n" + "\n".join(_indent(text) for text in defined))
    return "\n\n".join(blocks)


def _factor_rows(pen: _Pen) -> list[tuple[str, str]]:
    return [
        (f"{pen.quotient(s.node, s.wrt).text} = {_local(pen, s)}", s.rule)
        for s in pen.derivation.factors
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
    words = [
        str(shape[i]) if not isinstance(shape[i], int) else f"axis {i}" for i in factor.local.axes
    ]
    return ", ".join(words)


def _sweep_rows(pen: _Pen) -> list[tuple[str, str]]:
    rows = []
    for node in _pairs(pen.derivation):
        arriving = [s for s in pen.derivation.factors if s.wrt is node]
        signs = {k: v for s in arriving for k, v in pen.before(s).items()}
        total = reduce(add, [s.after for s in arriving])
        rows.append((f"{pen.cotangent(node)} = {lines(pen.formula(total, signs))}", ""))
    return rows


def _columns(rows: list[tuple[str, str]]) -> str:
    """Indented rows, the notes at the ends of their first lines under each other."""
    firsts = [text.partition("\n") for text, _ in rows]
    width = max((len(first) for first, _, _ in firsts if len(first) <= 60), default=0)
    noted = (
        (f"{first:{width}}  [{note}]" if note else first) + end + rest
        for (first, end, rest), (_, note) in zip(firsts, rows, strict=True)
    )
    return "\n".join(map(_indent, noted))


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _definitions(pen: _Pen) -> list[str]:
    """What derivatives with a name of their own (bce′) stand for."""
    found = {}
    for node in walk([pen.derivation.gradient], stop=set(pen.names)):
        if node.op.name.endswith("_slope"):
            text = f"{pen.formula(node).body.text} = {_slope(pen, node)}"
            found[node] = text.replace("\n", "\n    ")
    return list(found.values())


def _slope(pen: _Pen, node: Node) -> str:
    """The formula of a slope, where the loss is not held by its clip."""
    body = node.op.body(*node.inputs, **node.attrs)  # type: ignore[misc]
    clips = [n for n in walk([body], stop=set(node.inputs)) if n.op.name == "clip"]
    (body,) = replace([body], {n: n.inputs[0] for n in clips})
    if body.op.name != "where":
        return lines(pen.formula(body))
    condition, inside, outside = (lines(pen.formula(i)) for i in body.inputs)
    return f"{inside} where {condition}, else {outside}"


# ------------------------------------------------------------------------------------ LaTeX


def derivation_latex(derivation: Derivation) -> str:
    """The chain with each factor's formula under a brace, then the gradient, as aligned lines."""
    pen = _pen(derivation, LATEX)
    total = pen.cotangent(derivation.wrt)
    sheet = pen.formula(derivation.gradient)
    rows = [f"{total} &= {pen.chain()}"]
    rows += [_latex_row(pen, s) for s in derivation.factors]
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
    words = [factor.rule] if factor.rule else []
    if factor.local.kind == "sum":
        words.append(f"summed over {_axes(factor)}")
    rule = rf" && \mathrm{{{latex_text(', '.join(words))}}}" if words else ""
    return f"{pen.quotient(factor.node, factor.wrt).text} &= {text}{rule}"


# ---------------------------------------------------------------------------------- numbers


def evaluation_text(evaluation: Evaluation, digits: int = 7) -> str:
    """Each factor and cotangent with its numbers; the gradient last."""
    pen, d = _pen(evaluation.derivation, TEXT), evaluation.derivation
    rows = [_equation(pen.name(d.result), evaluation.result, digits)]
    for step, value in zip(d.factors, evaluation.factors, strict=True):
        if value is not None:
            rows.append(_equation(pen.quotient(step.node, step.wrt).text, value, digits))
    rows.append(_equation(pen.cotangent(d.wrt), evaluation.gradient, digits))
    return "\n".join(rows)


def _equation(name: str, value: np.ndarray, digits: int) -> str:
    """name = number, or the matrix with its rows under each other."""
    if value.ndim == 0:
        return f"{name} = {value:.{digits}g}"
    start = f"{name} = "
    shown = {"float_kind": lambda v: f"{v:.{digits}g}"}
    return start + np.array2string(
        value, formatter=shown, threshold=40, separator=", ", prefix=start
    )
