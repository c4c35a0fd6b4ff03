"""Simplification: the passes of named rules, in order."""

from __future__ import annotations

from collections.abc import Collection

from codegen.optimisations import on
from graphdl.core.graph import Graph, Node, rebuild
from graphdl.ops.build import named_op
from graphdl.rewrite.engine import Became, Rule, Trace, follow, rewrite, with_roots
from graphdl.rewrite.rules.algebra import ALGEBRA, FORMS
from graphdl.rewrite.rules.derivatives import DERIVATIVES
from graphdl.rewrite.rules.losses import LOSSES
from graphdl.rewrite.rules.movement import MOVEMENT
from graphdl.rewrite.rules.products import PRODUCTS, REDUCTIONS
from graphdl.rewrite.rules.stability import STABILITY

FEWER = ("algebra", "tidy")  # these save operations; what is between them, digits
PASSES = ("names", "algebra", "stability", "losses", "tidy")
FAMILIES = {
    "algebra": ALGEBRA,
    "movement": MOVEMENT,
    "stability": STABILITY,
    "derivatives": DERIVATIVES,
    "losses": LOSSES,
    "products": PRODUCTS,
    "reductions": REDUCTIONS,
}
RULES: dict[str, Rule] = {rule.name: rule for family in FAMILIES.values() for rule in family}

_SHORT = (*ALGEBRA, *MOVEMENT)
_STABLE = (*FORMS, *STABILITY, *DERIVATIVES)
_TIDY = (*_SHORT, *PRODUCTS, *REDUCTIONS)


def simplify(
    graph: Graph,
    passes: Collection[str] = PASSES,
    verify: bool = False,
    became: Became | None = None,
) -> tuple[Graph, list[Trace]]:
    """The graph with the same values in fewer and safer operations, and the rules that fired.

    `passes` switches passes off by leaving them out; with `verify` each replacement is checked.
    `became`, a dictionary from nodes to themselves, afterwards says what each has turned into.
    """
    trace: list[Trace] = []

    def run(name: str, rules: tuple[Rule, ...], graph: Graph) -> Graph:
        if name not in passes or (name in FEWER and not on("algebra")):
            return graph
        graph, fired = rewrite(graph, rules, name, verify, became)
        trace.extend(fired)
        return graph

    if "names" in passes:
        graph = strip_names(graph, became)  # z.named("z") → z
    graph = run("algebra", _SHORT, graph)  # x·1 → x, (Aᵀ)ᵀ → A
    graph = run("stability", _STABLE, graph)  # log(1 + eˣ) → softplus(x)
    graph = run("losses", LOSSES, graph)  # bce(y, σ(z)) → bce_logits(y, z)
    graph = run("tidy", _TIDY, graph)  # what the rules before have left
    return graph, trace


def strip_names(graph: Graph, became: Became | None = None) -> Graph:
    """The graph without its labels; it remembers what they named."""
    new: dict[Node, Node] = {}
    names: dict[Node, str] = {}
    for node in graph.nodes:
        new[node] = rebuild(node, tuple([new[i] for i in node.inputs]))
        if node.op is named_op:
            new[node] = new[node].inputs[0]
        label = node.attrs["name"] if node.op is named_op else graph.names.get(node)
        if label is not None and new[node].inputs:
            names[new[node]] = label
    follow(became, new)
    return with_roots(graph, new, names)
