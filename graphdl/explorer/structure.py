"""How single units hang together: which weight joins which two units, and what each one touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphdl.core.graph import Node
from graphdl.core.interpret import Sizes, interpret
from graphdl.derivation.record import Factor
from graphdl.explorer.stations import Journey, Station, is_one


@dataclass(frozen=True)
class Link:
    """What joins two stations, by their numbers, unit by unit.

    matrix: weight[i, j] joins unit i of `source` and unit j of `target` (source @ weight).
    vector: weight[j] acts on unit j of `target`; `plain` where it is only added, as a bias is.
    whole: a weight that acts in another way; looked at as one.
    value: `source` is computed further; `pairs` says which units depend on which.
    """

    kind: str
    target: int
    source: int = -1
    weight: int = -1
    factor: int = -1  # towards the weight, or of the value
    inward: int = -1  # of a matrix: the factor towards `source`
    plain: bool = False
    pairs: tuple[tuple[int, int], ...] = ()


SHOWN = 6  # units of a layer that are drawn


@dataclass(frozen=True, eq=False)
class Structure:
    """The links of a journey, found with the values of one batch."""

    way: Journey
    values: Mapping[Node, np.ndarray]  # of all stations and leaves

    @cached_property
    def number(self) -> dict[Node, int]:
        return {s.node: k for k, s in enumerate(self.way.stations)}

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Of weights first, then of values."""
        found = [
            self._of_weight(k, f) for k, f in enumerate(self.way.factors) if self._is_weight(f.wrt)
        ]
        inward = {link.inward for link in found}
        found += [
            self._of_value(k, f)
            for k, f in enumerate(self.way.factors)
            if not self._is_weight(f.wrt) and k not in inward
        ]
        joined = {(link.source, link.target) for link in found}
        return (*found, *self._data(joined))

    def units(self, station: Station) -> int:
        """The numbers of one example."""
        shape = np.shape(self.values[station.node])
        return int(np.prod(shape[1:] if self.batched(station) else shape))

    def shape(self, station: Station) -> str:
        """n × 3"""
        return " × ".join(map(str, station.node.shape)) or "one number"

    def batched(self, station: Station) -> bool:
        """Has it a row for each example?"""
        shape = station.node.shape
        return bool(shape) and not isinstance(shape[0], int)

    def _is_weight(self, node: Node) -> bool:
        return self.way.station(node).role == "weight"

    def _of_weight(self, number: int, f: Factor) -> Link:
        target, weight = self.number[f.node], self.number[f.wrt]
        source = self._multiplied(f)
        if source is not None:
            return Link(
                "matrix", target, self.number[source], weight, number, self._inward(f, source)
            )
        units = self.units(self.way.station(f.node))
        vector = (*(1,) * (f.wrt.rank - 1), units)  # (units,), or (1, units)
        if f.local.kind == "sum" and f.wrt.shape == vector and len(f.before.shape) == 2:
            plain = is_one(f.local.node)
            return Link("vector", target, weight=weight, factor=number, plain=plain)
        return Link("whole", target, weight=weight, factor=number)

    def _multiplied(self, f: Factor) -> Node | None:
        """The station x of v = x @ W, where the factor is that towards W."""
        local = f.local.node
        if (
            f.local.kind != "left"
            or local is None
            or local.op.name != "transpose"
            or f.wrt.rank != 2
        ):
            return None
        x = local.inputs[0]
        return next((s.node for s in self.way.stations if x in _faces(s.node)), None)

    def _inward(self, f: Factor, source: Node) -> int:
        """The factor of the same product towards its other operand; -1 where that is data."""
        for k, g in enumerate(self.way.factors):
            if g.node is f.node and g.wrt is source and _is_transposed(g, f.wrt):
                return k
        return -1

    def _of_value(self, number: int, f: Factor) -> Link:
        target, source = self.way.station(f.node), self.way.station(f.wrt)
        rows, columns = self.units(source), self.units(target)
        if f.local.kind == "times" and rows == columns:
            pairs = [(i, i) for i in range(min(rows, SHOWN))]
        elif f.local.kind == "times":
            pairs = [(i, 0) for i in range(min(rows, SHOWN))]
        else:
            pairs = self._touched(f, min(rows, SHOWN), min(columns, SHOWN))
        return Link(
            "value", self.number[f.node], self.number[f.wrt], factor=number, pairs=tuple(pairs)
        )

    def _touched(self, f: Factor, rows: int, columns: int) -> list[tuple[int, int]]:
        """The pairs (i, j) where a cotangent of unit j alone reaches unit i."""
        shape = np.shape(self.values[f.node])
        same = self.units(self.way.station(f.wrt)) == self.units(self.way.station(f.node))
        found = [(i, i) for i in range(min(rows, columns))] if same else []
        for j in range(columns):
            seed = np.zeros(shape)
            seed.reshape(shape[0] if self.batched(self.way.station(f.node)) else 1, -1)[:, j] = 1.0
            (sent,) = interpret([f.after], {**self.values, f.before: seed}, self._sizes())
            across = np.abs(sent).reshape(-1, self.units(self.way.station(f.wrt))).sum(0)
            found += [(i, j) for i in range(rows) if across[i] > 0 and (i, j) not in found]
        return found

    def _sizes(self) -> Sizes:
        sizes = Sizes()
        for node, value in self.values.items():
            sizes.learn(node.type.shape, np.shape(value), "a station")
        return sizes

    def _data(self, joined: set[tuple[int, int]]) -> list[Link]:
        """Inputs and targets that no gradient leads to: which station reads them."""
        links = []
        for s in self.way.stations:
            for p in s.parents:
                source = self.way.station(p)
                ends = (self.number[p], self.number[s.node])
                if source.role == "data" and ends not in joined:
                    pairs = tuple((i, 0) for i in range(min(self.units(source), SHOWN)))
                    links.append(Link("data", ends[1], ends[0], pairs=pairs))
        return links


def _faces(node: Node) -> tuple[Node, ...]:
    """The node, and the value under its name."""
    return (node, node.inputs[0]) if node.op.name == "named" else (node,)


def _is_transposed(f: Factor, weight: Node) -> bool:
    local = f.local.node
    right = f.local.kind == "right" and local is not None and local.op.name == "transpose"
    return right and local.inputs[0] is weight  # type: ignore[union-attr]
