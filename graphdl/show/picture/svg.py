"""A scene as SVG: no script, no link, no reference to anything else in the document.

Arrowheads are drawn, not markers, so two pictures in one notebook share nothing but style rules that
say the same; ids begin with a prefix made of the picture's content. Kinds differ by shape and dashes,
not by colour alone. The picture brings its ground along, so it can be read on light and dark.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from html import escape

from graphdl.show.picture.layout import Direction, Layout, Point, Rect, layout
from graphdl.show.picture.scene import Box, Edge, Scene
from graphdl.table import display_width, printable

FONT = 13.0
SMALL = 11.0
ADVANCE = 0.6  # of the font's size: the width of a character of a monospaced font
LINE = 15.0  # height of a line of text
ARROW = 7.0

STYLE = """
.graphdl{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.graphdl .ground{fill:#fff}
.graphdl text{fill:#1b1f24;font-size:13px;text-anchor:middle}
.graphdl .small{font-size:11px;fill:#4d5560}
.graphdl .shape{fill:#f3f4f6;stroke:#4d5560;stroke-width:1.3}
.graphdl .input .shape{fill:#dcecfb;stroke:#1c6ea4}
.graphdl .weight .shape{fill:#fdefc8;stroke:#8a6100}
.graphdl .output .shape,.graphdl .loss .shape{fill:#d9f2e3;stroke:#1a7f4b}
.graphdl .gradient .shape{fill:#fbe3dc;stroke:#b5371a;stroke-dasharray:5 3}
.graphdl .update .shape{fill:#ece5f9;stroke:#6b3fa0;stroke-dasharray:1.5 2.5}
.graphdl .mark .shape{stroke-width:3}
.graphdl .frame{fill:none;stroke:#8b929c;stroke-width:1;stroke-dasharray:2 3}
.graphdl .edge path{fill:none;stroke:#5b636e;stroke-width:1.4}
.graphdl .edge polygon{fill:#5b636e}
.graphdl .edge.gradient path{stroke:#b5371a;stroke-dasharray:6 4}
.graphdl .edge.gradient polygon,.graphdl .edge.gradient text{fill:#b5371a}
.graphdl .edge.update path{stroke:#6b3fa0;stroke-dasharray:1.5 3}
.graphdl .edge.update polygon,.graphdl .edge.update text{fill:#6b3fa0}
.graphdl .left,.graphdl .hint{text-anchor:start}
@media(prefers-color-scheme:dark){
.graphdl .ground{fill:#15181d}
.graphdl text{fill:#e8eaed}.graphdl .small{fill:#aeb5bf}
.graphdl .shape{fill:#262b33;stroke:#98a1ad}
.graphdl .input .shape{fill:#14334c;stroke:#6db4e8}
.graphdl .weight .shape{fill:#453508;stroke:#e0b64a}
.graphdl .output .shape,.graphdl .loss .shape{fill:#0f3d26;stroke:#55c88a}
.graphdl .gradient .shape{fill:#4a1d12;stroke:#f08a6c}
.graphdl .update .shape{fill:#33244c;stroke:#b794ec}
.graphdl .edge path{stroke:#98a1ad}.graphdl .edge polygon{fill:#98a1ad}
.graphdl .edge.gradient path{stroke:#f08a6c}
.graphdl .edge.gradient polygon,.graphdl .edge.gradient text{fill:#f08a6c}
.graphdl .edge.update path{stroke:#b794ec}
.graphdl .edge.update polygon,.graphdl .edge.update text{fill:#b794ec}
}
"""


class SVG(str):
    """The text of a picture; a notebook that is given one shows the picture."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": str(self), "text/plain": f"<SVG of {len(self)} characters>"}


def svg(scene: Scene, direction: Direction = "TB", prefix: str | None = None) -> SVG:
    """The scene drawn. Ids in it begin with `prefix`; by default it follows from the content."""
    sizes = {b.id: _box_size(b) for b in scene.boxes}
    labels = [(_width(e.label, SMALL) + 6, LINE) if e.label else (0.0, 0.0) for e in scene.edges]
    heads = {c.id: (_width(c.label, SMALL) + 8, LINE + 2) for c in scene.clusters}
    drawn = layout(scene, sizes, labels, heads, direction)
    parts = [*_frames(scene, drawn), *_edges(scene, drawn)]
    parts += [*_headings(scene, drawn), *_boxes(scene, drawn)]
    height = drawn.height
    width = max(drawn.width, _width(scene.hint, SMALL) + 24)
    if scene.hint:
        height += LINE + 4
        parts.append(_text(scene.hint, 12, height - 10, "small hint"))
    body = "\n".join(parts)
    head = prefix or "p" + hashlib.sha256((scene.title + body).encode()).hexdigest()[:8]
    return SVG(_document(scene.title, scene.description, width, height, body, head))


def _document(title: str, about: str, width: float, height: float, body: str, head: str) -> str:
    """The whole; `@` in front of an id stands for the prefix."""
    w, h = _number(width), _number(height)
    ids = f"{escape(head)}-"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graphdl" id="{ids}picture" role="img" '
        f'aria-labelledby="{ids}title {ids}about" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
        f'style="max-width:100%;height:auto">\n'
        f'<title id="{ids}title">{safe(title)}</title>\n'
        f'<desc id="{ids}about">{safe(about)}</desc>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="{w}" height="{h}" rx="6"/>\n'
        + body.replace('id="\x00', f'id="{ids}')
        + "\n</svg>"
    )


def safe(text: str) -> str:
    """Any text as XML: on one line, nothing in it acts as markup."""
    return escape(printable(text))


def _width(text: str, size: float) -> float:
    return display_width(printable(text)) * size * ADVANCE


def _number(value: float) -> str:
    return f"{round(value, 1):g}"


# -------------------------------------------------- boxes


def _box_size(box: Box) -> Point:
    wide = max(_width(box.label, FONT), *(_width(line, SMALL) for line in box.lines), 14.0)
    room = {"input": 26.0, "weight": 34.0, "loss": 30.0, "output": 24.0}.get(box.kind, 18.0)
    return math.ceil(wide + room), 26.0 + LINE * len(box.lines)


def _boxes(scene: Scene, drawn: Layout) -> Iterable[str]:
    for box in scene.boxes:
        rect = drawn.boxes[box.id]
        words = f"box {box.kind}" + (" mark" if box.mark else "")
        told = f"{box.kind} {box.label}" + "".join(f", {line}" for line in box.lines)
        yield (
            f'<g id="\x00{box.id}" class="{words}" data-name="{safe(box.name)}">'
            f"<title>{safe(told)}</title>{_shape(box, rect)}{_lines(box, rect)}</g>"
        )


def _shape(box: Box, r: Rect) -> str:
    """Inputs are pills, weights hexagons, results have a second line around, the rest rectangles."""
    if box.kind == "weight":
        tip = 10.0
        xs = (r.x, r.x + tip, r.x + r.width - tip, r.x + r.width)
        top, middle, bottom = r.y, r.y + r.height / 2, r.y + r.height
        corners = (
            (xs[0], middle), (xs[1], top), (xs[2], top), (xs[3], middle), (xs[2], bottom),
            (xs[1], bottom),
        )  # fmt: skip
        return f'<polygon class="shape" points="{_points(corners)}"/>'
    round_ = {"input": min(r.height, 40.0) / 2, "loss": min(r.height, 40.0) / 2}.get(box.kind, 5.0)
    outer = _rect(r, round_)
    if box.kind not in ("output", "loss"):
        return outer
    inner = Rect(r.x + 3, r.y + 3, r.width - 6, r.height - 6)
    return outer + _rect(inner, max(round_ - 3, 2.0))


def _rect(r: Rect, corner: float, css: str = "shape") -> str:
    x, y, w, h = map(_number, (r.x, r.y, r.width, r.height))
    return f'<rect class="{css}" x="{x}" y="{y}" width="{w}" height="{h}" rx="{_number(corner)}"/>'


def _lines(box: Box, r: Rect) -> str:
    x, y = r.middle
    y += 4.5 - LINE * len(box.lines) / 2
    below = (_text(line, x, y + LINE * k, "small") for k, line in enumerate(box.lines, 1))
    return _text(box.label, x, y) + "".join(below)


def _text(text: str, x: float, y: float, css: str = "") -> str:
    word = f' class="{css}"' if css else ""
    return f'<text{word} x="{_number(x)}" y="{_number(y)}">{safe(text)}</text>'


# -------------------------------------------------- frames and edges


def _frames(scene: Scene, drawn: Layout) -> Iterable[str]:
    for cluster in scene.clusters:
        if cluster.id in drawn.frames:
            frame = _rect(drawn.frames[cluster.id], 8.0, "frame")
            yield f'<g id="\x00{cluster.id}" class="cluster">{frame}</g>'


def _headings(scene: Scene, drawn: Layout) -> Iterable[str]:
    """Above the lines that pass there, each on a piece of ground."""
    for cluster in scene.clusters:
        if cluster.id in drawn.frames:
            r = drawn.frames[cluster.id]
            wide = _width(cluster.label, SMALL) + 4
            ground = _rect(Rect(r.x + 5, r.y + 3, wide, LINE), 2.0, "ground")
            yield ground + _text(cluster.label, r.x + 7, r.y + 14, "small left")


def _edges(scene: Scene, drawn: Layout) -> Iterable[str]:
    for k, edge in enumerate(scene.edges):
        route, label = drawn.routes[k], drawn.labels[k]
        text = _label(edge, label) if label is not None else ""
        yield (
            f'<g id="\x00e{k + 1}" class="edge {edge.style}" data-from="{edge.start}" '
            f'data-to="{edge.end}"><path d="{_path(route, drawn.direction)}"/>'
            f'<polygon points="{_points(_arrow(route, drawn.direction))}"/>{text}</g>'
        )


def _label(edge: Edge, at: Point) -> str:
    """On a piece of ground, since the line passes below it."""
    wide = _width(edge.label, SMALL) + 4
    ground = _rect(Rect(at[0] - wide / 2, at[1] - LINE / 2, wide, LINE), 2.0, "ground")
    return ground + _text(edge.label, at[0], at[1] + 4, "small")


def _path(route: Sequence[Point], direction: Direction) -> str:
    """Straight along the flow, else an S-bend that begins and ends along it."""
    x, y = route[0]
    words = [f"M{_number(x)} {_number(y)}"]
    for u, v in [*route[1:-1], *_landing(route, direction)]:
        straight = abs(u - x) < 0.05 if direction == "TB" else abs(v - y) < 0.05
        if straight:
            words.append(f"L{_number(u)} {_number(v)}")
        else:
            mid_x, mid_y = (x + u) / 2, (y + v) / 2
            a, b = ((x, mid_y), (u, mid_y)) if direction == "TB" else ((mid_x, y), (mid_x, v))
            words.append(f"C{_points((a, b, (u, v)))}")
        x, y = u, v
    return "".join(words)


def _landing(route: Sequence[Point], direction: Direction) -> list[Point]:
    """Where the line ends: behind the arrowhead, whose tip is at the box."""
    return [_behind_tip(route, direction, ARROW + 3), _behind_tip(route, direction, ARROW * 0.8)]


def _behind_tip(route: Sequence[Point], direction: Direction, distance: float) -> Point:
    (x0, y0), (x, y) = route[0], route[-1]
    if direction == "TB":
        return x, y - math.copysign(distance, y - y0)
    return x - math.copysign(distance, x - x0), y


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _arrow(route: Sequence[Point], direction: Direction) -> Sequence[Point]:
    x, y = _behind_tip(route, direction, ARROW)
    half = ARROW * 0.45
    sides = ((x - half, y), (x + half, y)) if direction == "TB" else ((x, y - half), (x, y + half))
    return route[-1], *sides
