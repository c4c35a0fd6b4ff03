"""The places where a reader stops on the way from the data to the loss, and what lies between them.

A station is a node with a name: an input, a weight, z1, h1, ŷ, J; a node without one at which paths
meet counts as named, as in a derivation. Between two stations lies one factor of the chain rule.
All of it is read off the derivations for the weights, whose factors agree where they overlap: the
cotangent of a node does not depend on the weight that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphdl.core.graph import Node, walk
from graphdl.derivation.record import Factor, Record, record
from graphdl.show.names import own_name


@dataclass(frozen=True, eq=False)
class Station:
    """A named value: `role` is data, weight, value or loss; `depth` its column from the left."""

    node: Node
    name: str
    role: str
    depth: int
    parents: tuple[Node, ...]  # the stations that it is computed from, as nodes


@dataclass(frozen=True, eq=False)
class Journey:
    """Stations in the order of the forward pass, factors in that of the sweep."""

    loss: Node
    stations: tuple[Station, ...]
    factors: tuple[Factor, ...]
    cotangents: dict[Node, Node]
    gradients: dict[Node, Node]

    def station(self, node: Node) -> Station:
        return next(s for s in self.stations if s.node is node)


def journey(loss: Node, weights: Sequence[Node], data: Sequence[Node]) -> Journey:
    """The stations between `data`, `weights` and `loss`."""
    derivations = [record(Record, loss, w) for w in weights]
    factors = _all_factors(derivations)
    passed = {loss, *(f.node for f in factors), *(f.wrt for f in factors)}
    stops = passed | set(data) | set(weights) | _multiplied(loss, set(weights))
    order = [n for n in walk([loss]) if n in stops]
    parents = {n: tuple(p for p in order if p in _reached(n, stops)) for n in order}
    depth = _depths(order, parents, set(weights))
    names = _names(order)
    stations = tuple(
        Station(n, names[n], _role(n, loss, weights, data), depth[n], parents[n]) for n in order
    )
    cotangents = {n: c for d in derivations for n, c in d.cotangents.items()}
    gradients = {d.wrt: d.gradient for d in derivations}
    return Journey(loss, stations, factors, cotangents, gradients)


def _multiplied(loss: Node, weights: set[Node]) -> set[Node]:
    """Named values that a weight multiplies, though no gradient passes them: data with noise."""
    products = (n for n in walk([loss]) if n.op.name == "matmul" and n.inputs[1] in weights)
    return {n.inputs[0] for n in products if n.inputs[0].op.name == "named"}


def _all_factors(derivations: Iterable[Record]) -> tuple[Factor, ...]:
    """Each factor once, those towards weights right after the last one that they need."""
    found: dict[tuple[Node, Node], Factor] = {}
    for d in derivations:
        for f in d.factors:
            found.setdefault((f.node, f.wrt), f)
    return tuple(_in_order_of_sweep(list(found.values())))


def _in_order_of_sweep(factors: list[Factor]) -> list[Factor]:
    """Factors such that the cotangent of each node is complete before it is used."""
    waiting, done = list(factors), []
    while waiting:
        open_ = {f.wrt for f in waiting}
        ready = [f for f in waiting if f.node not in open_]
        done += ready
        waiting = [f for f in waiting if f.node in open_]
    return done


def _reached(node: Node, stops: set[Node]) -> set[Node]:
    """The stations next to a node on its way back to the data."""
    near = walk(node.inputs, stop=stops)
    return {n for n in near if n in stops}


def _depths(
    order: list[Node], parents: dict[Node, tuple[Node, ...]], weights: set[Node]
) -> dict[Node, int]:
    """Columns: one right of the last that a value is computed from; weights stand with their user,
    and what enters late (a target) stands right before its first user."""
    depth: dict[Node, int] = {}
    for n in order:
        inner = [depth[p] + 1 for p in parents[n] if p not in weights and parents[p]]
        data = [1 for p in parents[n] if not parents[p] and p not in weights]
        depth[n] = max([0, *inner, *data]) if parents[n] else 0
    for n in order:
        users = [depth[m] for m in order if n in parents[m]]
        if not parents[n] and users:
            depth[n] = max(0, min(users) - (0 if n in weights else 1))
    return depth


def _role(node: Node, loss: Node, weights: Sequence[Node], data: Sequence[Node]) -> str:
    if node is loss:
        return "loss"
    return "weight" if node in weights else "data" if node in data else "value"


def _names(order: list[Node]) -> dict[Node, str]:
    """Own names, told apart where two nodes share one; u1, u2, … for nodes without."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for node in order:
        base = own_name(node) or "u"
        forms = [base] if base != "u" else []
        number = 1
        while not forms or forms[-1] in taken:
            forms.append(f"{base}{number}" if base == "u" else f"{base}#{number + 1}")
            number += 1
        names[node] = forms[-1]
        taken.add(forms[-1])
    return names


def is_one(node: Node | None) -> bool:
    """Is it the number 1, however often repeated?"""
    while node is not None and node.op.name in ("broadcast_to", "reshape"):
        node = node.inputs[0]
    return (
        node is not None and node.op.name == "constant" and bool((node.attrs["value"] == 1).all())
    )
