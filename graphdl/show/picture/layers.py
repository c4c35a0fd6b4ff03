"""Which layer each box is in, and where lines pass: the layered graph of what one frame holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Point = tuple[float, float]
Chain = tuple[Any, ...]


@dataclass(frozen=True)
class Flow:
    """An edge as it is laid out: from the upper box to the lower one, `apart` layers or more.

    Flows of one `chain` leave their box as one line.
    """

    number: int
    upper: str
    lower: str
    chain: Chain
    apart: int
    label: Point | None


@dataclass(frozen=True)
class Measures:
    """Sizes (across, along) of boxes and of the headings of frames."""

    boxes: Mapping[str, Point]
    heads: Mapping[str, Point]
    head_first: bool  # does the heading take room along the flow (else across it)?


@dataclass
class Arranged:
    """A drawing with its corner at (0, 0): (u, v, width, length) of what is in it."""

    width: float = 0.0
    length: float = 0.0
    boxes: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    frames: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    routes: dict[int, list[Point]] = field(default_factory=dict)
    labels: dict[int, Point] = field(default_factory=dict)
    enters: dict[Chain, float] = field(default_factory=dict)  # where chains cross the border
    leaves: dict[Chain, float] = field(default_factory=dict)


@dataclass
class Cell:
    """What takes room in a layer: a box, a frame, a port in the border, or a bend of a line."""

    name: Any
    size: Point = (0.0, 0.0)
    inner: Arranged | None = None
    layer: int = 0
    side: Literal["enter", "leave"] | None = None  # of a port
    is_box: bool = False
    down: list[tuple[Chain, int]] = field(default_factory=list)  # chains that leave, next cells
    up: list[tuple[Chain, int]] = field(default_factory=list)


class Layered:
    """The cells of one frame, their layers, the bends of the lines between them.

    `cells` are known by their number. Port, box, bend: `ends` has the first and last cell of each
    flow, `ways` the bends of each chain, after the cell from which it comes.
    """

    def __init__(
        self,
        scope: str | None,
        parents: Mapping[str, str | None],
        flows: Sequence[Flow],
        measures: Measures,
        frames: Mapping[str, Arranged],
    ) -> None:
        self.scope, self.parents = scope, parents
        self.cells: list[Cell] = []
        self.index: dict[Any, int] = {}
        for name in (n for n, p in parents.items() if p == scope):
            inner = frames.get(name)
            size = (inner.width, inner.length) if inner else measures.boxes[name]
            self._add(Cell(name, size, inner, is_box=True))
        self.ways: dict[Chain, list[int]] = {}
        self.flows = [f for f in flows if self._holder(f.upper) != self._holder(f.lower)]
        self.ends = {f.number: (self._upper(f), self._lower(f)) for f in self.flows}
        self._layer()
        self._bend()

    @property
    def layers(self) -> list[list[int]]:
        """The cells of each layer."""
        found: list[list[int]] = [[] for _ in range(1 + max(c.layer for c in self.cells))]
        for k, cell in enumerate(self.cells):
            found[cell.layer].append(k)
        return found

    def _add(self, cell: Cell) -> int:
        self.index[cell.name] = len(self.cells)
        self.cells.append(cell)
        return len(self.cells) - 1

    # -------------------------------------------------- what is linked to what

    def _holder(self, name: str) -> str | None:
        """What of this scope the box is in; None where it is outside."""
        while name is not None and self.parents[name] != self.scope:
            name = self.parents[name]  # type: ignore[assignment]
            if name is None:
                return None
        return name

    def _upper(self, flow: Flow) -> int:
        name = self._holder(flow.upper)
        return self._port("enter", flow.chain) if name is None else self.index[name]

    def _lower(self, flow: Flow) -> int:
        name = self._holder(flow.lower)
        return self._port("leave", flow.chain) if name is None else self.index[name]

    def _port(self, side: Literal["enter", "leave"], chain: Chain) -> int:
        """Lines of one chain cross the border together."""
        key = (side, chain)
        return self.index[key] if key in self.index else self._add(Cell(key, side=side))

    # -------------------------------------------------- layers

    def _layer(self) -> None:
        """The layer of each cell, by longest paths; then each stands as near as it can to its use.

        So what the way back needs of the way forward is one line down from where it was computed.
        """
        before: dict[int, list[tuple[int, int]]] = {k: [] for k in range(len(self.cells))}
        after: dict[int, list[tuple[int, int]]] = {k: [] for k in range(len(self.cells))}
        for f in self.flows:
            a, b = self.ends[f.number]
            before[b].append((a, f.apart))
            after[a].append((b, f.apart))
        order = _topological(before)
        first = int(any(c.side == "enter" for c in self.cells))
        for k in order:
            cell = self.cells[k]
            least = 0 if cell.side == "enter" else first
            cell.layer = max([least, *(self.cells[a].layer + d for a, d in before[k])])
        for k in reversed(order):
            if after[k] and self.cells[k].side is None:
                self.cells[k].layer = min(self.cells[b].layer - d for b, d in after[k])
        self._border_last()

    def _border_last(self) -> None:
        """The lower border is below everything."""
        leaving = [c for c in self.cells if c.side == "leave"]
        deepest = max((c.layer for c in self.cells if c.side != "leave"), default=0)
        last = max([deepest + 1, *(c.layer for c in leaving)])
        for cell in leaving:
            cell.layer = last

    def _bend(self) -> None:
        """A cell for each layer that a line passes; lines of one chain share theirs."""
        for f in self.flows:
            a, b = self.ends[f.number]
            way = self.ways.setdefault(f.chain, [a])
            top = self.cells[a].layer
            while len(way) < self.cells[b].layer - top:
                bend = Cell(("bend", f.chain, len(way)), layer=top + len(way))
                self._join(f.chain, way[-1], self._add(bend))
                way.append(len(self.cells) - 1)
            self._join(f.chain, way[self.cells[b].layer - top - 1], b)
            if self.shows_label(f):
                self.cells[self.label_bend(f)].size = f.label  # type: ignore[assignment]

    def shows_label(self, flow: Flow) -> bool:
        """A label stands once: in the scope that holds both ends."""
        ends = self.ends[flow.number]
        return flow.label is not None and not any(self.cells[k].side for k in ends)

    def label_bend(self, flow: Flow) -> int:
        """The bend at which the label stands."""
        way = self.ways[flow.chain]
        return way[len(way) // 2]

    def _join(self, chain: Chain, upper: int, lower: int) -> None:
        if (chain, lower) not in self.cells[upper].down:
            self.cells[upper].down.append((chain, lower))
            self.cells[lower].up.append((chain, upper))


def _topological(before: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    """Every cell after those before it, in a fixed order."""
    order: list[int] = []
    seen: set[int] = set()
    for root in before:
        stack = [(root, False)]
        while stack:
            k, done = stack.pop()
            if done:
                order.append(k)
            elif k not in seen:
                seen.add(k)
                stack.append((k, True))
                stack.extend((a, False) for a, _ in reversed(before[k]) if a not in seen)
    return order
