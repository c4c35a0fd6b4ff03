"""Where everything stands: a layered drawing, computed here, the same in every process.

Layers by longest paths, an order with few crossings (`order`), positions without overlaps (`place`).
A frame is laid out by itself first and is one large box in what is around it, so no stranger stands
in it; an edge that crosses a frame passes through a port in its border. Edges that run back are laid
out as if they ran forward. Arrows of one source share their way as long as they can.

Inside, `u` runs across the flow and `v` along it; at the end they become x and y ("TB": v is y).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from graphdl.show.picture.layers import Arranged, Flow, Measures
from graphdl.show.picture.scene import Edge, Scene
from graphdl.show.picture.scope import arrange

Direction = Literal["TB", "LR"]
Point = tuple[float, float]

MARGIN = 12.0


@dataclass(frozen=True)
class Rect:
    """A rectangle by its corner of smallest x and y."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass
class Layout:
    """Positions in pixels. `routes` and `labels` (middles) belong to the scene's edges."""

    width: float
    height: float
    direction: Direction
    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    routes: list[list[Point]] = field(default_factory=list)
    labels: list[Point | None] = field(default_factory=list)


def layout(
    scene: Scene,
    sizes: Mapping[str, Point],
    label_sizes: Sequence[Point],
    frame_heads: Mapping[str, Point],
    direction: Direction,
) -> Layout:
    """The layout of a scene whose boxes, edge labels and frames' headings have these sizes."""
    turn = direction == "LR"
    parents = _frames_without_cycles(scene)
    flows = [_flow(k, e, label_sizes[k], turn) for k, e in enumerate(scene.edges)]
    measures = Measures(
        boxes={b: _turned(s, turn) for b, s in sizes.items()},
        heads={c: _turned(s, turn) for c, s in frame_heads.items()},
        head_first=not turn,
    )
    whole = arrange(None, parents, flows, measures)
    return _finished(whole, scene, measures, direction)


def _turned(size: Point, turn: bool) -> Point:
    return (size[1], size[0]) if turn else size


def _flow(number: int, edge: Edge, label: Point, turn: bool) -> Flow:
    upper, lower = (edge.end, edge.start) if edge.back else (edge.start, edge.end)
    # A label needs a way of its own; so does an edge back, or it would lie on the one forward.
    own = (number,) if edge.label or edge.back else ()
    return Flow(
        number, upper, lower, chain=(upper, edge.style, *own), apart=2 if own else 1,
        label=_turned(label, turn) if edge.label else None,
    )  # fmt: skip


def _frames_without_cycles(scene: Scene) -> dict[str, str | None]:
    """The frame that each box and each frame stands in.

    A frame out of which a path leads and comes back cannot be one box of a layered drawing: it is
    left out, and what it held stands in the frame around it.
    """
    parents: dict[str, str | None] = {b.id: b.cluster for b in scene.boxes}
    parents |= {c.id: c.parent for c in scene.clusters}
    frames = {c.id for c in scene.clusters}
    while True:
        guilty = _on_a_cycle(scene, parents, frames)
        if guilty is None:
            return parents
        frames.remove(guilty)
        parents = {k: parents[guilty] if p == guilty else p for k, p in parents.items()}
        del parents[guilty]


def _on_a_cycle(scene: Scene, parents: Mapping[str, str | None], frames: set[str]) -> str | None:
    """A frame that lies on a cycle once frames are boxes."""
    before: dict[str, dict[str, None]] = {}
    for e in scene.edges:
        a, b = (e.end, e.start) if e.back else (e.start, e.end)
        top, bottom = apart(chain_of(a, parents), chain_of(b, parents))
        before.setdefault(bottom, {})[top] = None
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        return next(name for name in error.args[1] if name in frames)
    return None


def chain_of(name: str, parents: Mapping[str, str | None]) -> list[str]:
    """What holds a box, outermost first, and the box itself."""
    found = [name]
    while (parent := parents[found[-1]]) is not None:
        found.append(parent)
    return found[::-1]


def apart(a: list[str], b: list[str]) -> tuple[str, str]:
    """The first two of the chains that differ."""
    return next((p, q) for p, q in zip(a, b, strict=False) if p != q)


def _finished(whole: Arranged, scene: Scene, measures: Measures, direction: Direction) -> Layout:
    turn = direction == "LR"
    width, height = _turned((whole.width + 2 * MARGIN, whole.length + 2 * MARGIN), turn)
    done = Layout(width, height, direction)
    for name, (u, v, du, dv) in (whole.boxes | whole.frames).items():
        (x, y), (w, h) = _turned((u + MARGIN, v + MARGIN), turn), _turned((du, dv), turn)
        target = done.boxes if name in measures.boxes else done.frames
        target[name] = Rect(x, y, w, h)
    for number, edge in enumerate(scene.edges):
        points = sorted(whole.routes[number], key=lambda p: p[1])
        way = [_turned((u + MARGIN, v + MARGIN), turn) for u, v in dict.fromkeys(points)]
        done.routes.append(way[::-1] if edge.back else way)
        label = whole.labels.get(number)
        done.labels.append(label and _turned((label[0] + MARGIN, label[1] + MARGIN), turn))
    return done
