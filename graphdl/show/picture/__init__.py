"""Pictures: what is drawn (`scene`), where it stands (`layout`), and the languages it is written in.

Loaded when the first picture is asked for.
"""

from graphdl.show.picture.curves import curves, described
from graphdl.show.picture.dot import dot
from graphdl.show.picture.faces import direction_of, scene_of, usual_direction
from graphdl.show.picture.files import plot_model
from graphdl.show.picture.mermaid import mermaid
from graphdl.show.picture.scene import LIMIT, Scene, cut
from graphdl.show.picture.svg import SVG, svg

__all__ = [
    "LIMIT", "SVG", "Scene", "curves", "cut", "described", "direction_of", "dot", "mermaid",
    "plot_model", "scene_of", "svg", "usual_direction",
]  # fmt: skip
