"""What the page says in formulas: names, values, local derivatives, each as LaTeX and MathML.

A formula about single units carries a private character behind each name in place of the unit's
number; the page puts in the number of the unit that is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphdl.core.graph import Node, replace, walk
from graphdl.core.notation import Written
from graphdl.derivation.record import Factor
from graphdl.explorer.stations import Journey, Station
from graphdl.show.latex import LATEX, aligned, latex_name
from graphdl.show.mathml import fragment
from graphdl.show.names import Label
from graphdl.show.writing import Sheet, write

PLACE = 0xE000  # PLACE + k stands for the unit's number of station k
_SUBSCRIPT = re.compile(r"(.*)_\{([^{}]*)\}", re.DOTALL)
_ONE_BY_ONE = frozenset(
    (
        "where", "broadcast_to", "reshape", "cast", "size", "constant", "named", "not",
        "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor",
    )
)  # fmt: skip

Formula = dict[str, str]  # {"tex": LaTeX, "mml": the inside of a <math> element}


def formula(tex: str) -> Formula:
    """Both forms of one formula."""
    return {"tex": tex, "mml": fragment(tex)}


@dataclass(frozen=True, eq=False)
class Words:
    """Writes the formulas of a journey, every station under one name throughout."""

    way: Journey

    @cached_property
    def number(self) -> dict[Node, int]:
        return {s.node: k for k, s in enumerate(self.way.stations)}

    def name(self, station: Station, indexed: bool = False) -> str:
        """The LaTeX of a station's name; indexed: with the place of a unit's number."""
        plain = latex_name(station.name).text
        if not indexed or single(station):
            return plain
        place = chr(PLACE + self.number[station.node])
        below = _SUBSCRIPT.fullmatch(plain)
        return f"{below[1]}_{{{below[2]}{place}}}" if below else f"{{{plain}}}_{{{place}}}"

    def value(self, station: Station) -> Formula:
        """What a value is computed as, in terms of the stations before it."""
        return formula(_lines(self._sheet(_inside(station.node), station.parents)))

    def local(self, factor: Factor) -> tuple[Formula, bool] | None:
        """∂v/∂u as a formula, and whether it is about single units; None where it is a map."""
        node = factor.local.node
        if node is None:
            return None
        node = _spelled(node)
        indexed = factor.local.kind in ("times", "sum") and _by_elements(node, set(self.number))
        text = _lines(self._sheet(node, (), indexed))
        return formula(text.replace(r"\odot", r"\cdot") if indexed else text), indexed

    def sent(self, factor: Factor) -> Formula:
        """What v sends to u, in terms of ∂J/∂v: the matrix form of one step of the sweep."""
        signs = {}
        if factor.before.inputs:
            signs[factor.before] = Written(self.slope(self.way.station(factor.node)))
        after = _spelled(factor.after) if not factor.before.inputs else factor.after
        return formula(_lines(self._sheet(after, (), False, signs)))

    def slope(self, station: Station) -> str:
        r"""\frac{∂J}{∂v}"""
        loss = self.name(self.way.stations[self.number[self.way.loss]])
        return rf"\frac{{\partial {loss}}}{{\partial {self.name(station)}}}"

    def _sheet(
        self,
        node: Node,
        stops: tuple[Node, ...] = (),
        indexed: bool = False,
        signs: Mapping[Node, Written] | None = None,
    ) -> Sheet:
        names: dict[Node, Written] = {}
        for s in self.way.stations:
            if s.node is node or (stops and s.node not in stops):
                continue
            names[s.node] = Written(self.name(s, indexed))
            if s.node.op.name == "named" and s.node.inputs[0].inputs and not stops:
                names.setdefault(s.node.inputs[0], names[s.node])
        others = {n: Label(_other(n)) for n in walk([node], stop=set(names)) if _is_other(n)}
        return write(node, LATEX, others, {**names, **(signs or {})})


def single(station: Station) -> bool:
    """Is it one number for each example?"""
    shape = station.node.shape
    inner = shape[1:] if shape and not isinstance(shape[0], int) else shape
    return all(d == 1 for d in inner)


def _inside(node: Node) -> Node:
    return node.inputs[0] if node.op.name == "named" else node


def _is_other(node: Node) -> bool:
    """A named value that is no station: no gradient passes it."""
    return node.op.name == "named" or (not node.inputs and "identity" in node.attrs)


def _other(node: Node) -> str:
    return str(node.attrs.get("name", node.op.name))


def _by_elements(node: Node, stops: set[Node]) -> bool:
    """Is every operation done element by element?"""
    inner = [n for n in walk([node], stop=stops) if n.inputs and n not in stops]
    return all(n.op.partials is not None or n.op.name in _ONE_BY_ONE for n in inner)


def _spelled(node: Node) -> Node:
    """Slopes of losses by their formula, where the loss is not held by its clip."""
    while slopes := [n for n in walk([node]) if n.op.name.endswith("_slope") and n.op.body]:
        bodies = {n: _body(n) for n in slopes[:1]}
        (node,) = replace([node], bodies)
    return node


def _body(node: Node) -> Node:
    body = node.op.body(*node.inputs, **node.attrs)  # type: ignore[misc]
    clips = [n for n in walk([body], stop=set(node.inputs)) if n.op.name == "clip"]
    (body,) = replace([body], {n: n.inputs[0] for n in clips})
    return body.inputs[1] if body.op.name == "where" else body


def _lines(sheet: Sheet) -> str:
    """A sheet as one formula: the parts that have short names below it."""
    if not sheet.parts and not sheet.left_out:
        return sheet.body.text
    rows = [f"&{sheet.body.text}"]
    begin = r"\text{where } "
    for name, part in sheet.parts:
        rows.append(f"&{begin}{name} = {part}")
        begin = r"\quad "
    if sheet.left_out:
        rows.append(rf"&\text{{and {sheet.left_out} operations more}}")
    return aligned(rows)


def equations(optimizer: Any) -> Formula | None:
    """What a step does to one weight."""
    try:
        return formula(optimizer.equations().latex())
    except NotImplementedError:
        return None
