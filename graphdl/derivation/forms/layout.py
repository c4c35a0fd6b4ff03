"""Equations as text and as aligned LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphdl.derivation.forms.equation import Equation, Kind
from graphdl.show.latex import aligned, latex_words

HEADINGS: dict[Kind, str] = {
    "factor": "each factor",
    "gradient": "together",
    "cotangent": "with the cotangents δ_v = ∂J/∂v",
    "forward": "forward",
    "slope": "with",
    "code": "in the generated module",
}
NOTE_COLUMN = 60


def text_of(equations: Sequence[Equation]) -> str:
    """Blocks under headings; what has none belongs to the block before."""
    blocks: list[list[Equation]] = []
    for e in equations:
        if not blocks or (e.kind in HEADINGS and e.kind != blocks[-1][0].kind):
            blocks.append([])
        blocks[-1].append(e)
    return "\n\n".join(_block(block, k == 0) for k, block in enumerate(blocks))


def _block(equations: list[Equation], first: bool) -> str:
    heading = None if first else HEADINGS.get(equations[0].kind)
    rows = [(_row(e), e.note) for e in equations]
    if heading is None:
        return "\n".join(columns(rows))
    return "\n".join([heading, *(indented(row) for row in columns(rows))])


def _row(e: Equation) -> str:
    return f"{e.left} {e.sign} {e.right}" if e.left else f"    {e.sign} {e.right}"


def columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Rows with their notes under each other."""
    rows = list(rows)
    width = max((len(text) for text, _ in rows if len(text) <= NOTE_COLUMN), default=0)
    return [f"{text:{width}}  [{note}]" if note else text for text, note in rows]


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def latex_of(equations: Sequence[Equation]) -> str:
    """Aligned lines, the notes at the side."""
    return aligned([_latex_row(e) for e in equations])


def _latex_row(e: Equation) -> str:
    note = rf" && {latex_words(e.note)}" if e.note else ""
    return f"{e.left} &{e.latex_sign} {e.right}{note}"
