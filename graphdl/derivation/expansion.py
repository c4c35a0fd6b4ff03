"""Each weight's derivative written out by itself: a sum over paths of products of single numbers.

P(u) counts the paths from the result to one element of u, M(u) the factors on all of them:
    P(u) = Σ P(c),   M(u) = Σ M(c) + P(c)·[∂c/∂u is no constant 1]
over the elements c that an element of u enters. A product of L factors takes L − 1 multiplications
and a sum of P terms P − 1 additions: together M − 1 operations for a weight. The factors themselves
are taken as known, for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphdl.core.graph import Node
from graphdl.core.sizes import Dim, divide
from graphdl.derivation.flops import Counter
from graphdl.differentiate.chain_rule import Cotangent, leads_to, sweep
from graphdl.ops.build import like

_UNIT = frozenset(["add", "sum", "sum_to", "concat", "cast"])  # and all that moves: factors of 1
_MIXES = frozenset(["softmax", "log_softmax", "logsumexp", "cumsum"])  # along an axis


@dataclass(frozen=True)
class Expansion:
    """All the weights together: operations and paths."""

    flops: Dim
    paths: Dim


def expansion(result: Node, weights: Iterable[Node], counter: Counter) -> Expansion:
    """The derivative of the result by each scalar of the weights, one after the other."""
    weights = list(weights)
    towards = leads_to(result, weights)
    paths: dict[Node, Dim] = {result: 1}  # to each element
    factors: dict[Node, Dim] = {result: 0}
    all_factors: dict[Node, Dim] = dict.fromkeys(weights, 0)  # of all elements together
    all_paths: Dim = 0
    seed = {result: Cotangent(like(result, 1.0))}
    for step in sweep(result, seed, towards):
        c = step.node
        for u, sent in zip(c.inputs, step.contributions, strict=True):
            if not isinstance(sent, Cotangent) or u not in towards:
                continue
            mine = factors[c] + paths[c] * _unlike_one(c)
            entered = _entered(c, u, counter)
            if u in all_factors:
                all_factors[u] = all_factors[u] + entered * mine
                all_paths = all_paths + entered * paths[c]
            each = divide(entered, counter.size(u)) or 1
            factors[u] = factors.get(u, 0) + each * mine
            paths[u] = paths.get(u, 0) + each * paths[c]
    flops: Dim = 0
    for w, count in all_factors.items():
        flops = flops + count - counter.size(w)
    return Expansion(flops, all_paths)


def _unlike_one(c: Node) -> int:
    return int(not (c.op.moves or c.op.name in _UNIT))


def _entered(c: Node, u: Node, counter: Counter) -> Dim:
    """How many pairs there are of an element of u and an element of c that it enters."""
    if c.op.name == "matmul":
        return counter.size(c) * counter.shape(c.inputs[0])[-1]
    if c.op.name in _MIXES:
        return counter.size(c) * counter.shape(u)[c.attrs["axis"]]
    reduces = c.op.name in ("sum", "mean", "max", "min", "prod", "sum_to", "concat", "place")
    return counter.size(u) if reduces or c.rank < u.rank else counter.size(c)
