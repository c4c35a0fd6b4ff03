"""Derivatives of the forms in `stability`, without the product that overflows."""

from __future__ import annotations

from collections.abc import Callable

from graphdl.core.graph import Node, rebuild
from graphdl.ops import arithmetic as a
from graphdl.ops import functions as f
from graphdl.ops import reduce
from graphdl.ops.build import like
from graphdl.ops.shape import broadcast_to, reshape
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.push import (
    Cancel,
    Exponential,
    Leaf,
    Linear,
    Sigmoid,
    Softmax,
    is_one,
    push,
    times,
)
from graphdl.rewrite.rules.views import seen

c, x, z = map(p.wild, "cxz")
g = p.let("g", p.sigmoid(z))
q = p.let("q", p.softmax(z))

#: c·σ′(z), the derivative of softmax as the sweep writes it, signs as they come out, and c·eˣ.
SIGMOID_SLOPE = c * p.let("slope", g * (1 - g))
_TOTAL = p.let("total", p.sum_(c * q, keepdims=True))
SOFTMAX_SLOPE, MINUS_SOFTMAX_SLOPE = q * (c - _TOTAL), q * (_TOTAL - c)
EXPONENTIAL = c * p.let("e", p.exp(x))


def along_its_axis(m: Match) -> bool:
    """Does the sum run along the axis of the softmax?"""
    return m.total.attrs["axes"] == (m.q.attrs["axis"],)


def through_sigmoid(leaf: Leaf) -> Callable[[Match], Node | None]:
    return lambda m: push(m.c, Sigmoid(leaf, m.g, m.z, m.slope))


def through_softmax(leaf: Leaf, sign: int = 1) -> Callable[[Match], Node | None]:
    def replacement(m: Match) -> Node | None:
        found = push(m.c, Softmax(leaf, m))
        return found if found is None or sign > 0 else p.negated(found)

    return replacement


def _through_exp(leaf: Leaf) -> Callable[[Match], Node | None]:
    return lambda m: push(m.c, Exponential(leaf, m.e, m.x))


def _quotient_by_sigmoid(ct: Node, to: Linear) -> Node | None:
    """(u/p)·p′ = u·σ(−z),  (u/(1−p))·p′ = u·p"""
    assert isinstance(to, Sigmoid)
    if ct.op is not a.div_op:
        return None
    u, divisor = ct.inputs
    if divisor is to.p:
        return times(u, f.sigmoid(p.negated(to.z)))
    if divisor.op is a.sub_op and divisor.inputs[1] is to.p and is_one(divisor.inputs[0]):
        return times(u, to.p)
    return None


def _quotient_by_softmax(ct: Node, to: Linear) -> Node | None:
    """u/p, where u may be a product of several factors and p may have been indexed."""
    assert isinstance(to, Softmax)
    u = _over(ct, to.p)
    return None if u is None else to.of_quotient(u)


def _over(ct: Node, divisor: Node) -> Node | None:
    """u where ct = u/divisor, or puts back in place what is u over a view of the divisor."""
    if ct.op in (a.div_op, a.mul_op, a.neg_op):
        return push(ct, Cancel(divisor))
    view = seen(ct, divisor)
    u = None if view is None else _over(ct.inputs[0], view)
    if u is None:
        return None
    return rebuild(ct, (broadcast_to(u, ct.inputs[0].type.shape), *ct.inputs[1:]))


# ------------------------------------------------------------------ c·eˣ


def _sigmoid_factor(ct: Node, to: Linear) -> Node | None:
    """σ(−x)·eˣ = σ(x)"""
    assert isinstance(to, Exponential)
    found = ct.op is f.sigmoid_op and ct.inputs[0] is p.negated(to.x)
    return f.sigmoid(to.x) if found else None


def _squared_sigmoid(ct: Node, to: Linear) -> Node | None:
    """σ(−x)²·eˣ = σ(−x)·(1 − σ(−x))"""
    if ct.op is not a.square_op or _sigmoid_factor(ct.inputs[0], to) is None:
        return None
    return ct.inputs[0] * (1 - ct.inputs[0])


def _reciprocal(ct: Node, to: Linear) -> Node | None:
    """(u/eˣ)·eˣ = u,  e⁻ˣ·eˣ = 1"""
    assert isinstance(to, Exponential)
    if ct.op is a.div_op and ct.inputs[1] is to.e:
        return broadcast_to(ct.inputs[0], ct.type.shape)
    if ct.op is f.exp_op and ct.inputs[0] is p.negated(to.x):
        return broadcast_to(like(ct, 1.0), ct.type.shape)
    return None


def _by_root(ct: Node, to: Linear) -> Node | None:
    """(u/e^(x/2))·eˣ = u·e^(x/2)"""
    assert isinstance(to, Exponential)
    half = f.exp(0.5 * to.x)
    return times(ct.inputs[0], half) if ct.op is a.div_op and ct.inputs[1] is half else None


def _by_twice_cosh(ct: Node, to: Linear) -> Node | None:
    """u/(eˣ + e⁻ˣ)·eˣ = u·σ(2x)"""
    assert isinstance(to, Exponential)
    if ct.op is not a.div_op or ct.inputs[1].op is not a.add_op or to.e not in ct.inputs[1].inputs:
        return None
    other = next((i for i in ct.inputs[1].inputs if i is not to.e), to.e)
    if other.op is not f.exp_op or other.inputs[0] is not p.negated(to.x):
        return None
    return times(ct.inputs[0], f.sigmoid(2 * to.x))


# ------------------------------------------------------------------ eˣ against 1/Σeˣ


def _softmax_times(m: Match) -> Node | None:
    """(u/s)·eˣ = u·softmax(x), s = Σeˣ"""
    s = _divisor(m.c, m.e)
    if s is None or not (s.attrs["keepdims"] or all(d == 1 for d in m.shape(s))):
        return None
    u = push(m.c, Cancel(s))
    return None if u is None else times(u, _share(m.x, s))


def _softmax_of_rows(m: Match) -> Node | None:
    """(u/s)·eˣ = u·softmax(x), where a reshape put back the axes that s = Σeˣ has lost."""
    view, part = m.v, m.v.inputs[0]
    s = _divisor(part, m.e)
    if s is None or s.attrs["keepdims"]:
        return None
    kept = tuple(1 if i in s.attrs["axes"] else d for i, d in enumerate(m.shape(m.e)))
    u = push(part, Cancel(s))
    if u is None or m.shape(view) != kept:
        return None
    return reshape(broadcast_to(u, part.type.shape), view.type.shape) * _share(m.x, s)


def _written_out_softmax(m: Match) -> Node | None:
    """(u/s − Σ(w/s))·eˣ = p·(u − Σw) with s = Σeˣ and p = eˣ/s."""
    s = _divisor(m.c, m.e)
    if s is None or not s.attrs["keepdims"]:
        return None
    u = push(m.c, Cancel(s, s.attrs["axes"]))
    return None if u is None else _share(m.x, s) * u


def _divisor(ct: Node, e: Node) -> Node | None:
    """The sum or mean of eˣ that a term of ct is divided by."""
    todo = [(ct, 8)]
    while todo:
        node, depth = todo.pop()
        if node.op is a.div_op:
            s = node.inputs[1]
            if s.op in (reduce.sum_op, reduce.mean_op) and s.inputs[0] is e:
                return s
        if depth and node.op in (a.neg_op, a.add_op, a.sub_op, a.mul_op, a.div_op):
            todo += [(i, depth - 1) for i in node.inputs]
    return None


def _share(x: Node, s: Node) -> Node:
    """eˣ/s for the sum or mean s of eˣ along some axes."""
    axes = s.attrs["axes"]
    if len(axes) == 1:
        share = reduce.softmax(x, axes[0])
    else:
        share = f.exp(x - reduce.logsumexp(x, axes, keepdims=True))
    return share if s.op is reduce.sum_op else reduce.size_of(x, axes) * share


_OVERFLOWS = "where eˣ overflows or underflows (0·inf and inf·0 gave NaN)"
_SUMS = "where an eˣ overflows or all underflow (0·inf and inf·0 gave NaN)"

DERIVATIVES = [
    Rule(
        "∇log∘sigmoid", SIGMOID_SLOPE, through_sigmoid(_quotient_by_sigmoid),
        "(u/p)·p(1−p) = u·σ(−z) and (u/(1−p))·p(1−p) = u·p, p = σ(z)",
        changes="where p underflows or rounds to 1 (0/0 and inf·0 gave NaN)",
    ),
    Rule(
        "∇log∘softmax", SOFTMAX_SLOPE, through_softmax(_quotient_by_softmax),
        "p⊙(u/p − Σ(u/p)⊙p) = u − p·Σu, p = softmax(z)",
        guard=along_its_axis,
        changes="where an element of p underflows (0·inf gave NaN)",
    ),
    Rule(
        "−∇log∘softmax", MINUS_SOFTMAX_SLOPE, through_softmax(_quotient_by_softmax, -1),
        "p⊙(Σ(u/p)⊙p − u/p) = p·Σu − u, p = softmax(z)",
        guard=along_its_axis,
        changes="where an element of p underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇softplus", EXPONENTIAL, _through_exp(_sigmoid_factor),
        "σ(−x)·eˣ = σ(x)", changes=_OVERFLOWS,
    ),
    Rule(
        "∇sigmoid", EXPONENTIAL, _through_exp(_squared_sigmoid),
        "σ(−x)²·eˣ = σ(−x)·(1 − σ(−x))", changes=_OVERFLOWS,
    ),
    Rule(
        "∇tanh", EXPONENTIAL, _through_exp(_by_twice_cosh),
        "u/(eˣ + e⁻ˣ)·eˣ = u·σ(2x)", changes=_OVERFLOWS,
    ),
    Rule(
        "∇1/exp", EXPONENTIAL, _through_exp(_reciprocal),
        "(u/eˣ)·eˣ = u, e⁻ˣ·eˣ = 1", changes=_OVERFLOWS,
    ),
    Rule(
        "∇√∘exp", EXPONENTIAL, _through_exp(_by_root),
        "(u/e^(x/2))·eˣ = u·e^(x/2)", changes=_OVERFLOWS,
    ),
    Rule(
        "∇logsumexp", EXPONENTIAL, _softmax_times,
        "(u/Σeˣ)·eˣ = u·softmax(x)", changes=_SUMS,
    ),
    Rule(
        "∇logsumexp of rows", p.let("v", p.reshape(c)) * p.let("e", p.exp(x)), _softmax_of_rows,
        "(u/Σeˣ)·eˣ = u·softmax(x), the summed axis put back", changes=_SUMS,
    ),
    Rule(
        "∇(exp/Σexp)", EXPONENTIAL, _written_out_softmax,
        "(u/s − Σ(w/s))·eˣ = p·(u − Σw), s = Σeˣ, p = eˣ/s", changes=_SUMS,
    ),
    Rule(
        "∇√∘square: (½/|x|)·x", (0.5 / p.absolute(x)) * x, 0.5 * p.sign(x),
        "x/|x| = sign x",
        in_products=True,
        changes="at 0 (inf·0 gave NaN), where the subgradient 0 is taken; at ±inf (NaN)",
    ),
    Rule(
        "∇√∘square: (½/|x|)·2x", (0.5 / p.absolute(x)) * (2 * x), p.sign(x),
        "2x/(2|x|) = sign x",
        in_products=True,
        changes="at 0 (inf·0 gave NaN), where the subgradient 0 is taken; at ±inf (NaN)",
    ),
    Rule(
        "∇log∘square: (u/x²)·x", (c / p.square(x)) * x, c / x,
        "(u/x²)·x = u/x",
        in_products=True,
        changes="where x² overflows or underflows",
    ),
    Rule(
        "∇log∘square: (u/x²)·2x", (c / p.square(x)) * (2 * x), (2 * c) / x,
        "(u/x²)·2x = 2u/x",
        in_products=True,
        changes="where x² overflows or underflows",
    ),
]  # fmt: skip
