"""Where things stand in the picture: columns from the data to the loss, units under each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdl.explorer.stations import Station
from graphdl.explorer.structure import SHOWN, Link

COLUMN, ROW, RADIUS = 132, 62, 21
TOP, SIDE, GAP, MORE = 58, 46, 34, 22  # above the units, at the sides, between groups, a line


@dataclass(frozen=True)
class Group:
    """The units of a station, or a weight that stands as a leaf: their places, top down."""

    station: int
    leaf: bool
    places: tuple[tuple[int, int], ...]
    more: int  # units that are not drawn


@dataclass(frozen=True)
class Layout:
    width: int
    height: int
    groups: tuple[Group, ...]

    def group(self, station: int) -> Group:
        return next(g for g in self.groups if g.station == station)


def layout(stations: Sequence[Station], units: Sequence[int], links: Sequence[Link]) -> Layout:
    """Values stand in the column of their depth, weights that are vectors in the one before."""
    leaves = {link.weight: link.target for link in links if link.kind in ("vector", "whole")}
    columns: dict[int, list[int]] = {}
    for k, s in enumerate(stations):
        if s.role != "weight":
            columns.setdefault(s.depth, []).append(k)
    for weight, target in leaves.items():
        columns.setdefault(stations[target].depth - 1, []).append(weight)
    order = sorted(columns)
    for depth in order:
        columns[depth].sort(key=lambda k: (_rank(stations[k], k in leaves), k))
    heights = {d: _height(columns[d], units, leaves) for d in order}
    tallest = max(heights.values())
    groups: list[Group] = []
    for at, depth in enumerate(order):
        y = TOP + (tallest - heights[depth]) // 2
        for k in columns[depth]:
            count = 1 if k in leaves else min(units[k], SHOWN)
            x = SIDE + at * COLUMN
            places = tuple((x, y + ROW // 2 + i * ROW) for i in range(count))
            groups.append(Group(k, k in leaves, places, 0 if k in leaves else units[k] - count))
            y += count * ROW + GAP + (MORE if groups[-1].more else 0)
    return Layout(2 * SIDE + (len(order) - 1) * COLUMN, TOP + tallest + 24, tuple(groups))


def _rank(station: Station, leaf: bool) -> int:
    """Values on top, then targets, then biases and other leaves."""
    return 2 if leaf else 1 if station.role == "data" and station.depth > 0 else 0


def _height(column: Sequence[int], units: Sequence[int], leaves: dict[int, int]) -> int:
    rows = sum(1 if k in leaves else min(units[k], SHOWN) for k in column)
    lines = sum(k not in leaves and units[k] > SHOWN for k in column)
    return rows * ROW + lines * MORE + (len(column) - 1) * GAP
