"""The layered drawing of what stands in one frame, or in none: boxes, and frames as large boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from graphdl.show.picture.order import ordered
from graphdl.show.picture.place import Pull, placed

Point = tuple[float, float]
Chain = tuple[Any, ...]

BETWEEN_BOXES = 22.0  # across
BETWEEN_LINES = 14.0
BETWEEN_LAYERS = 30.0  # along
TO_BORDER = 18.0
PADDING = 12.0  # of a frame
SPREAD = 14.0  # between two arrows at one side of a box


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
class _Cell:
    """What takes room in a layer: a box, a frame, a port in the border, or a bend of a line."""

    name: Any
    size: Point
    inner: Arranged | None = None
    layer: int = 0
    down: list[tuple[Chain, int]] = field(default_factory=list)  # chains that leave, next cells
    up: list[tuple[Chain, int]] = field(default_factory=list)
    is_box: bool = True


def arrange(
    scope: str | None,
    parents: Mapping[str, str | None],
    flows: Sequence[Flow],
    measures: Measures,
) -> Arranged:
    """The drawing of a frame's inside (None: of the whole), frames in it included."""
    return _Scope(scope, parents, flows, measures).arranged()


class _Scope:
    """One frame being laid out."""

    def __init__(
        self,
        scope: str | None,
        parents: Mapping[str, str | None],
        flows: Sequence[Flow],
        measures: Measures,
    ) -> None:
        self.scope, self.parents, self.measures = scope, parents, measures
        self.cells: list[_Cell] = []
        self.index: dict[Any, int] = {}
        for name in (n for n, p in parents.items() if p == scope):
            inner = None if name in measures.boxes else arrange(name, parents, flows, measures)
            size = (inner.width, inner.length) if inner else measures.boxes[name]
            self._add(_Cell(name, size, inner))
        self.ways: dict[Chain, list[int]] = {}  # the bends of each chain
        self.flows = [f for f in flows if self._passes(f)]
        self.ends = {f.number: (self._upper(f), self._lower(f)) for f in self.flows}

    def _add(self, cell: _Cell) -> int:
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

    def _passes(self, flow: Flow) -> bool:
        a, b = self._holder(flow.upper), self._holder(flow.lower)
        return a != b

    def _upper(self, flow: Flow) -> int:
        name = self._holder(flow.upper)
        return self._port("enter", flow) if name is None else self.index[name]

    def _lower(self, flow: Flow) -> int:
        name = self._holder(flow.lower)
        return self._port("leave", flow) if name is None else self.index[name]

    def _port(self, side: str, flow: Flow) -> int:
        key = (side, flow.chain)
        if key not in self.index:
            self._add(_Cell(key, (0.0, 0.0), is_box=False))
        return self.index[key]

    # -------------------------------------------------- layers

    def _layer(self) -> int:
        """The layer of each cell, by longest paths; then each stands as near as it can to its use.

        So what the way back needs of the way forward is one line down from where it was computed.
        """
        before: dict[int, list[tuple[int, int]]] = {k: [] for k in range(len(self.cells))}
        after: dict[int, list[tuple[int, int]]] = {k: [] for k in range(len(self.cells))}
        for f in self.flows:
            a, b = self.ends[f.number]
            before[b].append((a, f.apart))
            after[a].append((b, f.apart))
        side = {k: self._side(k) for k in before}
        first = int("enter" in side.values())
        topological = _topological(before)
        for k in topological:
            at_least = [self.cells[a].layer + d for a, d in before[k]]
            self.cells[k].layer = max([0 if side[k] == "enter" else first, *at_least])
        for k in reversed(topological):
            if after[k] and side[k] is None:
                self.cells[k].layer = min(self.cells[b].layer - d for b, d in after[k])
        last = max((c.layer for c in self.cells), default=0)
        leaving = [c for k, c in enumerate(self.cells) if side[k] == "leave"]
        deepest = max((c.layer for k, c in enumerate(self.cells) if side[k] != "leave"), default=0)
        for cell in leaving:
            cell.layer = max(last, deepest + 1)
        return 1 + max((c.layer for c in self.cells), default=-1)

    def _side(self, k: int) -> str | None:
        name = self.cells[k].name
        return name[0] if isinstance(name, tuple) else None

    def _bend(self) -> None:
        """A cell for each layer that a line passes; lines of one chain share theirs."""
        for f in self.flows:
            a, b = self.ends[f.number]
            way = self.ways.setdefault(f.chain, [a])
            top = self.cells[a].layer
            while len(way) < self.cells[b].layer - top:
                bend = _Cell((*f.chain, len(way)), (0.0, 0.0), layer=top + len(way), is_box=False)
                self._join(f.chain, way[-1], self._add(bend))
                way.append(len(self.cells) - 1)
            self._join(f.chain, way[self.cells[b].layer - top - 1], b)
            if self._shows_label(f):
                self.cells[self._label_bend(f)].size = f.label  # type: ignore[assignment]

    def _shows_label(self, flow: Flow) -> bool:
        """A label stands once: in the scope that holds both ends."""
        ends = self.ends[flow.number]
        return flow.label is not None and not any(self._side(k) for k in ends)

    def _label_bend(self, flow: Flow) -> int:
        way = self.ways[flow.chain]
        return way[len(way) // 2]

    def _join(self, chain: Chain, upper: int, lower: int) -> None:
        if (chain, lower) not in self.cells[upper].down:
            self.cells[upper].down.append((chain, lower))
            self.cells[lower].up.append((chain, upper))

    # -------------------------------------------------- positions

    def arranged(self) -> Arranged:
        count = self._layer()
        self._bend()
        layers: list[list[int]] = [[] for _ in range(count)]
        for k, cell in enumerate(self.cells):
            layers[cell.layer].append(k)
        below = {k: [i for _, i in c.down] for k, c in enumerate(self.cells)}
        above = {k: [i for _, i in c.up] for k, c in enumerate(self.cells)}
        layers = ordered(layers, below, above)
        weight = {k: 1.0 if c.is_box else 4.0 for k, c in enumerate(self.cells)}
        pulls = self._pulls("up"), self._pulls("down")
        middle = placed(layers, self._apart, *pulls, weight)
        return self._drawn(layers, middle)

    def _apart(self, left: int, right: int) -> float:
        a, b = self.cells[left], self.cells[right]
        gap = BETWEEN_BOXES if a.is_box and b.is_box else BETWEEN_LINES
        return (a.size[0] + b.size[0]) / 2 + gap

    def _pulls(self, side: str) -> dict[int, list[Pull]]:
        """Where an item is drawn to: a neighbour's middle, or the place in a frame's border."""
        found = {}
        for k, cell in enumerate(self.cells):
            links = cell.up if side == "up" else cell.down
            found[k] = [
                (i, self._border(i, chain, side == "up") - self._border(k, chain, side != "up"))
                for chain, i in links
            ]
        return found

    def _border(self, k: int, chain: Chain, leaves: bool) -> float:
        """How far from a cell's middle a chain meets it: known of frames, 0 of others for now."""
        inner = self.cells[k].inner
        if inner is None:
            return 0.0
        return (inner.leaves if leaves else inner.enters)[chain] - inner.width / 2

    def _drawn(self, layers: list[list[int]], middle: dict[int, float]) -> Arranged:
        done = Arranged()
        cells = self.cells
        head_u, head_v = self._head()
        side = PADDING if self.scope is not None else 0.0
        left = min((middle[k] - cells[k].size[0] / 2 for k in middle), default=0.0)
        for k in middle:
            middle[k] += side + head_u - left
        right = max((middle[k] + cells[k].size[0] / 2 for k in middle), default=0.0)
        done.width = max(right + side, self._head_width() + 2 * side)
        bands = self._bands(layers, side + head_v)
        done.length = (bands[-1][1] if bands else side + head_v) + side
        for k, cell in enumerate(cells):
            self._put(done, cell, middle[k], bands[cell.layer])
        self._ports(done, middle)
        self._route(done, middle, bands)
        return done

    def _head(self) -> Point:
        """Room for the heading, across and along."""
        if self.scope is None:
            return 0.0, 0.0
        across, along = self.measures.heads[self.scope]
        return (0.0, along) if self.measures.head_first else (across, 0.0)

    def _head_width(self) -> float:
        """How wide the heading makes the frame, where it lies across the flow."""
        if self.scope is None or not self.measures.head_first:
            return 0.0
        return self.measures.heads[self.scope][0]

    def _bands(self, layers: list[list[int]], start: float) -> list[tuple[float, float]]:
        """Where each layer begins and ends along the flow. Ports lie in the border."""
        bands, at = [], start
        for row in layers:
            thick = max((self.cells[k].size[1] for k in row), default=0.0)
            at += self._gap(layers, len(bands)) if bands else 0.0
            bands.append((at, at + thick))
            at += thick
        return bands

    def _gap(self, layers: list[list[int]], k: int) -> float:
        """Before layer k: less where the one or the other is a border."""
        sides = {self._side(i) for row in layers[k - 1 : k + 1] for i in row}
        return TO_BORDER if sides & {"enter", "leave"} else BETWEEN_LAYERS

    def _put(self, done: Arranged, cell: _Cell, u: float, band: Point) -> None:
        if not cell.is_box:
            return
        width, length = cell.size
        corner = u - width / 2, (band[0] + band[1] - length) / 2
        inner = cell.inner
        if inner is None:
            done.boxes[cell.name] = (*corner, width, length)
            return
        done.frames[cell.name] = (*corner, width, length)
        for target, rects in ((done.boxes, inner.boxes), (done.frames, inner.frames)):
            for name, (x, y, w, h) in rects.items():
                target[name] = (x + corner[0], y + corner[1], w, h)
        for number, points in inner.routes.items():
            moved = [(x + corner[0], y + corner[1]) for x, y in points]
            done.routes.setdefault(number, []).extend(moved)
        for number, (x, y) in inner.labels.items():
            done.labels[number] = (x + corner[0], y + corner[1])

    def _ports(self, done: Arranged, middle: dict[int, float]) -> None:
        for k, cell in enumerate(self.cells):
            side = self._side(k)
            if side in ("enter", "leave"):
                target = done.enters if side == "enter" else done.leaves
                target[cell.name[1]] = middle[k]

    # -------------------------------------------------- lines

    def _route(
        self, done: Arranged, middle: dict[int, float], bands: list[tuple[float, float]]
    ) -> None:
        """The points of each edge: straight through layers, so that it meets no box, bent between."""
        starts = self._touch(middle, down=True)
        ends = self._touch(middle, down=False)
        for f in self.flows:
            a, b = self.ends[f.number]
            way = [*self.ways[f.chain][: self.cells[b].layer - self.cells[a].layer], b]
            points = done.routes.setdefault(f.number, [])
            for k, (p, q) in enumerate(pairwise(way)):
                u_out = starts[p, f.chain] if k == 0 else middle[p]
                u_in = ends[q, f.chain] if q == b else middle[q]
                points += self._out(p, u_out, bands) + self._in(q, u_in, bands)
            if self._shows_label(f):
                bend = self._label_bend(f)
                band = bands[self.cells[bend].layer]
                done.labels[f.number] = (middle[bend], (band[0] + band[1]) / 2)

    def _out(self, k: int, u: float, bands: list[tuple[float, float]]) -> list[Point]:
        top, bottom = bands[self.cells[k].layer]
        length = self.cells[k].size[1] if self.cells[k].is_box else bottom - top
        return [(u, (top + bottom + length) / 2), (u, bottom)]

    def _in(self, k: int, u: float, bands: list[tuple[float, float]]) -> list[Point]:
        top, bottom = bands[self.cells[k].layer]
        length = self.cells[k].size[1] if self.cells[k].is_box else bottom - top
        return [(u, top), (u, (top + bottom - length) / 2)]

    def _touch(self, middle: dict[int, float], down: bool) -> dict[tuple[int, Chain], float]:
        """Where each chain meets each cell: spread along the side of a box, by where it goes."""
        found: dict[tuple[int, Chain], float] = {}
        for k, cell in enumerate(self.cells):
            links = cell.down if down else cell.up
            if not cell.is_box or cell.inner is not None:
                for chain, _ in links:
                    found[k, chain] = middle[k] + self._border(k, chain, leaves=down)
                continue
            mean = _mean_ends(links, middle)
            room = min(SPREAD, 0.7 * cell.size[0] / max(len(mean), 1))
            for j, chain in enumerate(sorted(mean, key=mean.__getitem__)):
                found[k, chain] = middle[k] + (j - (len(mean) - 1) / 2) * room
        return found


def _mean_ends(
    links: Iterable[tuple[Chain, int]], middle: Mapping[int, float]
) -> dict[Chain, float]:
    """Where each chain goes, on average."""
    ends: dict[Chain, list[float]] = {}
    for chain, i in links:
        ends.setdefault(chain, []).append(middle[i])
    return {chain: sum(u) / len(u) for chain, u in ends.items()}


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
