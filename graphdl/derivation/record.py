"""The chain rule as a person writes it: the record of the sweep towards one weight.

The reverse sweep passes from node to node; a reader thinks in the names they gave. So the record
has one step between each two names, ∂v/∂u, which holds the sweep's own steps in between, and whose
cotangents are the nodes that the sweep made: the ones that are compiled. A node without a name at
which paths from several names meet counts as named, so that every step starts from one cotangent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, walk
from graphdl.core.interpret import interpret
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
class Derivation:
    """How ∂result/∂wrt comes about. Made by `derive`; prints as the chain rule is written by hand.

    `factors` are in the order of the sweep, from the result back; `gradient` is the node
    that `gd.grad` gives. `cotangents` maps each named intermediate v to ∂result/∂v.
    """

    result: Node
    wrt: Node
    gradient: Node
    factors: tuple[Factor, ...]
    cotangents: Mapping[Node, Node]
    names: Mapping[Node, str]  # that nodes go by in print, beside those of their own
    unit: tuple[int, ...] | None = None  # the element of the weight that is meant, if one is

    @property
    def paths(self) -> int:
        """The number of paths from the result to the weight along which the steps multiply."""
        count = {self.result: 1}
        for step in self.factors:
            count[step.wrt] = count.get(step.wrt, 0) + count[step.node]
        return count.get(self.wrt, 0)

    def evaluate(self, values: Mapping[Node | str, Any]) -> Evaluation:
        """The number or matrix of each factor and cotangent; `values` gives arrays for the inputs.

        An input is given by its node or its name. Variables have their present values unless `values`
        gives others. Raises GraphError for a name that none or several of them have.
        """
        env = {self._leaf(k) if isinstance(k, str) else k: v for k, v in values.items()}
        known = [s.local.node for s in self.factors if s.local.node is not None]
        cotangents = [s.after for s in self.factors]
        found = interpret([self.result, self.gradient, *cotangents, *known], env)
        after, rest = found[2 : 2 + len(cotangents)], iter(found[2 + len(cotangents) :])
        factors = tuple(None if s.local.node is None else next(rest) for s in self.factors)
        return Evaluation(self, found[0], found[1], factors, tuple(after))

    def _leaf(self, name: str) -> Node:
        """The input or variable of that name, its own or the one it goes by in print."""
        leaves = [n for n in walk([self.result]) if not n.inputs and "name" in n.attrs]
        found = [n for n in leaves if name in (n.attrs["name"], self.names.get(n))]
        if len(found) != 1:
            there = ", ".join(sorted(repr(n.attrs["name"]) for n in leaves))
            count = "no input is" if not found else f"{len(found)} inputs are"
            raise GraphError(f"{count} called {name!r}; there are {there}. Or give the node itself")
        return found[0]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A derivation in numbers: `factors` and `cotangents` belong to its `factors`, in their order.

    A factor that is not a number or matrix by itself (an operation on the cotangent) is None.
    """

    derivation: Derivation
    result: np.ndarray
    gradient: np.ndarray
    factors: tuple[np.ndarray | None, ...]
    cotangents: tuple[np.ndarray, ...]


def derive(result: Node, wrt: Node, names: Mapping[Node, str] | None = None) -> Derivation:
    """The derivation of ∂result/∂wrt for a scalar `result`. Raises what `gd.grad` raises.

    It stops at nodes with a name; `names` says how nodes are called in print instead.
    """
    gradient = grad(result, wrt)
    cotangents = {result: Cotangent(like(result, 1.0))}
    record = list(sweep(result, cotangents, leads_to(result, [wrt])))
    steps = _on_the_way(_Recorder(result, wrt).factors(record), wrt)
    named = {result, wrt, *(s.node for s in steps)}
    values = {n: c.value for n, c in cotangents.items() if n in named}
    return Derivation(result, wrt, gradient, steps, values, dict(names or {}))


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
