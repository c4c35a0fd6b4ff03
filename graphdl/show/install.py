"""How nodes and derivations show themselves. Importing this module installs it."""

from __future__ import annotations

from collections.abc import Iterable

from graphdl.core.graph import Node
from graphdl.derivation.derivation import Derivation
from graphdl.show.latex import latex
from graphdl.show.text import expression, summary


def mimebundle(
    text: str, tex: str, include: Iterable[str] | None, exclude: Iterable[str] | None
) -> dict[str, str]:
    """What a notebook shows: plain text and LaTeX, of those kinds that it asks for."""
    bundle = {"text/plain": text, "text/latex": rf"$\displaystyle {tex}$"}
    wanted = bundle.keys() if include is None else set(include)
    return {k: v for k, v in bundle.items() if k in wanted and k not in set(exclude or ())}


def _node_bundle(
    node: Node, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, str]:
    return mimebundle(expression(node), latex(node), include, exclude)


def _derivation_bundle(
    derivation: Derivation,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
) -> dict[str, str]:
    return mimebundle(derivation.text(), derivation.latex(), include, exclude)


def install() -> None:
    """Give nodes and derivations their text, their LaTeX and their display in notebooks."""
    Node.__str__ = lambda node: expression(node)  # type: ignore[method-assign]
    Node.__repr__ = lambda node: summary(node)  # type: ignore[method-assign]
    Node.latex = lambda node: latex(node)  # type: ignore[attr-defined]
    Node._repr_mimebundle_ = _node_bundle  # type: ignore[attr-defined]
    Derivation._repr_mimebundle_ = _derivation_bundle  # type: ignore[attr-defined]


install()
