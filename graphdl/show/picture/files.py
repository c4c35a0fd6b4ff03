"""Pictures in files. SVG, DOT and Mermaid need nothing; PNG and PDF are drawn by Graphviz."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from typing import Any

from graphdl.files import disk
from graphdl.show.picture.dot import dot
from graphdl.show.picture.faces import direction_of, scene_of
from graphdl.show.picture.mermaid import mermaid
from graphdl.show.picture.svg import SVG, svg

SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd")


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> SVG:
    """Draw a model's layers into a file; a notebook shows the picture that is returned.

    to_file ends in .svg, .dot or .mmd (Mermaid), which need nothing, or in .png or .pdf, which need
    Graphviz: the extra "graph", or its program `dot`. rankdir: "TB" (downwards) or "LR" (to the
    right). dpi: the resolution of a .png. expand_nested: draw what is inside models in the model.
    A file that is there is replaced, whole or not at all.
    """
    path = disk.as_path(to_file)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"to_file ends in {', '.join(SUFFIXES)}; got {path.name!r}, which ends in "
            f"{path.suffix!r}"
        )
    if isinstance(dpi, bool) or not isinstance(dpi, int) or not 1 <= dpi <= 2400:
        raise ValueError(f"dpi is a whole number between 1 and 2400, got {dpi!r}")
    direction = direction_of(rankdir)
    scene = scene_of(
        model, show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names,
        expand_nested=expand_nested, show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
    )  # fmt: skip
    disk.check_writable(path, overwrite=True)
    drawn = svg(scene, direction)
    texts = {".svg": drawn, ".dot": dot(scene, direction), ".mmd": mermaid(scene, direction)}
    kind = path.suffix.lower()
    data = texts[kind].encode() if kind in texts else _by_graphviz(texts[".dot"], kind[1:], dpi)
    disk.replace(path, [data])
    return drawn


def _by_graphviz(source: str, kind: str, dpi: int) -> bytes:
    """The bytes of a PNG or PDF: by pygraphviz, which brings Graphviz along, or by `dot`."""
    program = shutil.which("dot")
    try:
        pygraphviz = importlib.import_module("pygraphviz")
    except ImportError as error:
        if program is None:
            raise ImportError(
                f'.{kind} is drawn by Graphviz, which is not installed: pip install "graphdl[graph]"'
                ", or write an .svg file, which needs nothing"
            ) from error
        command = [program, f"-T{kind}", f"-Gdpi={dpi}"]
        return subprocess.run(
            command, input=source.encode(), capture_output=True, check=True
        ).stdout
    graph = pygraphviz.AGraph(string=source)
    graph.graph_attr["dpi"] = str(dpi)
    return bytes(graph.draw(format=kind, prog="dot"))
