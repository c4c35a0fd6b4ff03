"""Matrix form: ∂J/∂W1 = xᵀ @ δ_z1, and one line for each cotangent δ_v = ∂J/∂v that it needs.

It grows with the number of layers, never with the number of paths, and stops at the user's names.
"""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import Pen


def gradient(pen: Pen) -> list[Equation]:
    """∂J/∂w, then the cotangents it is made of, the nearest first."""
    return [e for v in (pen.derivation.wrt, *pen.reading.lines) for e in line(pen, v)]


def line(pen: Pen, v: Node) -> list[Equation]:
    """∂J/∂w or δ_v = ∂J/∂v, with the rules that merged what stands there."""
    r = pen.reading
    whole = v is pen.derivation.wrt
    sheet = pen.cotangent(r.gradient if whole else r.cotangents[v])
    left, kind = (pen.total, "gradient") if whole else (pen.delta(v), "cotangent")
    return pen.equations(Equation(kind, left, sheet.body.text, note(pen, v), v), sheet)


def matrix_form(pen: Pen) -> list[Equation]:
    """The gradient and all that is needed to compute it from inputs and weights alone."""
    r = pen.reading
    found = gradient(pen)
    found += pen.forward([r.gradient, *(r.cotangents[v] for v in r.lines)])
    return [*found, *pen.slopes.values()]


def note(pen: Pen, v: Node) -> str:
    """The rules that merged what stands in the line of ∂J/∂v."""
    return "; ".join(rule.name for rule in pen.reading.rules(v))
