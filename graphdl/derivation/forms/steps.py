"""The equations of one step of the story."""

from __future__ import annotations

from graphdl.derivation.forms.chain import by_itself
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.matrix import line
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
            pen.local(f) + ("" if f.wrt is d.wrt else dot + pen.quotient(f.wrt, d.wrt))
            for f in step.factors
        ]
        return [Equation("chain", pen.quotient(step.of, d.wrt), " + ".join(terms), of=step.of)]
    if step.kind == "local":
        (factor,) = step.factors
        return by_itself(pen, factor, pen.factor(factor))
    if step.kind == "sum":
        terms = [
            (pen.quotient(d.result, f.node) + dot if f.node is not d.result else "") + pen.local(f)
            for f in step.factors
        ]
        left = pen.quotient(d.result, step.by)
        return [Equation("chain", left, " + ".join(terms), of=step.by)]
    if step.kind == "update":
        return _update(pen)
    return line(pen, step.by)


def _update(pen: Pen) -> list[Equation]:
    """The optimizer's own equations, of a weight w with gradient g = ∂J/∂w."""
    within = pen.derivation.within
    assert within is not None
    found = []
    for assignment in within.update.lines:
        sheet = assignment.sheet(pen.dialect)
        sign = "←" if assignment.assigns else "="
        found.append(Equation("part", assignment.name(pen.dialect), sheet.body.text, sign=sign))
        found += [Equation("part", name, part) for name, part in sheet.parts]
    return found
