"""The derivation as it is read: the sweep's cotangents after simplification.

What is printed went through the very passes that a compiled graph goes through, so merged derivatives
appear merged (`bce∘sigmoid: δ = ŷ − y`). Then some rules for the eye follow. Names stay where they
are: a node that had one is known by it, whatever it has turned into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from graphdl.core.graph import Graph, Node, rebuild, replace, walk
from graphdl.derivation.record import Factor, Record
from graphdl.ops.arithmetic import where_op
from graphdl.ops.build import tensor
from graphdl.rewrite.engine import Became, Rule, Trace, rewrite
from graphdl.rewrite.rules.reading import READING
from graphdl.rewrite.simplify import RULES, simplify
from graphdl.show.names import Label


@dataclass(frozen=True, eq=False)
class Reading:
    """`cotangents[v]` is ∂J/∂v as it is printed, for the names v of the sweep in its order.

    `merges[v]` are the rules that joined the derivatives between ∂J/∂v and the names before it.
    """

    derivation: Record
    cotangents: Mapping[Node, Node]
    gradient: Node
    compiled: Node  # the gradient as it is compiled: before the rules for the eye
    names: Mapping[Node, Label]  # what nodes of the simplified graph go by
    merges: Mapping[Node, tuple[Rule, ...]]

    @cached_property
    def targets(self) -> dict[Node, Node]:
        """The name v of a printed cotangent, the first that has it."""
        found: dict[Node, Node] = {}
        for v, cotangent in self.cotangents.items():
            if cotangent.inputs and v is not self.derivation.wrt:
                found.setdefault(cotangent, v)
        return found

    def below(self, root: Node) -> list[Node]:
        """The operations that the expression of a cotangent is written with, up to the next names."""
        stops = {*self.names, *self.targets} - {root}
        return [n for n in walk([root], stop=stops) if n.inputs and n not in stops]

    @cached_property
    def lines(self) -> tuple[Node, ...]:
        """The names whose cotangents get a line of their own, nearest to the gradient first.

        A cotangent that is used once, by an elementwise operation, is written where it is used.
        """
        found: dict[Node, None] = {}
        pending = [self.gradient]
        uses = self._uses()
        for root in pending:
            for node in self.below(root):
                for i in node.inputs:
                    if i in self.targets and i not in pending:
                        pending.append(i)
        for cotangent in pending[1:]:
            if not self._is_inlined(cotangent, uses[cotangent]):
                found[self.targets[cotangent]] = None
        return tuple(found)

    def rules(self, v: Node) -> tuple[Rule, ...]:
        """The rules that merged what stands in the line of ∂J/∂v, of cotangents written inside too."""
        apart = {self.cotangents[u] for u in self.lines}
        shown = [v]
        pending = [self.gradient if v is self.derivation.wrt else self.cotangents[v]]
        for root in pending:
            for i in (i for node in self.below(root) for i in node.inputs):
                if i in self.targets and i not in apart and i not in pending:
                    pending.append(i)
                    shown.append(self.targets[i])
        return tuple(dict.fromkeys(rule for u in shown for rule in self.merges.get(u, ())))

    def _uses(self) -> dict[Node, list[Node]]:
        found: dict[Node, list[Node]] = {c: [] for c in self.targets}
        for node in walk([self.gradient]):
            for i in node.inputs:
                if i in found:
                    found[i].append(node)
        return found

    def _is_inlined(self, cotangent: Node, users: list[Node]) -> bool:
        small = len(self.below(cotangent)) <= 6
        return small and len(users) == 1 and users[0].op.partials is not None


def read(derivation: Record, names: Mapping[Node, Label]) -> Reading:
    """The reading of a derivation whose nodes go by `names`."""
    d = derivation
    targets = list(dict.fromkeys([d.result, *(f.wrt for f in d.factors)]))
    roots = [d.gradient, *(d.cotangents[v] for v in targets)]
    became: Became = {n: n for n in walk([d.result, *roots])}
    graph = Graph([n for n in became if n.op.name == "tensor"], [d.result, *roots])
    graph, trace = simplify(graph, became=became)
    merges, compiled = _merges(d, targets, trace, became), became[d.gradient]
    graph, _ = rewrite(graph, READING, "reading", became=became)
    shown: dict[Node, Label] = {}
    for node, label in names.items():
        if node in became and (became[node].inputs or not node.inputs):
            if node.op.name == "named":  # of two names of one value the outer one: ŷ, not z
                shown[became[node]] = label
            shown.setdefault(became[node], label)
    cotangents = {v: became[d.cotangents[v]] for v in targets}
    return Reading(d, cotangents, became[d.gradient], compiled, shown, merges)


_MERGING = ("stability", "losses")


def _merges(
    d: Record, targets: list[Node], trace: list[Trace], became: Became
) -> dict[Node, tuple[Rule, ...]]:
    """For each name the rules by which its cotangent was computed at once with one before it."""
    merging = [t for t in trace if t.pass_name in _MERGING]
    ends = {became[d.cotangents[u]] for u in targets} | set(walk([became[d.result]]))
    found: dict[Node, tuple[Rule, ...]] = {}
    for v in targets:
        own = became[d.cotangents[v]]
        inside = {own, *walk([own], stop=ends - {own})} - (ends - {own})
        rules = dict.fromkeys(t.rule for t in merging if became.get(t.after) in inside)
        found[v] = tuple(RULES[name] for name in rules)
    return found


def alone(
    factor: Factor, names: Mapping[Node, Label], cotangent: Label
) -> tuple[Node, dict[Node, Label]]:
    """A factor by itself, simplified: ∂v/∂u, or what it does to a cotangent; with its names.

    All names are taken as given, so its size is that of the step and not of the network.
    """
    root = factor.after if factor.local.node is None else factor.local.node
    stands_for = {n: _symbol(n, label.name) for n, label in names.items() if n is not factor.node}
    labels = {s: names[n] for n, s in stands_for.items()}
    if factor.local.node is None:
        stands_for[factor.before] = delta = _symbol(factor.before, cotangent.name)
        labels[delta] = cotangent
    roots = replace([root] if factor.mask is None else [root, factor.mask], stands_for)
    symbols = [n for n in walk(roots) if n.op.name == "tensor"]
    graph, _ = simplify(Graph(symbols, roots))
    root, *mask = graph.outputs
    graph, _ = rewrite(Graph(symbols, [_unmasked(root, mask)]), READING, "reading")
    return graph.outputs[0], labels


def _unmasked(root: Node, masks: list[Node]) -> Node:
    """What acts on a cotangent that is 0 where the mask fails need not select once more."""
    new: dict[Node, Node] = {}
    for node in walk([root]):
        new[node] = made = rebuild(node, tuple(new[i] for i in node.inputs))
        if made.op is where_op and node.inputs[0] in masks:
            new[node] = made.inputs[1]
    return new[root]


def for_the_eye(root: Node, stops: set[Node]) -> Node:
    """An expression in the form that a person expects; what lies below `stops` stays as it is."""
    ends = [n for n in walk([root], stop=stops) if n in stops and n is not root]
    stands_for = {n: _symbol(n, "s") for n in ends}
    (apart,) = replace([root], stands_for)
    symbols = [n for n in walk([apart]) if n.op.name == "tensor"]
    graph, _ = rewrite(Graph(symbols, [apart]), READING, "reading")
    return replace(graph.outputs, {s: n for n, s in stands_for.items()})[0]


def _symbol(node: Node, name: str) -> Node:
    return tensor(name, node.type.shape, node.dtype)
