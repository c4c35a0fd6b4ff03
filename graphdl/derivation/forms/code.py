"""Code form: the lines of the generated module that compute the gradient and what it is made of."""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.core.notation import latex_text
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.module import Module, module_of
from graphdl.derivation.places import merged_by

SHOWN = 8  # lines of one value: tiles of a sum may be written in many


def code_form(pen: Pen) -> list[Equation]:
    """∂J/∂v, from the result back, with its lines; or the rules that left no line of it."""
    d, module = pen.derivation, module_of(pen.derivation)
    found: list[Equation] = []
    for v in dict.fromkeys(f.wrt for f in d.factors):
        left = pen.total if v is d.wrt else pen.delta(v)
        node = d.gradient if v is d.wrt else d.cotangents[v]
        found += _lines(pen, module, left, node, v)
    return found


def _lines(pen: Pen, module: Module, left: str, node: Node, v: Node) -> list[Equation]:
    numbers = module.lines(node)
    if not numbers:
        why = "; ".join(merged_by(pen.derivation, [node], v))
        return [Equation("code", left, pen.words(f"no line of its own: {why}"), "", v, ":")]
    return [
        Equation("code", left if k == 0 else "", _code(pen, module.text(n)), f"line {n}", v, ":")
        for k, n in enumerate(numbers[:SHOWN])
    ]


def _code(pen: Pen, text: str) -> str:
    return rf"\texttt{{{latex_text(text)}}}".replace(r"\ ", " ") if pen.is_latex else text
