"""What may be drawn: a node, a graph, several nodes, a model, a derivation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from graphdl.core.graph import Graph, Node
from graphdl.derivation.record import Record
from graphdl.show.picture.derived import derived
from graphdl.show.picture.layout import Direction
from graphdl.show.picture.network import Details, network
from graphdl.show.picture.operations import operations
from graphdl.show.picture.scene import Scene

_OF_MODELS = tuple(f.name for f in fields(Details))


def direction_of(rankdir: str) -> Direction:
    """ "TB" (downwards) or "LR" (to the right), in Graphviz's words."""
    if rankdir not in ("TB", "LR"):
        raise ValueError(f'rankdir is "TB" (downwards) or "LR" (to the right), got {rankdir!r:.40}')
    return rankdir  # type: ignore[return-value]


def usual_direction(what: Any) -> Direction:
    """Derivations are read from left to right, graphs and models downwards."""
    return "LR" if isinstance(what, Record) else "TB"


def scene_of(what: Any, **details: bool) -> Scene:
    """The scene of whatever may be drawn. Raises TypeError for a detail that it does not have."""
    if isinstance(what, (Graph, Node)):
        _check(details, ("show_shapes",))
        return operations(what, show_shapes=details.get("show_shapes", True))
    if isinstance(what, Record):
        _check(details, ("show_shapes",))
        return derived(what, **details)
    _check(details, _OF_MODELS)
    return network(what, Details(**details))


def _check(details: Mapping[str, bool], known: tuple[str, ...]) -> None:
    for name, value in details.items():
        if name not in known:
            raise TypeError(f"{name!r} is no detail of this picture; there are {', '.join(known)}")
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, got {value!r:.40}")
