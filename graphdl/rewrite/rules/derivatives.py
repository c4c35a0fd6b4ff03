"""Derivatives of the forms in `stability`, without the product that overflows."""

from __future__ import annotations

from graphdl.core.graph import Node, apply, rebuild
from graphdl.ops import arithmetic as a
from graphdl.ops import index, reduce, shape
from graphdl.ops.functions import sigmoid
from graphdl.ops.shape import broadcast_to, reshape
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.push import Cancel, Linear, Sigmoid, Softmax, is_one, push
from graphdl.rewrite.rules.views import fit

c, x, z = map(p.wild, "cxz")
e = p.let("e", p.exp(x))
g = p.let("g", p.sigmoid(z))
q = p.let("q", p.softmax(z))
h = p.let("h", p.exp(0.5 * x))
s = p.let("s", p.sigmoid(x))
t = p.let("t", p.sigmoid(-x))

#: c·σ′(z) and the derivative of softmax, as the sweep writes them.
SIGMOID_SLOPE = c * p.let("slope", g * (1 - g))
SOFTMAX_SLOPE = q * (c - p.let("total", p.sum_(c * q, keepdims=True)))


def along_its_axis(m: Match) -> bool:
    """Does the sum run along the axis of the softmax?"""
    return m.total.attrs["axes"] == (m.q.attrs["axis"],)


def _log_sigmoid(m: Match) -> Node | None:
    return push(m.c, Sigmoid(_quotient_by_sigmoid, m.g, m.z, m.slope))


def _quotient_by_sigmoid(ct: Node, to: Linear) -> Node | None:
    """(u/p)·p′ = u·σ(−z),  (u/(1−p))·p′ = u·p"""
    assert isinstance(to, Sigmoid)
    if ct.op is not a.div_op:
        return None
    u, divisor = ct.inputs
    if divisor is to.p:
        kept = sigmoid(p.negated(to.z))
    elif divisor.op is a.sub_op and divisor.inputs[1] is to.p and is_one(divisor.inputs[0]):
        kept = to.p
    else:
        return None
    return kept if is_one(u) else u * kept


def _log_softmax(m: Match) -> Node | None:
    return push(m.c, Softmax(_quotient_by_softmax, m, m.q, m.z))


def _quotient_by_softmax(ct: Node, to: Linear) -> Node | None:
    """u/p, where u may be a product of several factors and p may have been indexed."""
    assert isinstance(to, Softmax)
    u = _over(ct, to.p)
    if u is None and ct.op in _TAKEN:
        taken = _taken(ct, to.p)
        u = None if taken is None else _over(ct.inputs[0], taken)
        u = None if u is None else rebuild(ct, (_full(u, ct.inputs[0]), *ct.inputs[1:]))
    return None if u is None else to.of_quotient(u)


def _over(ct: Node, divisor: Node) -> Node | None:
    """u where ct = u/divisor."""
    return push(ct, Cancel(divisor)) if ct.op in (a.div_op, a.mul_op, a.neg_op) else None


def _full(u: Node, like: Node) -> Node:
    return broadcast_to(u, like.type.shape)


_TAKEN = (index.put_along_op, index.scatter_op, shape.place_op)


def _taken(ct: Node, source: Node) -> Node | None:
    """The elements of `source` that the places in ct come from."""
    if ct.op is shape.place_op:
        extents = ct.inputs[0].type.shape
        return shape.slice_(source, ct.attrs["starts"], extents, ct.attrs["steps"])
    take = index.take_along_op if ct.op is index.put_along_op else index.gather_op
    return apply(take, source, ct.inputs[1], axis=ct.attrs["axis"])


def _softmax_times(m: Match) -> Node | None:
    """(u/s)·eˣ, where s = Σeˣ has its axis still, or a reshape brought it back."""
    total = _divisor(m.c, m.e)
    if total is None or len(total.attrs["axes"]) != 1:
        return None
    u, (axis,) = push(m.c, Cancel(total)), total.attrs["axes"]
    kept = total.attrs["keepdims"] or m.e.rank == 1
    return None if u is None or not kept else u * apply(reduce.softmax_op, m.x, axis=axis)


def _softmax_of_rows(m: Match) -> Node | None:
    inner, shown = m.v.inputs[0], m.v.type.shape
    total = _divisor(inner, m.e)
    if total is None or len(total.attrs["axes"]) != 1 or total.attrs["keepdims"]:
        return None
    (axis,) = total.attrs["axes"]
    u = push(inner, Cancel(total))
    kept = tuple(1 if i == axis else d for i, d in enumerate(m.shape(m.e)))
    if u is None or m.shape(m.v) != kept:
        return None
    return reshape(_full(u, inner), shown) * apply(reduce.softmax_op, m.x, axis=axis)


def _written_out_softmax(m: Match) -> Node | None:
    """(u/s − Σ(w/s))·eˣ = p·(u − Σw) with s = Σeˣ and p = eˣ/s."""
    total = _divisor(m.c, m.e)
    if total is None or len(total.attrs["axes"]) != 1 or not total.attrs["keepdims"]:
        return None
    axes = total.attrs["axes"]
    u = push(m.c, Cancel(total, axes))
    return None if u is None else apply(reduce.softmax_op, m.x, axis=axes[0]) * u


def _divisor(ct: Node, e: Node) -> Node | None:
    """The Σeˣ that a term of ct is divided by."""
    todo = [(ct, 8)]
    while todo:
        node, depth = todo.pop()
        if node.op is a.div_op:
            total = node.inputs[1]
            if total.op is reduce.sum_op and total.inputs[0] is e:
                return total
        if depth and node.op in (a.neg_op, a.add_op, a.sub_op, a.mul_op, a.div_op):
            todo += [(i, depth - 1) for i in node.inputs]
    return None


DERIVATIVES = [
    Rule(
        "∇log∘sigmoid", SIGMOID_SLOPE, _log_sigmoid,
        "(u/p)·p(1−p) = u·σ(−z) and (u/(1−p))·p(1−p) = u·p, p = σ(z)",
        changes="where p underflows or rounds to 1 (0/0 and inf·0 gave NaN)",
    ),
    Rule(
        "∇log∘softmax", SOFTMAX_SLOPE, _log_softmax,
        "p⊙(u/p − Σ(u/p)⊙p) = u − p·Σu, p = softmax(z)",
        guard=along_its_axis,
        changes="where an element of p underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇softplus: σ(−x)·exp(x)", t * p.exp(x), p.sigmoid(x),
        "σ(−x)·eˣ = σ(x)",
        in_products=True,
        changes="where eˣ overflows and σ(−x) underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇softplus: σ(x)·exp(−x)", s * p.exp(-x), p.sigmoid(-x),
        "σ(x)·e⁻ˣ = σ(−x)",
        in_products=True,
        changes="where e⁻ˣ overflows and σ(x) underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇sigmoid: σ(x)²·exp(−x)", p.square(s) * p.exp(-x), s * (1 - s),
        "σ(x)²·e⁻ˣ = σ(x)·(1 − σ(x))",
        in_products=True,
        changes="where e⁻ˣ overflows and σ(x)² underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇sigmoid: σ(−x)²·exp(x)", p.square(t) * p.exp(x), t * (1 - t),
        "σ(−x)²·eˣ = σ(−x)·(1 − σ(−x))",
        in_products=True,
        changes="where eˣ overflows and σ(−x)² underflows (0·inf gave NaN)",
    ),
    Rule(
        "∇logsumexp", c * e, _softmax_times,
        "(u/Σeˣ)·eˣ = u·softmax(x)",
        changes="where an eˣ overflows or all underflow (0·inf and inf·0 gave NaN)",
    ),
    Rule(
        "∇logsumexp of rows", p.let("v", p.reshape(c)) * e, _softmax_of_rows,
        "(u/Σeˣ)·eˣ = u·softmax(x), the summed axis put back",
        changes="where an eˣ overflows or all underflow (0·inf and inf·0 gave NaN)",
    ),
    Rule(
        "∇(exp/Σexp)", c * e, _written_out_softmax,
        "(u/s − Σ(w/s))·eˣ = p·(u − Σw), s = Σeˣ, p = eˣ/s",
        changes="where an eˣ overflows or all underflow (0·inf and inf·0 gave NaN)",
    ),
    Rule(
        "∇√∘square", (0.5 / p.absolute(x)) * x, 0.5 * p.sign(x),
        "x/|x| = sign x",
        in_products=True,
        changes="at 0 (inf·0 gave NaN), where the subgradient 0 is taken; at ±inf (NaN)",
    ),
    Rule(
        "∇log∘square", (c / p.square(x)) * x, c / x,
        "(u/x²)·x = u/x",
        in_products=True,
        changes="where x² overflows or underflows",
    ),
    Rule(
        "∇√∘exp", (c / h) * p.exp(x), c * h,
        "(u/e^(x/2))·eˣ = u·e^(x/2)",
        in_products=True,
        changes="where eˣ overflows or underflows",
    ),
    Rule(
        "∇1/exp", (c / e) * e, lambda m: fit(m, m.c),
        "(u/eˣ)·eˣ = u",
        in_products=True,
        changes="where eˣ overflows or underflows (0·inf and inf·0 gave NaN)",
    ),
]  # fmt: skip
