"""A loss on the output of a sigmoid or softmax, and its derivative, computed from the logits."""

from __future__ import annotations

from collections.abc import Callable

from graphdl.core.graph import Node, apply
from graphdl.ops import entropy, functions, surprisal
from graphdl.ops.arithmetic import clip_op, div_op
from graphdl.ops.build import like
from graphdl.ops.reduce import log_softmax
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.derivatives import (
    MINUS_SOFTMAX_SLOPE,
    SIGMOID_SLOPE,
    SOFTMAX_SLOPE,
    along_its_axis,
    through_sigmoid,
    through_softmax,
)
from graphdl.rewrite.rules.push import Linear, Sigmoid, Softmax, push
from graphdl.rewrite.rules.views import VIEWS, same_view, source

y, z = p.wild("y"), p.wild("z")


def _bce_of_view(m: Match) -> Node:
    logits = source(m.v).inputs[0]
    return apply(entropy.bce_logits_op, m.y, same_view(m.v, logits))


def _is_view_of_sigmoid(m: Match) -> bool:
    return m.v.op in VIEWS and source(m.v).op is functions.sigmoid_op


def _along_last_axis(m: Match) -> bool:
    return m.q.attrs["axis"] == m.q.rank - 1 and m.y.rank == m.q.rank


def _bce_slope(ct: Node, to: Linear) -> Node | None:
    """bce′(y, p)·p′ = p − y"""
    assert isinstance(to, Sigmoid)
    if ct.op is entropy.bce_slope_op and ct.inputs[1] is to.p:
        return apply(entropy.bce_residual_op, ct.inputs[0], to.z)
    return None


def _cce_slope(ct: Node, to: Linear) -> Node | None:
    """The derivative of softmax on cce′(y, p): p·Σy − y"""
    assert isinstance(to, Softmax)
    if ct.op is entropy.cce_slope_op and ct.inputs[1] is to.p and to.axis == to.p.rank - 1:
        return entropy.cce_residual(ct.inputs[0], to.z)
    return None


def _surprisal_of_softmax(m: Match) -> Node:
    return p.negated(log_softmax(m.z, m.q.attrs["axis"]))


def _surprisal_slope(ct: Node, to: Linear) -> Node | None:
    """surprisal′(p)·p′ = −(1 − p)"""
    assert isinstance(to, Sigmoid)
    if ct.op is surprisal.surprisal_slope_op and ct.inputs[0] is to.p:
        return p.negated(functions.sigmoid(p.negated(to.z)))
    return None


def _surprisal_slope_of_classes(ct: Node, to: Linear) -> Node | None:
    """The derivative of softmax on u·surprisal′(p): p·Σu − u"""
    assert isinstance(to, Softmax)
    u = push(ct, Linear(lambda part, _: _minus_one(part, to.p)))
    return None if u is None else to.of_quotient(u)


def _minus_one(ct: Node, probability: Node) -> Node | None:
    """p·surprisal′(p)"""
    found = ct.op is surprisal.surprisal_slope_op and ct.inputs[0] is probability
    return like(ct, -1.0) if found else None


def _merged(replacement: Callable[[Match], Node | None], name: str) -> Callable:
    """Not where the slope has been differentiated as it stood: all derivatives are merged, or none.

    (`differentiate/merged.py` merges before that wherever these rules fit.)
    """

    def checked(m: Match) -> Node | None:
        found = replacement(m)
        return None if found is None or _is_clipped(m, getattr(m, name)) else found

    return checked


def _is_clipped(m: Match, probability: Node) -> bool:
    """Does the graph clip the probability, as the derivative of a slope does?"""
    clips = (n.inputs[0] for n in m.context.nodes if n.op is clip_op)
    return any(source(n.inputs[0] if n.op is div_op else n) is probability for n in clips)


_CLIP = "where p is clipped to [1e-7, 1 − 1e-7]"
_FLOOR = "where p is clipped to [1e-7, 1]"

LOSSES = [
    Rule(
        "bce∘sigmoid", p.bce(y, p.sigmoid(z)), p.bce_logits(y, z),
        "bce(y, σ(z)) = max(z, 0) − z·y + log(1 + e^−|z|)",
        changes=_CLIP,
    ),
    Rule(
        "bce∘view∘sigmoid", p.bce(y, p.wild("v")), _bce_of_view,
        "bce(y, view σ(z)) = bce from the logits view(z)",
        guard=_is_view_of_sigmoid,
        changes=_CLIP,
    ),
    Rule(
        "cce∘softmax", p.cce(y, p.let("q", p.softmax(z))), p.cce_logits(y, z),
        "cce(y, softmax(z)) = Σ y·(log Σ eᶻ − z)",
        guard=_along_last_axis,
        changes=_CLIP,
    ),
    Rule(
        "bce∘sigmoid: δ = ŷ − y", SIGMOID_SLOPE, _merged(through_sigmoid(_bce_slope), "g"),
        "bce′(y, ŷ)·ŷ(1−ŷ) = ŷ − y, ŷ = σ(z)",
        changes=f"{_CLIP}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "cce∘softmax: δ = ŷ·Σy − y", SOFTMAX_SLOPE, _merged(through_softmax(_cce_slope), "q"),
        "ŷ⊙(cce′ − Σ cce′⊙ŷ) = ŷ·Σy − y, ŷ = softmax(z)",
        guard=along_its_axis,
        changes=f"{_CLIP}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "cce∘softmax: −δ = y − ŷ·Σy", MINUS_SOFTMAX_SLOPE,
        _merged(through_softmax(_cce_slope, -1), "q"),
        "ŷ⊙(Σ cce′⊙ŷ − cce′) = y − ŷ·Σy, ŷ = softmax(z)",
        guard=along_its_axis,
        changes=f"{_CLIP}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "surprisal∘sigmoid", p.surprisal(p.sigmoid(z)), p.softplus(-z),
        "−log σ(z) = softplus(−z)",
        changes=_FLOOR,
    ),
    Rule(
        "surprisal∘softmax", p.surprisal(p.let("q", p.softmax(z))), _surprisal_of_softmax,
        "−log softmax(z) = log Σ eᶻ − z",
        changes=_FLOOR,
    ),
    Rule(
        "class surprisal∘softmax", p.class_surprisal(p.let("q", p.softmax(z))),
        _surprisal_of_softmax,
        "−log softmax(z) = log Σ eᶻ − z",
        guard=lambda m: m.q.attrs["axis"] == m.q.rank - 1,
        changes=_CLIP,
    ),
    Rule(
        "∇surprisal∘sigmoid", SIGMOID_SLOPE, _merged(through_sigmoid(_surprisal_slope), "g"),
        "surprisal′(p)·p(1−p) = −σ(−z), p = σ(z)",
        changes=f"{_FLOOR}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "∇surprisal∘softmax", SOFTMAX_SLOPE,
        _merged(through_softmax(_surprisal_slope_of_classes), "q"),
        "p⊙(u·surprisal′ − Σ u·surprisal′⊙p) = p·Σu − u, p = softmax(z)",
        guard=along_its_axis,
        changes=f"{_FLOOR}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "−∇surprisal∘softmax", MINUS_SOFTMAX_SLOPE,
        _merged(through_softmax(_surprisal_slope_of_classes, -1), "q"),
        "p⊙(Σ u·surprisal′⊙p − u·surprisal′) = u − p·Σu, p = softmax(z)",
        guard=along_its_axis,
        changes=f"{_FLOOR}: the derivative of the clip, 0, becomes that of the formula",
    ),
]  # fmt: skip
