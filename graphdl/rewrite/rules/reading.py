"""For the eye alone: forms that a person expects and no program runs.

These rules may change the last digits and trust that values are finite, so they are applied to a
copy of the simplified graph that is printed and never to one that is compiled.
"""

from __future__ import annotations

from graphdl.core.graph import Node
from graphdl.ops import arithmetic, entropy, index
from graphdl.ops.build import constant
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.algebra import ALGEBRA

a, c, d, w, x, y, z = map(p.wild, "acdwxyz")
k, n = p.number("k"), p.number("n")
one_hot = p.form(index.one_hot_op)


def _over_classes(m: Match) -> bool:
    """Is what is summed a one-hot row, along the axis of the classes?"""
    return m.total.attrs["axes"] == (m.hot.rank - 1,)


def _already_masked(m: Match) -> bool:
    """Is the product 0 wherever the condition fails, since one of its factors is selected by it?"""
    return any(_is_selected(f, m.c) for f in _linear_in(m.x))


def _linear_in(node: Node) -> list[Node]:
    """The factors of a product, from the outside in."""
    found, pending = [], [node]
    while pending:
        n = pending.pop()
        found.append(n)
        if n.op is arithmetic.mul_op:
            pending += n.inputs
        elif n.op in (arithmetic.neg_op, arithmetic.div_op):
            pending.append(n.inputs[0])
    return found


def _is_selected(node: Node, condition: Node) -> bool:
    return (
        node.op is arithmetic.where_op
        and node.inputs[0] is condition
        and node.inputs[2].op.name == "constant"
        and not node.inputs[2].attrs["value"].any()
    )


def _folded(m: Match) -> Node:
    return constant(m.k.attrs["value"] * m.n.attrs["value"], m.root.dtype) * m.x


READING = [
    *ALGEBRA,
    Rule("ŷ − y", p.form(entropy.bce_residual_op)(y, z), p.sigmoid(z) - y,
         "(1 − y)·σ(z) − y·σ(−z) = σ(z) − y"),
    Rule("ŷ − y, written out", (1 - y) * p.sigmoid(z) - y * p.sigmoid(p.negative(z)),
         p.sigmoid(z) - y, "(1 − y)·σ(z) − y·σ(−z) = σ(z) − y"),
    Rule("−((x − y)/a + w)", p.negative((x - y) / a + w), (y - x) / a - w,
         "−((x − y)/a + w) = (y − x)/a − w"),
    Rule("Σ of a one-hot row", x * p.let("total", p.sum_(p.let("hot", one_hot(d)))), x,
         "Σ over classes of 1 where the class is y is 1", guard=_over_classes),
    Rule("x·(1/a)", x * (1 / a), x / a, "x·(1/a) = x/a"),
    Rule("(x/a)·w", (1 / a * x) * w, (x * w) / a, "(1/a)·x·w = (x·w)/a"),
    Rule("(k/a)·x", (k / a) * x, (k * x) / a, "(k/a)·x = (k·x)/a"),
    Rule("(x/a)/k", (x / a) / k, lambda m: m.x / (m.k * m.a), "(x/a)/k = x/(k·a)"),
    Rule("(x/k)/a", (x / k) / a, lambda m: m.x / (m.k * m.a), "(x/k)/a = x/(k·a)"),
    Rule("k·(n·x), rounded", k * (n * x), _folded, "k·(n·x) = (kn)·x",
         guard=lambda m: m.root.type.is_float),
    Rule("where(c, x, 0) of 0", p.where(c, x, 0), x,
         "x is 0 already where c fails", guard=_already_masked),
]  # fmt: skip
