"""Where the generated module computes what a step states, or the rules that left no line of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphdl.core.graph import Node
from graphdl.derivation.forms.pen import reading_of
from graphdl.derivation.module import module_of
from graphdl.derivation.record import Record
from graphdl.derivation.story import Step


@dataclass(frozen=True)
class Place:
    """Numbers of lines, from 1; where there are none, the rules by which it was merged away."""

    lines: tuple[int, ...] = ()
    rules: tuple[str, ...] = ()


def place_of(record: Record, step: Step) -> Place:
    """See `Derivation.where`. A question and a chain are about names: they have no place."""
    if step.kind in ("question", "chain"):
        return Place()
    module = module_of(record)
    stated = list(_stated(record, step))
    for node in stated:
        lines = module.lines(node)
        if lines:
            return Place(lines)
    return Place(rules=tuple(merged_by(record, stated, step.by)))


def _stated(record: Record, step: Step) -> Iterator[Node]:
    """The nodes in which the value of the step may lie: its own, or the product it is a factor of."""
    yield from step.nodes
    if step.kind == "update":
        yield record.wrt
    if step.kind == "local":
        (factor,) = step.factors
        yield factor.after
        yield record.gradient if factor.wrt is record.wrt else record.cotangents[factor.wrt]


def merged_by(record: Record, nodes: Iterable[Node], v: Node) -> list[str]:
    """The rules by which ∂J/∂v came to be computed together with the next cotangent.

    Failing that, those which the first of `nodes` that any rule has met went through.
    """
    reading, module = reading_of(record), module_of(record)
    found: list[str] = []
    reached = [v]
    for u in reached:  # towards the weight, to the first names at which rules have merged
        rules = reading.merges.get(u, ())
        found += [rule.name for rule in rules]
        if not rules:
            reached += [f.wrt for f in record.factors if f.node is u and f.wrt not in reached]
    own = next(filter(None, map(module.rules, nodes)), ("a constant",))
    return list(dict.fromkeys(found)) or list(own)
