"""What the nodes of a derivation are called, also those between steps that the user gave no name."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping

from graphdl.core.graph import Node
from graphdl.derivation.record import Record
from graphdl.show.names import Label, labels, own_name
from graphdl.show.text import TEXT


@functools.lru_cache(maxsize=32)
def names_of(record: Record) -> Mapping[Node, Label]:
    """The labels of all nodes that have a name, and of those that factors lie between: u1, u2, …"""
    return _labels(record, ())


def node_names(record: Record, others: Iterable[Node] = ()) -> dict[Node, str]:
    """As text: the names of the nodes between steps and of `others`."""
    others = tuple(others)
    found, d = _labels(record, others), record
    stops = dict.fromkeys(
        [d.wrt, d.result, *(n for f in d.factors for n in (f.node, f.wrt)), *others]
    )
    return {n: TEXT.name(found.get(n, Label("u"))).text for n in stops}


def _labels(d: Record, others: tuple[Node, ...]) -> Mapping[Node, Label]:
    roots = [d.result, d.gradient]
    given = dict(d.names)
    taken = {label.name for label in labels(roots, given).values()}
    for node in (d.wrt, d.result, *(f.node for f in d.factors), *others):
        if own_name(node) is None and node not in given:
            wanted = "J" if node is d.result else "w" if node is d.wrt else "u"
            given[node] = _free(wanted, taken)
            taken.add(given[node])
    return labels([*roots, *others], given)


def _free(name: str, taken: set[str]) -> str:
    """The name, or the first of its numbered forms, that nothing else bears."""
    forms = (f"{name}{k}" for k in itertools.count(1))
    return name if name not in taken and name != "u" else next(f for f in forms if f not in taken)
