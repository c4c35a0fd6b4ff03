"""Matrix form: ∂J/∂W1 = xᵀ @ δ_z1, and one line for each cotangent δ_v = ∂J/∂v that it needs.

It grows with the number of layers, never with the number of paths, and stops at the user's names.
"""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import Pen
from graphdl.rewrite.engine import Rule


def gradient(pen: Pen) -> list[Equation]:
    """∂J/∂w, then the cotangents it is made of, the nearest first."""
    d, r = pen.derivation, pen.reading
    sheet = pen.cotangent(r.gradient)
    found = pen.equations(
        Equation("gradient", pen.total, sheet.body.text, note(pen, d.wrt), d.wrt), sheet
    )
    for v in r.lines:
        sheet = pen.cotangent(r.cotangents[v])
        head = Equation("cotangent", pen.delta(v), sheet.body.text, note(pen, v), v)
        found += pen.equations(head, sheet)
    return found


def matrix_form(pen: Pen) -> list[Equation]:
    """The gradient and all that is needed to compute it from inputs and weights alone."""
    r = pen.reading
    found = gradient(pen)
    found += pen.forward([r.gradient, *(r.cotangents[v] for v in r.lines)])
    return [*found, *pen.slopes.values()]


def note(pen: Pen, v: Node) -> str:
    """The rules that merged what stands in the line of ∂J/∂v."""
    r, shown = pen.reading, dict.fromkeys(_inlined(pen, v))
    rules: dict[Rule, None] = {rule: None for u in (v, *shown) for rule in r.merges.get(u, ())}
    return "; ".join(rule.name for rule in rules)


def _inlined(pen: Pen, v: Node) -> list[Node]:
    """The names whose cotangents are written inside the line of v."""
    r = pen.reading
    apart = {r.cotangents[u] for u in r.lines}
    found: list[Node] = []
    pending = [r.gradient if v is pen.derivation.wrt else r.cotangents[v]]
    for root in pending:
        for node in r.below(root):
            for i in node.inputs:
                if i in r.targets and i not in apart and i not in pending:
                    pending.append(i)
                    found.append(r.targets[i])
    return found
