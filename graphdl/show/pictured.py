"""The methods that draw: of nodes, graphs, models and derivations.

The pictures themselves are loaded when the first one is asked for: most programs train and never
look.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphdl.show.picture import SVG


def pictures() -> Any:
    """The module graphdl.show.picture."""
    return importlib.import_module("graphdl.show.picture")


class Pictured:
    """Whatever can be drawn.

    rankdir: "TB" (downwards; usual) or "LR" (to the right; usual for derivations).
    limit: the most boxes that are drawn; None for all.
    Further details are True or False: show_shapes, and of models those of `gd.plot_model` and
    `operations` (what each layer computes, framed).
    """

    def svg(self, rankdir: str | None = None, limit: int | None = 200, **details: bool) -> SVG:
        """The picture as SVG text; a notebook shows it."""
        return written(self, "svg", rankdir, limit, details)

    def dot(self, rankdir: str | None = None, limit: int | None = None, **details: bool) -> str:
        """The picture in Graphviz's language."""
        return written(self, "dot", rankdir, limit, details)

    def mermaid(self, rankdir: str | None = None, limit: int | None = 200, **details: bool) -> str:
        """The picture in Mermaid's language, for Markdown on GitHub and in notebooks."""
        return written(self, "mermaid", rankdir, limit, details)


def written(
    what: Any, form: str, rankdir: str | None, limit: int | None, details: dict[str, bool]
) -> Any:
    """The picture of anything in one of the forms svg, dot and mermaid."""
    p = pictures()
    direction = p.direction_of(rankdir or p.usual_direction(what))
    return getattr(p, form)(p.cut(p.scene_of(what, **details), limit), direction)
