"""A scene as a Mermaid flowchart, which GitHub and JupyterLab draw by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphdl.show.picture.layout import Direction
from graphdl.show.picture.scene import Box, Edge, Scene
from graphdl.table import printable

_BRACKETS = {
    "input": ("([", "])"),
    "weight": ("{{", "}}"),
    "op": ("(", ")"),
    "output": ("[[", "]]"),
    "loss": ("[[", "]]"),
    "gradient": ("(", ")"),
    "update": ("(", ")"),
}
_ARROWS = {"forward": "-->", "gradient": "-.->", "update": "-.->"}
_CLASSES = (
    "classDef input fill:#dcecfb,stroke:#1c6ea4,color:#1b1f24",
    "classDef weight fill:#fdefc8,stroke:#8a6100,color:#1b1f24",
    "classDef op fill:#f3f4f6,stroke:#4d5560,color:#1b1f24",
    "classDef output fill:#d9f2e3,stroke:#1a7f4b,color:#1b1f24",
    "classDef loss fill:#d9f2e3,stroke:#1a7f4b,color:#1b1f24",
    "classDef gradient fill:#fbe3dc,stroke:#b5371a,color:#1b1f24,stroke-dasharray:5 3",
    "classDef update fill:#ece5f9,stroke:#6b3fa0,color:#1b1f24,stroke-dasharray:2 3",
)


def mermaid(scene: Scene, direction: Direction = "TB") -> str:
    """The scene as Mermaid text."""
    kinds = {b.kind for b in scene.boxes}
    lines = [
        f"flowchart {direction}",
        *_inside(scene, None, "  "),
        *(f"  {_edge(e)}" for e in scene.edges),
        *_colours(scene.edges),
        *(f"  {line}" for line in _CLASSES if line.split()[1] in kinds),
    ]
    if scene.hint:
        lines.append(f'  hint["{_text(scene.hint)}"]')
    return "\n".join(lines) + "\n"


def _colours(edges: Sequence[Edge]) -> Iterable[str]:
    """Edges are addressed by their numbers."""
    for style, colour in (("gradient", "#b5371a"), ("update", "#6b3fa0")):
        numbers = ",".join(str(k) for k, e in enumerate(edges) if e.style == style)
        if numbers:
            yield f"  linkStyle {numbers} stroke:{colour}"


_PLAIN = frozenset(" _.,=+-/@()[]·∂→…′ᵀ")


def _text(line: str) -> str:
    """Letters as they are; every sign that might mean something as its code point, #35; for #."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in printable(line))


def _inside(scene: Scene, cluster: str | None, indent: str) -> Iterable[str]:
    """The boxes of a frame, and the frames in it."""
    for box in scene.boxes:
        if box.cluster == cluster:
            yield f"{indent}{_box(box)}"
    for frame in scene.clusters:
        if frame.parent == cluster:
            yield f'{indent}subgraph {frame.id}["{_text(frame.label)}"]'
            yield from _inside(scene, frame.id, indent + "  ")
            yield f"{indent}end"


def _box(box: Box) -> str:
    left, right = _BRACKETS[box.kind]
    text = "<br/>".join(map(_text, (box.label, *box.lines)))
    return f'{box.id}{left}"{text}"{right}:::{box.kind}'


def _edge(edge: Edge) -> str:
    label = f'|"{_text(edge.label)}"|' if edge.label else ""
    return f"{edge.start} {_ARROWS[edge.style]}{label} {edge.end}"
