"""Weights without effect: the derivative of the loss along them is 0 whatever the values are.

For one weight w, every node v is given the factor c with which a step t of w moves it: v changes by
c·t, t being repeated along the axes in front of its own, to first order and for every t. Where that
form does not hold nothing is known (None). A loss with c = 0 does not feel w.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphdl.core.graph import Node, Variable, walk
from graphdl.core.op import ZERO
from graphdl.lint.finding import Finding, brief

Move = float | None  # the factor c; None: unknown

KEEP = ("named", "cast", "broadcast_to")  # repeat or keep the values
SHAPED = ("reshape", "expand_dims", "squeeze")
CENTRES = ("mean", "max", "min")  # of values that all move by t: moves by t
NORMALISED = ("softmax", "log_softmax")  # of a single number: always 1, or 0
SINGLE_CLASS = ("cce", "cce_logits")


def findings(result: Node, weights: Sequence[Variable], what: str) -> list[Finding]:
    """The weights that `result` (`what`: "the loss") does not depend on, with the reason."""
    order = walk([result])
    dead = {w: reason for w in weights if (reason := why_no_effect(result, w, order))}
    if weights and len(dead) == len(weights):
        return [_constant(dead, what)]
    return [
        Finding(
            "weight without effect", "error", w.name, f"its gradient is identically 0: {reason}",
            "leave the weight out (a bias before a normalisation: use_bias=False), or connect it",
        )
        for w, reason in dead.items()
    ]  # fmt: skip


def _constant(dead: dict[Variable, str], what: str) -> Finding:
    reasons = list(dict.fromkeys(dead.values()))
    return Finding(
        "constant loss", "error", what,
        f"every gradient is identically 0, so nothing can be learnt: {'; '.join(reasons)}",
        "for two classes use one sigmoid unit with binary_crossentropy, or two softmax units; "
        "otherwise let the loss depend on the weights",
    )  # fmt: skip


def why_no_effect(result: Node, w: Variable, order: Sequence[Node]) -> str | None:
    """Why the result does not depend on w; None where that is not proved."""
    moves: dict[Node, Move] = {}
    reason = "no path leads from it to the result"
    for node in order:
        moves[node] = 1.0 if node is w else _move(node, [moves[i] for i in node.inputs], w)
        if moves[node] == 0 and any(moves[i] != 0 for i in node.inputs):
            reason = _reason(node)
    return reason if moves[result] == 0 else None


def _move(node: Node, given: list[Move], w: Variable) -> Move:
    if all(c == 0 for c in given) or not node.type.is_float:
        return 0.0
    if _flat(node, given) or _one_class(node):
        return 0.0
    rule = RULES.get(node.op.name)
    return None if rule is None else rule(node, given, w.rank)


def _flat(node: Node, given: list[Move]) -> bool:
    """Is the derivative by every moving input 0 everywhere?"""
    if node.op.name == "stop_gradient" or not node.op.differentiable:
        return True
    if node.op.partials is None:
        return False
    sent = node.op.partials(node)
    return all(p in (ZERO, None) for p, c in zip(sent, given, strict=True) if c != 0)


def _one_class(node: Node) -> bool:
    name = node.op.name
    if name in NORMALISED:
        return node.shape[node.attrs["axis"]] == 1
    return name in SINGLE_CLASS and node.inputs[1].shape[-1] == 1


def _reason(node: Node) -> str:
    text, name = brief(node), node.op.name
    if name in NORMALISED or name in SINGLE_CLASS:
        return f"{name} over a single unit is the same number for every weight, in {text}"
    if name == "stop_gradient":
        return f"no gradient passes stop_gradient, in {text}"
    if name in ("sub", "add"):
        return f"both sides of {text} move by the same amount, so it stays"
    if name == "mul":
        return f"it is multiplied by 0, in {text}"
    return f"{name} has the derivative 0 everywhere, in {text}"


# ------------------------------------------------------------------ how a step passes an operation


def _add(node: Node, given: list[Move], rank: int) -> Move:
    a, b = given
    return None if a is None or b is None else a + b


def _sub(node: Node, given: list[Move], rank: int) -> Move:
    a, b = given
    return None if a is None or b is None else a - b


def _scaled(node: Node, given: list[Move], rank: int) -> Move:
    """times a constant: 0 whatever moves, any other where the factor is one number"""
    for value, moved in zip(node.inputs, reversed(given), strict=True):
        if value.op.name == "constant":
            number = value.attrs["value"]
            if not np.any(number):
                return 0.0
            if number.ndim == 0 and moved is not None:
                return moved * float(number)
    return None


def _same(node: Node, given: list[Move], rank: int) -> Move:
    return given[0]


def _reshaped(node: Node, given: list[Move], rank: int) -> Move:
    """Only axes in front of the weight's own may change."""
    a, b = node.inputs[0].shape, node.shape
    return given[0] if rank == 0 or a[-rank:] == b[-rank:] else None


def _centred(node: Node, given: list[Move], rank: int) -> Move:
    """Over axes along which all move by the same t."""
    lead = node.inputs[0].rank - rank
    return given[0] if all(axis < lead for axis in node.attrs["axes"]) else None


def _chosen(node: Node, given: list[Move], rank: int) -> Move:
    return given[1] if given[1] == given[2] else None


RULES: dict[str, Callable[[Node, list[Move], int], Move]] = {
    "add": _add,
    "sub": _sub,
    "neg": lambda node, given, rank: None if given[0] is None else -given[0],
    "mul": _scaled,
    "where": _chosen,
    **dict.fromkeys(KEEP, _same),
    **dict.fromkeys(SHAPED, _reshaped),
    **dict.fromkeys(CENTRES, _centred),
}
