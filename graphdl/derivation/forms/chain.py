"""Chain form: ∂J/∂w = ∂J/∂ŷ · ∂ŷ/∂z · ∂z/∂w, summed over the paths, and each factor by itself.

The factors are the local derivatives as their operations state them, before anything is merged.
"""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.derivation.forms.equation import Equation
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.record import Factor, Record
from graphdl.show.writing import Sheet

LINE = 100
PATHS, STEPS = 4, 40  # up to here the paths are written out; beyond, only where they meet last
BRACES = 6  # factors of a path that still get their formulas under braces
#: As on the slides: the loss's factor purple, the next red, those towards the weight blue.
COLOURS = {"loss": "#7b2d8b", "between": "#c0392b", "weight": "#1f5fa8"}


def role(derivation: Record, factor: Factor) -> str:
    """The part that a factor plays, by which it is coloured: loss, between or weight."""
    if factor.node is derivation.result:
        return "loss"
    return "weight" if factor.wrt is derivation.wrt and len(derivation.factors) > 2 else "between"


def chain_form(pen: Pen) -> list[Equation]:
    """The chain, then each factor with the operations whose rules it comes from."""
    d = pen.derivation
    sheets = {f: pen.factor(f) for f in d.factors}
    found = chain(pen, sheets)
    for factor, sheet in sheets.items():
        found += by_itself(pen, factor, sheet)
    return [*found, *pen.slopes.values()]


def by_itself(pen: Pen, factor: Factor, sheet: Sheet) -> list[Equation]:
    """∂v/∂u = its formula, with the operations it comes from."""
    head = Equation("factor", pen.local(factor), sheet.body.text, note(factor), factor)
    return pen.equations(head, sheet)


def note(factor: Factor) -> str:
    """The operations of a factor, and the axes it sums over."""
    words = [factor.rule] if factor.rule else []
    if factor.local.kind == "sum":
        words.append(f"summed over {summed(factor)}")
    return ", ".join(words)


def summed(factor: Factor) -> str:
    """The axes that are summed, by the names of their sizes where they have one."""
    shape = factor.before.shape or factor.node.shape
    sizes = [(i, shape[i]) for i in factor.local.axes]
    return ", ".join(f"axis {i}" if isinstance(size, int) else str(size) for i, size in sizes)


def chain(pen: Pen, sheets: dict[Factor, Sheet]) -> list[Equation]:
    """∂J/∂ŷ · ∂ŷ/∂z · ∂z/∂w over the formulas in `sheets`; a line for each of several paths."""
    d = pen.derivation
    if not d.factors:
        return [Equation("chain", pen.total, "1" if d.result is d.wrt else "0", of=d.wrt)]
    few = d.paths <= PATHS and len(d.factors) <= STEPS
    found = paths(d, d.wrt) if few else [[f] for f in d.factors if f.wrt is d.wrt]
    products = [_product(pen, path, sheets) for path in found]
    if sum(map(len, products)) <= LINE and not pen.is_latex:
        products = [" + ".join(products)]
    first, *rest = products
    return [Equation("chain", pen.total, first, of=d.wrt),
            *(Equation("chain", "", p, of=d.wrt, sign="+") for p in rest)]  # fmt: skip


def paths(derivation: Record, node: Node) -> list[list[Factor]]:
    """The paths from the result to a node. Only for few paths: their number multiplies."""
    if node is derivation.result:
        return [[]]
    arriving = [f for f in derivation.factors if f.wrt is node]
    return [[*path, f] for f in arriving for path in paths(derivation, f.node)]


def _product(pen: Pen, path: list[Factor], sheets: dict[Factor, Sheet]) -> str:
    dot = r" \cdot " if pen.is_latex else " · "
    factors = [_factor(pen, f, sheets, len(path)) for f in path]
    if path[0].node is not pen.derivation.result:
        factors.insert(0, pen.quotient(pen.derivation.result, path[0].node))
    return dot.join(factors)


def _factor(pen: Pen, factor: Factor, sheets: dict[Factor, Sheet], count: int) -> str:
    """∂v/∂u; in LaTeX coloured, over its formula where it has a short one."""
    text = pen.local(factor)
    if not pen.is_latex:
        return text
    coloured = rf"\textcolor{{{COLOURS[role(pen.derivation, factor)]}}}{{{text}}}"
    sheet = sheets[factor]
    short = not sheet.parts and not sheet.left_out and count <= BRACES
    if not short or factor.local.node is None:
        return coloured
    return rf"\underbrace{{{coloured}}}_{{{sheet.body.text}}}"
