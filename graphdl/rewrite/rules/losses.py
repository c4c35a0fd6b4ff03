"""A loss on the output of a sigmoid or softmax, and its derivative, computed from the logits."""

from __future__ import annotations

from graphdl.core.graph import Node, apply
from graphdl.ops import entropy
from graphdl.ops.shape import reshape
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.derivatives import SIGMOID_SLOPE, SOFTMAX_SLOPE, along_its_axis
from graphdl.rewrite.rules.push import Linear, Sigmoid, Softmax, push

y, z = p.wild("y"), p.wild("z")


def _bce_of_view(m: Match) -> Node:
    return apply(entropy.bce_logits_op, m.y, reshape(m.z, m.v.type.shape))


def _along_last_axis(m: Match) -> bool:
    return m.q.attrs["axis"] == m.q.rank - 1 and m.y.rank == m.q.rank


def _bce_gradient(m: Match) -> Node | None:
    return push(m.c, Sigmoid(_bce_slope, m.g, m.z, m.slope))


def _bce_slope(ct: Node, to: Linear) -> Node | None:
    """bce′(y, p)·p′ = p − y"""
    assert isinstance(to, Sigmoid)
    if ct.op is entropy.bce_slope_op and ct.inputs[1] is to.p:
        return apply(entropy.bce_residual_op, ct.inputs[0], to.z)
    return None


def _cce_gradient(m: Match) -> Node | None:
    return push(m.c, Softmax(_cce_slope, m, m.q, m.z))


def _cce_slope(ct: Node, to: Linear) -> Node | None:
    """The derivative of softmax on cce′(y, p): p·Σy − y"""
    assert isinstance(to, Softmax)
    if ct.op is entropy.cce_slope_op and ct.inputs[1] is to.p and to.axis == to.p.rank - 1:
        return entropy.cce_residual(ct.inputs[0], to.z)
    return None


_CLIP = "where p is clipped to [1e-7, 1 − 1e-7]"

LOSSES = [
    Rule(
        "bce∘sigmoid", p.bce(y, p.sigmoid(z)), p.bce_logits(y, z),
        "bce(y, σ(z)) = max(z, 0) − z·y + log(1 + e^−|z|)",
        changes=_CLIP,
    ),
    Rule(
        "bce∘view∘sigmoid", p.bce(y, p.let("v", p.reshape(p.sigmoid(z)))), _bce_of_view,
        "bce(y, view σ(z)) = bce from the logits view(z)",
        changes=_CLIP,
    ),
    Rule(
        "cce∘softmax", p.cce(y, p.let("q", p.softmax(z))), p.cce_logits(y, z),
        "cce(y, softmax(z)) = Σ y·(log Σ eᶻ − z)",
        guard=_along_last_axis,
        changes=_CLIP,
    ),
    Rule(
        "bce∘sigmoid: δ = ŷ − y", SIGMOID_SLOPE, _bce_gradient,
        "bce′(y, ŷ)·ŷ(1−ŷ) = ŷ − y, ŷ = σ(z)",
        changes=f"{_CLIP}: the derivative of the clip, 0, becomes that of the formula",
    ),
    Rule(
        "cce∘softmax: δ = ŷ·Σy − y", SOFTMAX_SLOPE, _cce_gradient,
        "ŷ⊙(cce′ − Σ cce′⊙ŷ) = ŷ·Σy − y, ŷ = softmax(z)",
        guard=along_its_axis,
        changes=f"{_CLIP}: the derivative of the clip, 0, becomes that of the formula",
    ),
]  # fmt: skip
