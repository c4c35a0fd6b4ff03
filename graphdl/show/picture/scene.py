"""What a picture shows, before anybody says where and in which language: boxes, edges, clusters.

The ids are structural (n1, n2, … in the order of the walk, c1, c2, … for clusters), so they are the
same in every process, safe in any language, and an address for tests, CSS and pages. The user's
names are labels only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["input", "weight", "op", "output", "loss", "gradient", "update"]
Style = Literal["forward", "gradient", "update"]

LIMIT = 200  # boxes of a picture that can still be read


@dataclass(frozen=True, kw_only=True)
class Box:
    """One thing that is drawn: its first line is the label, `lines` stand below."""

    id: str
    label: str
    kind: Kind = "op"
    lines: tuple[str, ...] = ()
    cluster: str | None = None
    name: str = ""  # the user's, without formula or type
    mark: bool = False  # the one that the picture is about


@dataclass(frozen=True, kw_only=True)
class Edge:
    """An arrow from box to box. One that runs `back` says nothing on what stands before what."""

    start: str
    end: str
    style: Style = "forward"
    label: str = ""
    back: bool = False


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A frame around boxes, in another frame or in none."""

    id: str
    label: str
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture in words. Without its `back` edges it has no cycle."""

    title: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...] = ()
    hint: str = ""  # what was left out, and how to see it

    @property
    def description(self) -> str:
        """The picture for who cannot see it: how many of each kind, and what leads where."""
        kinds = list(dict.fromkeys(b.kind for b in self.boxes))
        counts = ", ".join(_count(sum(b.kind == k for b in self.boxes), k) for k in kinds)
        text = f"{counts}. {_count(len(self.edges), 'edge')}"
        dashed = sum(e.style == "gradient" for e in self.edges)
        return f"{text}, {dashed} of them for gradients (dashed)." if dashed else f"{text}."


def _count(number: int, word: str) -> str:
    plural = {"loss": "losses"}.get(word, f"{word}s")
    return f"{number} {word if number == 1 else plural}"


def edges_once(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Each edge once: x + x has one arrow."""
    return tuple(dict.fromkeys(edges))


def cut(scene: Scene, limit: int | None) -> Scene:
    """The boxes nearest to the ends of the picture, at most `limit`, and a hint on the others."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit is a number of boxes, 1 or more, or None for all, got {limit!r}")
    if limit is None or len(scene.boxes) <= limit:
        return scene
    kept = _nearest_to_ends(scene, limit)
    boxes = [_told(b, scene.edges, kept) for b in scene.boxes if b.id in kept]
    left_out = len(scene.boxes) - len(boxes)
    return replace(
        scene,
        boxes=tuple(boxes),
        edges=tuple(e for e in scene.edges if e.start in kept and e.end in kept),
        clusters=_used(scene.clusters, boxes),
        hint=f"… {left_out} of {len(scene.boxes)} boxes are left out; limit=None shows all",
    )


def _nearest_to_ends(scene: Scene, limit: int) -> set[str]:
    """Breadth first from the boxes that nothing follows, against the arrows."""
    before: dict[str, list[str]] = {b.id: [] for b in scene.boxes}
    followed = set()
    for e in scene.edges:
        if not e.back:
            before[e.end].append(e.start)
            followed.add(e.start)
    queue = [b.id for b in scene.boxes if b.id not in followed]
    found = dict.fromkeys(queue)
    for box in queue:
        for i in before[box]:
            if i not in found:
                found[i] = None
                queue.append(i)
    return set(list(found)[:limit])


def _told(box: Box, edges: Sequence[Edge], kept: set[str]) -> Box:
    """The box, saying how many of its inputs are not shown."""
    missing = sum(e.end == box.id and e.start not in kept and not e.back for e in edges)
    return replace(box, lines=(*box.lines, f"… {_count(missing, 'input')}")) if missing else box


def _used(clusters: Sequence[Cluster], boxes: Sequence[Box]) -> tuple[Cluster, ...]:
    """The clusters that hold one of the boxes, directly or through others."""
    parent = {c.id: c.parent for c in clusters}
    used: set[str] = set()
    for box in boxes:
        cluster = box.cluster
        while cluster is not None and cluster not in used:
            used.add(cluster)
            cluster = parent[cluster]
    return tuple(c for c in clusters if c.id in used)
