"""The equations of one step of the story."""

from __future__ import annotations

from graphdl.derivation.forms.chain import note as of_factor
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.story import TITLES, Step


def title(pen: Pen, step: Step) -> str:
    """What the step does, in words."""
    name = pen.name
    return TITLES[step.kind].format(
        of=name(step.of), by=name(step.by), weight=name(pen.derivation.wrt)
    )


def equations(pen: Pen, step: Step) -> list[Equation]:
    """What the step states, in symbols."""
    d, dot = pen.derivation, r" \cdot " if pen.is_latex else " · "
    if step.kind == "question":
        return [Equation("chain", pen.total, "?", of=d.wrt)]
    if step.kind == "chain":
        terms = [
            pen.local(f) + ("" if f.wrt is d.wrt else dot + pen.quotient(f.wrt, d.wrt).text)
            for f in step.factors
        ]
        return [Equation("chain", pen.quotient(step.of, d.wrt).text, " + ".join(terms), of=step.of)]
    if step.kind == "local":
        (factor,) = step.factors
        sheet = pen.factor(factor)
        left = pen.local(factor)
        head = Equation("factor", left, sheet.body.text, of_factor(factor), factor)
        return pen.equations(head, sheet)
    if step.kind == "sum":
        terms = [
            (pen.quotient(d.result, f.node).text + dot if f.node is not d.result else "")
            + pen.local(f)
            for f in step.factors
        ]
        left = pen.quotient(d.result, step.by).text
        return [Equation("chain", left, " + ".join(terms), of=step.by)]
    if step.kind == "update":
        return _update(pen)
    gradient = step.kind == "gradient"
    sheet = pen.cotangent(pen.reading.gradient if gradient else pen.reading.cotangents[step.by])
    left = pen.total if gradient else pen.delta(step.by)
    kind = "gradient" if gradient else "cotangent"
    return pen.equations(Equation(kind, left, sheet.body.text, step.rule, step.by), sheet)


def _update(pen: Pen) -> list[Equation]:
    """The optimizer's own equations, of a weight w with gradient g = ∂J/∂w."""
    within = pen.derivation.within
    assert within is not None
    found = []
    for line in within.update.lines:
        sheet = line.sheet(pen.dialect)
        sign = "←" if line.assigns else "="
        found.append(Equation("part", line.name(pen.dialect), sheet.body.text, sign=sign))
        found += [Equation("part", name, part) for name, part in sheet.parts]
    return found
