"""What notebooks show of graphs, models and histories, by the conventions of Jupyter.

A front end picks the richest kind it knows: HTML before SVG before plain text. So HTML, where there
is any, holds the picture too: as an image, whose ids and styles are its own, and whose description
stays where a front end removes what it does not trust.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from graphdl.core.graph import Graph
from graphdl.show.pictured import Pictured, pictures
from graphdl.show.text import listing
from graphdl.table import display_width, printable

LINES = 200  # of a listing

_TABLE = 'style="border-collapse:collapse;text-align:right;margin:6px 0"'
_CELL = 'style="padding:2px 10px;border-bottom:1px solid #8888"'


def asked_for(
    kinds: Mapping[str, Callable[[], str]],
    include: Iterable[str] | None,
    exclude: Iterable[str] | None,
) -> dict[str, str]:
    """The representations that a notebook asks for; the others are not made."""
    wanted = kinds.keys() if include is None else set(include)
    left_out = set(exclude or ())
    return {k: make() for k, make in kinds.items() if k in wanted and k not in left_out}


def formula_bundle(
    text: str, tex: str, include: Iterable[str] | None, exclude: Iterable[str] | None
) -> dict[str, str]:
    """What a notebook shows of a formula: plain text and LaTeX, of those kinds that it asks for."""
    kinds = {"text/plain": lambda: text, "text/latex": lambda: rf"$\displaystyle {tex}$"}
    return asked_for(kinds, include, exclude)


def graph_bundle(
    graph: Graph, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, str]:
    """The listing, the picture, and the picture for Markdown."""
    kinds = {
        "text/plain": lambda: _listing(graph),
        "image/svg+xml": lambda: str(graph.svg()),
        "text/vnd.mermaid": lambda: graph.mermaid(),
    }
    return asked_for(kinds, include, exclude)


def _listing(graph: Graph) -> str:
    lines = listing(graph).split("\n")
    if len(lines) <= LINES:
        return "\n".join(lines)
    hint = f"… {len(lines) - LINES} lines more: print(graph) shows all"
    return "\n".join([*lines[:LINES], hint])


def model_bundle(
    model: Any, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, str]:
    """The summary, and the picture of the layers; of a model that is not built, its name."""
    if not model.built or not model._symbols:
        text = f"<{type(model).__name__} {printable(model.name)}, not built>"
        return asked_for({"text/plain": lambda: text}, include, exclude)
    kinds = {
        "text/plain": lambda: model.summary_text(),
        "image/svg+xml": lambda: str(_model_picture(model)),
        "text/html": lambda: _model_html(model),
    }
    return asked_for(kinds, include, exclude)


def _model_picture(model: Pictured) -> str:
    return model.svg(show_shapes=True, show_layer_names=True, show_layer_activations=True)


def _model_html(model: Any) -> str:
    title, columns, rows, footer = model.summary_table()
    picture = _image(_model_picture(model), f"The layers of {title}")
    below = "".join(f"<div>{_text(line)}</div>" for line in footer)
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start"><div>'
        f"<div>{_text(title)}</div>{_html_table(columns, rows)}{below}</div>{picture}</div>"
    )


def history_bundle(
    history: Any, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, str]:
    """The curves and the numbers of every epoch, at most the last 200."""
    columns, rows, hint = _epochs(history)
    p = pictures()
    kinds = {
        "text/plain": lambda: "\n".join([*hint, *_aligned([columns, *rows])]),
        "image/svg+xml": lambda: str(p.curves(history.history)),
        "text/html": lambda: (
            _image(p.curves(history.history), f"Curves: {p.described(history.history)}")
            + f"<details><summary>{len(history.epoch)} epochs</summary>"
            + _html_table(columns, rows)
            + "".join(map(_text, hint))
            + "</details>"
        ),
    }
    return asked_for(kinds, include, exclude)


def _epochs(history: Any) -> tuple[list[str], list[list[object]], list[str]]:
    columns = ["epoch", *history.history]
    rows: list[list[object]] = [
        [epoch + 1, *(f"{v[k]:.6g}" if k < len(v) else "" for v in history.history.values())]
        for k, epoch in enumerate(history.epoch)
    ]
    left_out = len(rows) - LINES
    hint = [f"… {left_out} epochs before; history.history holds all"] if left_out > 0 else []
    return columns, rows[-LINES:], hint


def _aligned(rows: Sequence[Sequence[object]]) -> Iterable[str]:
    """Rows of text whose columns end below each other."""
    cells = [[printable(str(c)) for c in row] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        pairs = zip(row, widths, strict=True)
        yield "  ".join(" " * (width - display_width(c)) + c for c, width in pairs)


def _text(text: str) -> str:
    return escape(printable(text))


def _image(picture: str, alt: str) -> str:
    data = base64.b64encode(picture.encode()).decode()
    return f'<img alt="{_text(alt)}" src="data:image/svg+xml;base64,{data}">'


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col" {_CELL}>{_text(c)}</th>' for c in columns)
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in rows)
    return f"<table {_TABLE}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else _text(str(value))
    return f"<td {_CELL}>{text}</td>"
