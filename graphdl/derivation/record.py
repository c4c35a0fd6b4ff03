"""The chain rule as a person writes it: the record of the sweep towards one weight.

The reverse sweep passes from node to node; a reader thinks in the names they gave. So the record
has one step between each two names, ∂v/∂u, which holds the sweep's own steps in between, and whose
cotangents are the nodes that the sweep made: the ones that are compiled. A node without a name at
which paths from several names meet counts as named, so that every step starts from one cotangent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Graph, Node, walk
from graphdl.differentiate.chain_rule import Cotangent, Step, grad, leads_to, sweep
from graphdl.differentiate.local import LocalDerivative, local_derivative
from graphdl.ops.arithmetic import add
from graphdl.ops.build import like


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of the chain rule, ∂v/∂u: from the cotangent of v to what it sends to u."""

    node: Node  # v
    wrt: Node  # u
    before: Node  # ∂J/∂v
    after: Node  # ∂J/∂v · ∂v/∂u
    local: LocalDerivative  # ∂v/∂u in symbols
    mask: Node | None  # ∂J/∂v is exactly 0 where this does not hold
    passes: tuple[Step, ...]  # the sweep's steps that made `after` from `before`

    @property
    def rule(self) -> str:
        """The operations whose derivatives the factor is made of, from v down to u."""
        return ", ".join(dict.fromkeys(step.node.op.name for step in self.passes))


@dataclass(frozen=True, eq=False)
class Within:
    """A graph that computes the gradient, and those of its inputs that are rows of larger data."""

    graph: Graph
    batched: tuple[Node, ...] = ()
    update: Any = None  # the optimizer's equations, as a person reads them


@dataclass(frozen=True, eq=False)
class Record:
    """How ∂result/∂wrt comes about, in nodes.

    `factors` are in the order of the sweep, from the result back; `gradient` is the node that
    `gd.grad` gives. `cotangents` maps each named intermediate v to ∂result/∂v.
    """

    result: Node
    wrt: Node
    gradient: Node
    factors: tuple[Factor, ...]
    cotangents: Mapping[Node, Node]
    names: Mapping[Node, str]  # that nodes go by in print, beside those of their own
    unit: tuple[int, ...] | None = None  # the element of the weight that is meant, if one is
    within: Within | None = None  # the program that it is compiled in; else one of its own

    @property
    def paths(self) -> int:
        """The number of paths from the result to the weight along which the factors multiply."""
        count = {self.result: 1}
        for factor in self.factors:
            count[factor.wrt] = count.get(factor.wrt, 0) + count[factor.node]
        return count.get(self.wrt, 0)

    def leaf(self, name: str) -> Node:
        """The input or variable of that name, its own or the one it goes by in print."""
        leaves = [n for n in walk([self.result]) if not n.inputs and "name" in n.attrs]
        found = [n for n in leaves if name in (n.attrs["name"], self.names.get(n))]
        if len(found) != 1:
            there = ", ".join(sorted(repr(n.attrs["name"]) for n in leaves))
            count = "no input is" if not found else f"{len(found)} inputs are"
            raise GraphError(f"{count} called {name!r}; there are {there}. Or give the node itself")
        return found[0]


R = TypeVar("R", bound=Record)


def record(
    kind: type[R],
    result: Node,
    wrt: Node,
    names: Mapping[Node, str] | None = None,
    unit: Sequence[int] | int | None = None,
    within: Within | None = None,
) -> R:
    """The record of ∂result/∂wrt as a `kind` of Record."""
    gradient = grad(result, wrt)
    cotangents = {result: Cotangent(like(result, 1.0))}
    sweeping = list(sweep(result, cotangents, leads_to(result, [wrt])))
    factors = _on_the_way(_Recorder(result, wrt).factors(sweeping), wrt)
    named = {result, wrt, *(f.node for f in factors)}
    values = {n: c.value for n, c in cotangents.items() if n in named}
    at = None if unit is None else _index(wrt, unit)
    return kind(result, wrt, gradient, factors, values, dict(names or {}), at, within)


def _index(wrt: Node, unit: Sequence[int] | int) -> tuple[int, ...]:
    """The index of one element, counted from the start; GraphError where there is no such element."""
    at = (unit,) if isinstance(unit, int) else tuple(unit)
    whole = all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in at)
    fits = len(at) == wrt.rank and all(
        not isinstance(d, int) or -d <= i < d for i, d in zip(at, wrt.shape, strict=True)
    )
    if not whole or not fits:
        name = wrt.attrs.get("name", "the node")
        raise GraphError(f"{name!r} has shape {wrt.shape}; unit={unit!r} is none of its elements")
    return tuple(
        int(i) % d if isinstance(d, int) else int(i) for i, d in zip(at, wrt.shape, strict=True)
    )


def _on_the_way(factors: list[Factor], wrt: Node) -> tuple[Factor, ...]:
    """The factors that end at `wrt`, directly or through others."""
    reached, kept = {wrt}, []
    for factor in reversed(factors):
        if factor.wrt in reached:
            reached.add(factor.node)
            kept.append(factor)
    return tuple(reversed(kept))


class _Recorder:
    """Groups the steps of a sweep into factors between names."""

    def __init__(self, result: Node, wrt: Node) -> None:
        self.result, self.wrt = result, wrt
        self.owner: dict[Node, Node] = {}  # the last name before a node, seen from the result
        self.sent: dict[Node, list[tuple[Step, Node]]] = {}  # what arrived at a node, and whence
        self.before: dict[Node, Cotangent] = {}
        self.position: dict[Node, int] = {}
        self.known = set(walk([result]))  # no cotangent comes from beyond these nodes

    def factors(self, record: list[Step]) -> list[Factor]:
        """The factors in the order in which the sweep completes them."""
        found: list[Factor] = []
        for position, step in enumerate(record):
            self.position[step.node] = position
            found += self._arrive(step)
            for i, sent in zip(step.node.inputs, step.contributions, strict=True):
                if isinstance(sent, Cotangent):
                    self.sent.setdefault(i, []).append((step, sent.value))
        return found

    def _arrive(self, step: Step) -> list[Factor]:
        """All that flows to the step's node has arrived: it ends factors, or carries one on."""
        node, arrived = step.node, self.sent.get(step.node, [])
        owners = list(dict.fromkeys(self.owner[s.node] for s, _ in arrived))
        stops = node in (self.result, self.wrt) or node.op.name == "named" or len(owners) > 1
        self.owner[node] = node if stops else owners[0]
        if not stops:
            return []
        self.before[node] = step.cotangent
        factors = [self._factor(owner, node) for owner in owners]
        self.known.add(step.cotangent.value)
        return factors

    def _factor(self, v: Node, u: Node) -> Factor:
        parts = [c for s, c in self.sent[u] if self.owner[s.node] is v]
        before, after = self.before[v], reduce(add, parts)
        local = local_derivative(after, before.value, self.known)
        return Factor(v, u, before.value, after, local, before.mask, self._passes(v, u))

    def _passes(self, v: Node, u: Node) -> tuple[Step, ...]:
        """The steps between v and u that changed the cotangent, from v down."""
        found: dict[Node, Step] = {}
        seen, pending = {u}, [u]
        while pending:
            target = pending.pop()
            for step, sent in self.sent.get(target, []):
                if self.owner[step.node] is not v:
                    continue
                if sent is not step.cotangent.value:
                    found[step.node] = step
                if step.node is not v and step.node not in seen:
                    seen.add(step.node)
                    pending.append(step.node)
        return tuple(found[n] for n in sorted(found, key=self.position.__getitem__))
