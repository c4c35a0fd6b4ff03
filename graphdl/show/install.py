"""How everything shows itself in print and in notebooks. Importing this module installs it."""

from __future__ import annotations

from collections.abc import Iterable

from graphdl.callbacks.several import History
from graphdl.core.graph import Graph, Node
from graphdl.model import Model
from graphdl.show.latex import latex
from graphdl.show.notebook import formula_bundle, graph_bundle, history_bundle, model_bundle
from graphdl.show.pictured import Pictured
from graphdl.show.text import expression, graph_summary, listing, summary


def _node_bundle(
    node: Node, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, str]:
    return formula_bundle(expression(node), latex(node), include, exclude)


def install() -> None:
    """Give everything its text, its LaTeX, its pictures and its display in notebooks."""
    Node.__str__ = lambda node: expression(node)  # type: ignore[method-assign]
    Node.__repr__ = lambda node: summary(node)  # type: ignore[method-assign]
    Node.latex = lambda node: latex(node)  # type: ignore[attr-defined]
    Node._repr_mimebundle_ = _node_bundle  # type: ignore[attr-defined]
    Graph.__str__ = listing  # type: ignore[method-assign]
    Graph.__repr__ = graph_summary  # type: ignore[method-assign]
    Graph._repr_mimebundle_ = graph_bundle  # type: ignore[attr-defined]
    Model._repr_mimebundle_ = model_bundle  # type: ignore[attr-defined]
    History._repr_mimebundle_ = history_bundle  # type: ignore[attr-defined]
    for kind in (Node, Graph):
        for method in (Pictured.svg, Pictured.dot, Pictured.mermaid):
            setattr(kind, method.__name__, method)


install()
