"""A derivation as HTML: the story with its mathematics in MathML, and the other forms folded below.

A fragment to put into a page; it loads nothing, and its rules of style hold inside it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import DIALECTS, Pen
from graphdl.derivation.forms.steps import equations, title
from graphdl.show.mathml import mathml

if TYPE_CHECKING:
    from graphdl.derivation.derivation import Derivation
    from graphdl.derivation.story import Step

STYLE = """
.graphdl-derivation { max-width: 60rem; line-height: 1.5; }
.graphdl-derivation ol { padding-left: 2rem; }
.graphdl-derivation li { margin: .6rem 0; }
.graphdl-derivation .rule, .graphdl-derivation summary { opacity: .75; font-size: .9em; }
.graphdl-derivation .row { overflow: auto hidden; padding: .15rem 0; }
.graphdl-derivation .row .note { opacity: .75; font-size: .85em; margin-left: 1.5rem; }
.graphdl-derivation pre { overflow-x: auto; }
.graphdl-derivation math { font-size: 1.1em; display: inline math; math-style: normal; }
"""
FORMS = {
    "chain": "Chain form",
    "matrix": "Matrix form",
    "index": "Index form",
}


def html(derivation: Derivation) -> str:
    """The whole derivation."""
    pen = Pen(derivation, DIALECTS["text"])
    head = escape(f"Derivation of {pen.total}")
    chain = [e for e in derivation.equations("chain", "latex") if e.kind == "chain"]
    steps = "\n".join(_step(derivation, s) for s in derivation.steps)
    forms = "\n".join(
        _folded(name, _rows(derivation.equations(form, "latex"))) for form, name in FORMS.items()
    )
    code = _folded("In the generated module", f"<pre>{escape(derivation.text('code'))}</pre>")
    return (
        f'<section class="graphdl-derivation" aria-label="{head}">\n<style>{STYLE}</style>\n'
        f"<h3>{head}</h3>\n{_rows(chain)}\n<ol>\n{steps}\n</ol>\n{forms}\n{code}\n</section>"
    )


def _step(derivation: Derivation, step: Step) -> str:
    words = escape(title(Pen(derivation, DIALECTS["text"]), step))
    rows = _rows(equations(Pen(derivation, DIALECTS["latex"]), step))
    place = derivation.where(step)
    found = [f"line {n}: {derivation.module.text(n)}" for n in place.lines[:4]]
    found += [f"merged by {rule}" for rule in place.rules]
    lines = f'\n<div class="rule">{"<br>".join(map(escape, found))}</div>' if found else ""
    return f'<li data-kind="{step.kind}"><span class="title">{words}</span>\n{rows}{lines}</li>'


def _rows(equations: Sequence[Equation]) -> str:
    """One `<math>` for each equation: MathML has no line breaking of its own."""
    return "\n".join(map(_row, equations))


def _row(equation: Equation) -> str:
    note = f'<span class="note">{escape(equation.note)}</span>' if equation.note else ""
    return f'<div class="row">{mathml(equation.latex, display=False)}{note}</div>'


def _folded(name: str, body: str) -> str:
    return f"<details><summary>{escape(name)}</summary>\n{body}\n</details>"
