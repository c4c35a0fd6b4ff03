"""Index form: the matrix form element by element, every sum over units and examples written out.

∂J/∂W1[j, k] = Σ_i(x[i, j]*δ_z1[i, k])      i < n, j < 30, k < 16
"""

from __future__ import annotations

from collections.abc import Mapping

from graphdl.core.graph import Node
from graphdl.core.notation import Written
from graphdl.core.sizes import Dim, Size
from graphdl.derivation.forms.elements import Index, Letters, Page, parts_of
from graphdl.derivation.forms.equation import Equation, Kind
from graphdl.derivation.forms.matrix import note as merged_by
from graphdl.derivation.forms.pen import Pen
from graphdl.show.names import Label


def index_form(pen: Pen) -> list[Equation]:
    """The gradient and all that it is made of, by elements. Of one weight, where one is asked for."""
    d, r = pen.derivation, pen.reading
    at = None if d.unit is None else tuple(map(str, d.unit))
    found = _cotangent(pen, "gradient", r.gradient, d.wrt, at)
    for v in r.lines:
        found += _cotangent(pen, "cotangent", r.cotangents[v], v)
    for label, node in pen.referred([r.gradient, *(r.cotangents[v] for v in r.lines)]):
        name = pen.dialect.name(label)
        names = {n: k for n, k in pen.names.items() if k != label}
        root = node.inputs[0] if node.op.name == "named" else node
        found += _written(pen, "forward", name, root, names, {}, "", node)
    return found


def _cotangent(
    pen: Pen, kind: Kind, root: Node, v: Node, unit: Index | None = None
) -> list[Equation]:
    signs = {c: s for c, s in pen.signs.items() if c is not root}
    name = Written(pen.total if kind == "gradient" else pen.delta(v))
    note = merged_by(pen, v)
    return _written(pen, kind, name, root, pen.reading.names, signs, note, v, unit)


def _written(
    pen: Pen,
    kind: Kind,
    name: Written,
    root: Node,
    names: Mapping[Node, Label],
    signs: Mapping[Node, Written],
    note: str,
    of: Node,
    unit: Index | None = None,
) -> list[Equation]:
    """The equation of one element, then those of its parts."""
    parts: dict[Node, Written] = {}
    for part in parts_of(root, {*names, *signs}):
        parts[part] = Written(pen.dialect.name(Label(pen.part())).text)
    found = []
    for node, left in [(root, name), *parts.items()]:
        letters = Letters({str(s) for s in _sizes(root)} | {k.name for k in names.values()})
        index = unit if unit is not None and node is root else letters.index(node.shape)
        rest = {n: p for n, p in parts.items() if n is not node}
        page = Page(pen.dialect, pen.is_latex, names, signs, letters, rest)
        right = page.element(node, index)
        sides = left.text if not index else page.at(left, index).text
        if node is root and kind == "gradient":
            sides = pen.quotient_at(index)
        ranges = ", ".join(f"{letter} < {size}" for letter, size in letters.ranges.items())
        if node is root:
            words = "; ".join(filter(None, [ranges, note]))
            found.append(Equation(kind, sides, right.text, words, of))
        else:
            found.append(Equation("part", sides, right.text, ranges))
    return found


def _sizes(node: Node) -> list[Dim]:
    return [d for d in node.facts.shape(node.type.shape) if isinstance(d, Size)]
