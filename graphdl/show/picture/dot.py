"""A scene in Graphviz's language. Its own layout draws the same boxes, edges and frames."""

from __future__ import annotations

from collections.abc import Iterable

from graphdl.show.picture.layout import Direction
from graphdl.show.picture.scene import Box, Edge, Scene
from graphdl.table import printable

_SHAPES = {
    "input": ('shape=box style="rounded,filled"', "#dcecfb", "#1c6ea4"),
    "weight": ("shape=hexagon style=filled", "#fdefc8", "#8a6100"),
    "op": ('shape=box style="rounded,filled"', "#f3f4f6", "#4d5560"),
    "output": ("shape=box style=filled peripheries=2", "#d9f2e3", "#1a7f4b"),
    "loss": ("shape=ellipse style=filled peripheries=2", "#d9f2e3", "#1a7f4b"),
    "gradient": ('shape=box style="rounded,filled,dashed"', "#fbe3dc", "#b5371a"),
    "update": ('shape=box style="rounded,filled,dotted"', "#ece5f9", "#6b3fa0"),
}
_EDGES = {
    "forward": 'color="#5b636e"',
    "gradient": 'color="#b5371a" fontcolor="#b5371a" style=dashed',
    "update": 'color="#6b3fa0" fontcolor="#6b3fa0" style=dotted',
}


def dot(scene: Scene, direction: Direction = "TB") -> str:
    """The scene as DOT text."""
    hint = f" label={_quoted(scene.hint)}" if scene.hint else ""
    lines = [
        "digraph {",
        f'  graph [rankdir={direction} fontname="monospace"{hint}];',
        f"  // {printable(scene.title)}",
        '  node [fontname="monospace" fontsize=11];',
        '  edge [fontname="monospace" fontsize=9 arrowsize=0.7];',
        *_inside(scene, None, "  "),
        *(_edge(e) for e in scene.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(*lines: str) -> str:
    """Lines as one string: backslashes, quotes and HTML's entities stand for themselves."""
    escaped = (
        printable(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        for line in lines
    )
    return '"' + "\\n".join(escaped) + '"'


def _inside(scene: Scene, cluster: str | None, indent: str) -> Iterable[str]:
    """The boxes of a frame, and the frames in it."""
    for box in scene.boxes:
        if box.cluster == cluster:
            yield f"{indent}{_box(box)}"
    for frame in scene.clusters:
        if frame.parent == cluster:
            yield f'{indent}subgraph "cluster_{frame.id}" {{'
            yield f'{indent}  label={_quoted(frame.label)}; style="rounded,dashed";'
            yield from _inside(scene, frame.id, indent + "  ")
            yield f"{indent}}}"


def _box(box: Box) -> str:
    shape, fill, line = _SHAPES[box.kind]
    width = " penwidth=3" if box.mark else ""
    return (
        f'"{box.id}" [label={_quoted(box.label, *box.lines)} {shape} fillcolor="{fill}" '
        f'color="{line}"{width} id="{box.id}" class="box {box.kind}"];'
    )


def _edge(edge: Edge) -> str:
    label = f" label={_quoted(edge.label)}" if edge.label else ""
    free = " constraint=false" if edge.back else ""
    ends = f'"{edge.start}" -> "{edge.end}"'
    return f'  {ends} [{_EDGES[edge.style]}{label}{free} class="edge {edge.style}"];'
