"""The layered drawing of what stands in one frame, or in none: boxes, and frames as large boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from graphdl.show.picture.layers import Arranged, Cell, Chain, Flow, Layered, Measures, Point
from graphdl.show.picture.order import ordered
from graphdl.show.picture.place import Pull, placed

BETWEEN_BOXES = 22.0  # across
BETWEEN_LINES = 14.0
BETWEEN_LAYERS = 30.0  # along
TO_BORDER = 18.0
PADDING = 12.0  # of a frame
SPREAD = 14.0  # between two arrows at one side of a box


def arrange(
    scope: str | None,
    parents: Mapping[str, str | None],
    flows: Sequence[Flow],
    measures: Measures,
) -> Arranged:
    """The drawing of a frame's inside (None: of the whole), frames in it included."""
    inside = [n for n, p in parents.items() if p == scope and n not in measures.boxes]
    frames = {n: arrange(n, parents, flows, measures) for n in inside}
    return _Drawing(Layered(scope, parents, flows, measures, frames), measures).arranged()


class _Drawing:
    """One frame being drawn."""

    def __init__(self, graph: Layered, measures: Measures) -> None:
        self.graph, self.cells, self.scope = graph, graph.cells, graph.scope
        self.measures = measures

    def arranged(self) -> Arranged:
        if not self.cells:
            return Arranged()
        below = {k: [i for _, i in c.down] for k, c in enumerate(self.cells)}
        above = {k: [i for _, i in c.up] for k, c in enumerate(self.cells)}
        layers = ordered(self.graph.layers, below, above)
        weight = {k: 1.0 if c.is_box else 4.0 for k, c in enumerate(self.cells)}
        middle = placed(layers, self._apart, self._pulls("up"), self._pulls("down"), weight)
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
        border = any(self.cells[i].side for row in layers[k - 1 : k + 1] for i in row)
        return TO_BORDER if border else BETWEEN_LAYERS

    def _put(self, done: Arranged, cell: Cell, u: float, band: Point) -> None:
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
            if cell.side is not None:
                target = done.enters if cell.side == "enter" else done.leaves
                target[cell.name[1]] = middle[k]

    # -------------------------------------------------- lines

    def _route(
        self, done: Arranged, middle: dict[int, float], bands: list[tuple[float, float]]
    ) -> None:
        """The points of each edge: straight through layers, so that it meets no box, bent between."""
        starts = self._touch(middle, down=True)
        ends = self._touch(middle, down=False)
        for f in self.graph.flows:
            a, b = self.graph.ends[f.number]
            way = [*self.graph.ways[f.chain][: self.cells[b].layer - self.cells[a].layer], b]
            points = done.routes.setdefault(f.number, [])
            for k, (p, q) in enumerate(pairwise(way)):
                u_out = starts[p, f.chain] if k == 0 else middle[p]
                u_in = ends[q, f.chain] if q == b else middle[q]
                points += self._out(p, u_out, bands) + self._in(q, u_in, bands)
            if self.graph.shows_label(f):
                bend = self.graph.label_bend(f)
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
