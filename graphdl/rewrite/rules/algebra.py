"""Algebra: shorter forms of the same value. Only what is exact for NaN and infinities too.

So never 0·x → 0, x − x → 0 or x/x → 1. The sign of a zero is free.
"""

from __future__ import annotations

import math

from graphdl.core.graph import Node, rebuild
from graphdl.core.interpret import Sizes, evaluate
from graphdl.ops.arithmetic import where
from graphdl.ops.build import constant
from graphdl.ops.shape import broadcast_to
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.views import fit, scalar_constants

a, b, c, d, x, y = map(p.wild, "abcdxy")
k, n = p.number("k"), p.number("n")

_EXACT_CASTS = {("bool", t, "bool") for t in ("int32", "int64", "float32", "float64")} | {
    ("float32", "float64", "float32"),
    ("int32", "int64", "int32"),
    ("int32", "float64", "int32"),
}


def _value(node: Node) -> float:
    return node.attrs["value"].item()


def _fold(m: Match) -> Node | None:
    """The number that an operation on numbers gives."""
    if any(i.rank for i in m.root.inputs):
        return None
    values = [i.attrs["value"] for i in m.root.inputs]
    return constant(evaluate(m.root, values, Sizes()), m.root.dtype)


def _is_float(m: Match) -> bool:
    return m.root.type.is_float


def _negative(m: Match) -> bool:
    return _is_float(m) and _value(m.k) < 0


def _minus(number: Node) -> Node:
    return constant(-_value(number), number.dtype)


def _power_of_two(node: Node) -> bool:
    """Is it ±2ᵏ, far from where its reciprocal overflows? Then multiplying by either is exact."""
    fraction, exponent = math.frexp(_value(node))
    return node.type.is_float and abs(fraction) == 0.5 and abs(exponent) < 100


def _gathers(m: Match) -> bool:
    """k·(n·x) = (kn)·x exactly, and no infinity is lost: n·x cannot overflow where x does not."""
    return m.root.type.is_float and abs(_value(m.n)) <= 1 and _power_of_two(m.k)


def _chosen(m: Match) -> Node:
    return fit(m, m.a if _value(m.k) else m.b)


def _comes_back(m: Match) -> bool:
    inner = m.root.inputs[0]
    return (m.x.dtype, inner.dtype, m.root.dtype) in _EXACT_CASTS


def _truth(m: Match) -> bool:
    return m.c.dtype == "bool"


NUMBERS = [
    Rule(
        "numbers folded", p.Any_(scalar_constants), _fold,
        "2 + 3 = 5",
    ),
    Rule("x·1", x * 1, x, "x·1 = x"),
    Rule("x+0", x + 0, x, "x + 0 = x"),
    Rule("x−0", x - 0, x, "x − 0 = x"),
    Rule("x/1", x / 1, x, "x/1 = x"),
    Rule("x+(−k)", x + k, lambda m: m.x - _minus(m.k), "x + (−k) = x − k", guard=_negative),
    Rule("x−(−k)", x - k, lambda m: m.x + _minus(m.k), "x − (−k) = x + k", guard=_negative),
    Rule("x/2ᵏ", x / k, lambda m: m.x * constant(1 / _value(m.k), m.root.dtype),
         "x/2ᵏ = 2⁻ᵏ·x", guard=lambda m: _power_of_two(m.k)),
    Rule("k·(n·x)", k * (n * x), lambda m: constant(_value(m.k) * _value(m.n), m.root.dtype) * m.x,
         "k·(n·x) = (kn)·x where k = ±2ⁱ and |n| ≤ 1", guard=_gathers),
    Rule("x+x", x + x, lambda m: m.like(2) * m.x, "x + x = 2·x", guard=_is_float),
    Rule("x⁰", x**0, lambda m: broadcast_to(m.like(1), m.root.type.shape), "x⁰ = 1, of NaN too"),
    Rule("x¹", x**1, x, "x¹ = x"),
    Rule("x²", x**2, p.square(x), "x² = x·x"),
    Rule("x³", x**3, p.square(x) * x, "x³ = x·x·x"),
    Rule("x⁻¹", x**-1, 1 / x, "x⁻¹ = 1/x"),
]  # fmt: skip

#: One way to write signs and squares: the rules of every pass count on it.
FORMS = [
    Rule("x·x", x * x, p.square(x), "x·x = x²", guard=lambda m: m.root.dtype != "bool"),
    Rule("(−k)·x", x * k, lambda m: -(_minus(m.k) * m.x), "(−k)·x = −(k·x)", guard=_negative),
    Rule("x/(−k)", x / k, lambda m: -(m.x / _minus(m.k)), "x/(−k) = −(x/k)", guard=_negative),
    Rule("(−k)/x", k / x, lambda m: -(_minus(m.k) / m.x), "(−k)/x = −(k/x)", guard=_negative),
    Rule("0−x", 0 - x, -x, "0 − x = −x", guard=_is_float),
    Rule("−(−x)", p.negative(p.negative(x)), x, "−(−x) = x"),
    Rule("x+(−y)", x + -y, x - y, "x + (−y) = x − y"),
    Rule("x−(−y)", x - p.negative(y), x + y, "x − (−y) = x + y"),
    Rule("(−x)−y", -x - y, -(x + y), "−x − y = −(x + y)"),
    Rule("−(x−y)", -(x - y), y - x, "−(x − y) = y − x",
         guard=lambda m: m.context.users[m.root.inputs[0]] <= 1),
    Rule("(−x)·y", -x * y, -(x * y), "(−x)·y = −(x·y)"),
    Rule("(−x)/y", -x / y, -(x / y), "(−x)/y = −(x/y)"),
    Rule("x/(−y)", x / -y, -(x / y), "x/(−y) = −(x/y)"),
    Rule("Σ(−x)", p.sum_(-x), lambda m: -rebuild(m.root, (m.x,)), "Σ −x = −Σ x"),
    Rule("mean(−x)", p.mean(-x), lambda m: -rebuild(m.root, (m.x,)), "mean −x = −mean x"),
    Rule("square(−x)", p.square(-x), p.square(x), "(−x)² = x²"),
    Rule("|−x|", p.absolute(-x), p.absolute(x), "|−x| = |x|"),
]  # fmt: skip


CHOICES = [
    Rule("where(k, a, b)", p.where(k, a, b), _chosen, "where(true, a, b) = a"),
    Rule("where(c, x, x)", p.where(c, x, x), lambda m: fit(m, m.x), "where(c, x, x) = x"),
    Rule("where(¬c, a, b)", p.where(p.logical_not(c), a, b), p.where(c, b, a),
         "where(¬c, a, b) = where(c, b, a)"),
    Rule("where(c, where(c, a, d), b)", p.where(c, p.where(c, a, d), b),
         lambda m: fit(m, where(m.c, m.a, m.b)), "where(c, where(c, a, d), b) = where(c, a, b)"),
    Rule("where(c, a, where(c, d, b))", p.where(c, a, p.where(c, d, b)),
         lambda m: fit(m, where(m.c, m.a, m.b)), "where(c, a, where(c, d, b)) = where(c, a, b)"),
    Rule("max(x, x)", p.maximum(x, x), x, "max(x, x) = x"),
    Rule("min(x, x)", p.minimum(x, x), x, "min(x, x) = x"),
    Rule("x and x", p.logical_and(x, x), x, "x ∧ x = x"),
    Rule("x or x", p.logical_or(x, x), x, "x ∨ x = x"),
    Rule("¬¬x", p.logical_not(p.logical_not(x)), x, "¬¬x = x"),
    Rule("||x||", p.absolute(p.let("i", p.absolute(x))), lambda m: m.i, "||x|| = |x|"),
    Rule("square|x|", p.square(p.absolute(x)), p.square(x), "|x|² = x²"),
    Rule("relu∘relu", p.relu(p.let("i", p.relu(x))), lambda m: m.i, "relu(relu(x)) = relu(x)"),
    Rule("cast there and back", p.cast(p.cast(x)), x, "bool(float(x)) = x where nothing is lost",
         guard=_comes_back),
    Rule("cast(c) > 0", p.greater(p.cast(c), 0), c, "float(c) > 0 is c itself", guard=_truth),
]  # fmt: skip

ALGEBRA = [*NUMBERS, *FORMS, *CHOICES]
