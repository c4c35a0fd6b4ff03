"""What the nodes of a derivation are called where a step is named: ∂ŷ/∂z1."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from graphdl.core.graph import Node
from graphdl.derivation.record import Derivation
from graphdl.show.names import Label, labels, own_name
from graphdl.show.text import TEXT


def node_names(derivation: Derivation, others: Iterable[Node] = ()) -> dict[Node, str]:
    """A name for each node between steps, also for those that the user gave none."""
    d, given = derivation, dict(derivation.names)
    roots = [d.result, d.gradient]
    taken = {label.name for label in labels(roots, given).values()}
    stops = [d.wrt, d.result, *(f.node for f in d.factors), *(f.wrt for f in d.factors), *others]
    for node in dict.fromkeys(stops):
        if own_name(node) is None and node not in given:
            wanted = "J" if node is d.result else "w" if node is d.wrt else "u"
            given[node] = _free(wanted, taken)
            taken.add(given[node])
    found = labels(roots, given)
    return {n: TEXT.name(found.get(n, Label(given.get(n, "u")))).text for n in dict.fromkeys(stops)}


def _free(name: str, taken: set[str]) -> str:
    """The name, or the first of its numbered forms, that nothing else bears."""
    forms = (f"{name}{k}" for k in itertools.count(1))
    return name if name not in taken and name != "u" else next(f for f in forms if f not in taken)
