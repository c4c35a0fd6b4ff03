"""The ordered steps of a derivation: the question, the chain rule, local derivatives, sums, result.

A step says what it states (nodes), by which rule, and of which derivative ∂of/∂by; the forms say it
in symbols, `evaluate` in numbers, the module in lines of source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from graphdl.core.graph import Node
from graphdl.derivation.reading import Reading
from graphdl.derivation.record import Factor, Record
from graphdl.rewrite.engine import Rule

Kind = Literal["question", "chain", "local", "sum", "cotangent", "gradient", "update"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step. `nodes` are those of the declared graph whose values it states."""

    number: int
    kind: Kind
    of: Node
    by: Node
    nodes: tuple[Node, ...]
    rule: str
    factors: tuple[Factor, ...] = ()  # that a chain step multiplies, a sum adds up


TITLES: dict[Kind, str] = {
    "question": "How does a small change of {by} change {of}?",
    "chain": "Apply the chain rule to ∂{of}/∂{weight}",
    "local": "The local derivative ∂{of}/∂{by}",
    "sum": "What arrives at {by} over several paths adds up",
    "cotangent": "The cotangent of {by}",
    "gradient": "Together",
    "update": "The step of the optimizer",
}


def story(derivation: Record, reading: Reading) -> tuple[Step, ...]:
    """All steps, in the order in which a person takes them."""
    d = derivation
    found = [Step(1, "question", d.result, d.wrt, (d.result, d.wrt), "")]

    def add(kind: Kind, of: Node, by: Node, nodes: tuple, rule: str, factors: tuple = ()) -> None:
        found.append(Step(len(found) + 1, kind, of, by, nodes, rule, factors))

    for v in dict.fromkeys(f.node for f in d.factors):
        leaving = tuple(f for f in d.factors if f.node is v)
        if any(f.wrt is not d.wrt for f in leaving):
            add("chain", v, d.wrt, (d.cotangents[v],), "chain rule", leaving)
    for factor in d.factors:
        node = factor.after if factor.local.node is None else factor.local.node
        add("local", factor.node, factor.wrt, (node,), factor.rule, (factor,))
    for u in dict.fromkeys(f.wrt for f in d.factors):
        arriving = tuple(f for f in d.factors if f.wrt is u)
        if len(arriving) > 1:
            add("sum", d.result, u, (d.cotangents[u],), "sum over paths", arriving)
    for v in reversed(reading.lines):
        add("cotangent", d.result, v, (d.cotangents[v],), _names(reading.rules(v)))
    add("gradient", d.result, d.wrt, (d.gradient,), _names(reading.rules(d.wrt)))
    if d.within is not None and d.wrt in d.within.graph.updates:
        add("update", d.wrt, d.wrt, (d.within.graph.updates[d.wrt],), "optimizer")
    return tuple(found)


def _names(rules: Iterable[Rule]) -> str:
    return "; ".join(rule.name for rule in rules)
