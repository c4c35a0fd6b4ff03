"""For the eye alone: forms that a person expects and no program runs.

These rules may change the last digits and trust that values are finite, so they are applied to a
copy of the simplified graph that is printed and never to one that is compiled.
"""

from __future__ import annotations

import functools
import math
import operator

from graphdl.core.graph import Node
from graphdl.ops import arithmetic, entropy, index
from graphdl.ops.build import is_one
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


_PRODUCTS = (arithmetic.mul_op, arithmetic.div_op)
Parts = tuple[list[float], list[Node]]  # the numbers and the other factors of a product


def _fraction(m: Match) -> tuple[Parts, Parts]:
    """What a product of products multiplies and what it divides by.

    What is used elsewhere as well stays whole.
    """
    above: Parts = ([], [])
    below: Parts = ([], [])
    pending = [(m.root, True)]
    while pending:
        node, up = pending.pop()
        numbers, factors = above if up else below
        if p.is_number(node):
            numbers.append(node.attrs["value"].item())
        elif node.op in _PRODUCTS and (node is m.root or m.context.users[node] <= 1):
            a, b = node.inputs
            pending += [(b, up == (node.op is arithmetic.mul_op)), (a, up)]
        else:
            factors.append(node)
    return above, below


def _shortened(above: list[float], below: list[float]) -> tuple[float, float]:
    """k/d of numbers: 0.5·2 is 1, 2/10 stays, 1/0.7 is one number."""
    k, d = math.prod(above), math.prod(below)
    whole = float(k).is_integer() and float(d).is_integer()
    return (k, d) if d == 0 or (whole and k % d) else (k / d, 1.0)


def _numbers_first(m: Match) -> Node | None:
    """k·a·b/(d·c): one number in front of what is multiplied, one in front of what divides."""
    (ups, above), (downs, below) = _fraction(m)
    if not m.root.type.is_float or len(ups) + len(downs) == 0 or not above:
        return None
    k, d = _shortened(ups, downs)
    made = _product(m, k, above)
    if below or d != 1:
        made = made / _product(m, d, below)
    return made


def _product(m: Match, number: float, factors: list[Node]) -> Node:
    if not factors:
        return m.like(number)
    product = functools.reduce(operator.mul, factors)
    return product if number == 1 else m.like(number) * product


READING = [
    *(rule for rule in ALGEBRA if rule.name != "numbers folded"),  # 1 − ε stays what it is
    Rule("ŷ − y", p.form(entropy.bce_residual_op)(y, z), p.sigmoid(z) - y,
         "(1 − y)·σ(z) − y·σ(−z) = σ(z) − y"),
    Rule("ŷ − y, written out", (1 - y) * p.sigmoid(z) - y * p.sigmoid(p.negative(z)),
         p.sigmoid(z) - y, "(1 − y)·σ(z) − y·σ(−z) = σ(z) − y"),
    Rule("−((x − y)/a + w)", p.negative((x - y) / a + w), (y - x) / a - w,
         "−((x − y)/a + w) = (y − x)/a − w"),
    Rule("Σ of a one-hot row", x * p.let("total", p.sum_(p.let("hot", one_hot(d)))), x,
         "Σ over classes of 1 where the class is y is 1", guard=_over_classes),
    Rule("x·1, repeated", x * y, x, "x·1 = x", guard=lambda m: is_one(m.y)),
    Rule("x·(1/a)", x * (1 / a), x / a, "x·(1/a) = x/a"),
    Rule("k·a·b/(d·c)", x * y, _numbers_first, "numbers first: a·k·b·n = (kn)·a·b"),
    Rule("k·a·b/(d·c), a quotient", x / y, _numbers_first, "numbers first: a·k/(c·d) = k·a/(d·c)"),
    Rule("where(c, x, 0) of 0", p.where(c, x, 0), x,
         "x is 0 already where c fails", guard=_already_masked),
]  # fmt: skip
