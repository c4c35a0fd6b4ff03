"""The usual slips, tried out in numbers: the gradient as it would be with this very slip.

A slip changes what one factor sends on. The changed sweep is run again in the examples; where its
gradient is the student's, the slip is found, whatever form the formula has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from graphdl.core.errors import GraphdlError
from graphdl.core.graph import Node
from graphdl.derivation.grading.examples import Example, Examples, arrived_and_sent
from graphdl.derivation.grading.match import Arrays, ratio, scale_between
from graphdl.derivation.record import Factor
from graphdl.differentiate.chain_rule import Step

Sent = Callable[[Example, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class Slip:
    """What is wrong, in words; `sent` is what the factor then sends on."""

    reason: str
    hint: str
    sent: Sent


def slips_of(factor: Factor, examples: Examples) -> Iterator[Slip]:
    """What people do wrong with a factor ∂v/∂u."""
    words = examples.vocabulary
    name, (v, u) = words.factor(factor), words.quotient(factor)
    arriving = [f for f in examples.derivation.factors if f.wrt is factor.wrt]
    rule = f" It comes from {factor.rule}." if factor.rule else ""
    yield Slip(f"the factor {name} is missing", f"Put {name} in.{rule}", _left_out)
    if len(factor.passes) > 1:
        for step in factor.passes:
            yield from _slips_within(factor, step, examples)
    if len(arriving) > 1:
        paths = ", ".join(words.quotient(f)[0] for f in arriving)
        yield Slip(
            f"the path through {name} is missing",
            f"{u} reaches {paths}: what arrives on each of these paths is added up.",
            lambda e, ct: np.zeros_like(e.after[_index(e, factor)]),
        )
    for there, instead in ((factor.wrt, factor.node), (factor.node, factor.wrt)):
        a, b = (v, u) if there is factor.wrt else (u, v)
        yield Slip(
            f"in {name} the value {a} stands where {b} is due",
            f"{name} is taken at {b}: mind which is before and which behind the activation.",
            lambda e, ct, t=there, i=instead: _with(e, factor, ct, t, i),
        )
    if factor.local.kind == "times":
        yield Slip(
            f"{name} is in it twice",
            "What stands before it may hold it already, as ŷ − y holds the derivative of the sigmoid.",
            lambda e, ct: _times(e.sent(factor, ct), e.local[_index(e, factor)]),
        )
    yield Slip(
        f"the sign of {name} is turned",
        f"Derive {name} again and mind the signs.",
        lambda e, ct: -e.sent(factor, ct),
    )
    yield Slip(
        f"in {name} the function stands where its derivative is due",
        f"Differentiate: {name}, not {v}.",
        lambda e, ct: _times(ct, e.forward(factor.node)),
    )
    if factor.local.kind in ("left", "right"):
        yield Slip(
            f"{name} is to be transposed",
            "The shapes of the product say on which side it stands, and whether transposed.",
            lambda e, ct: _transposed(e, factor, ct),
        )
    if factor.local.kind == "left":
        yield Slip(
            f"{name} stands on the wrong side", "The order of a product of matrices matters.",
            lambda e, ct: _other_side(e, factor, ct),
        )  # fmt: skip


def _slips_within(factor: Factor, step: Step, examples: Examples) -> Iterator[Slip]:
    """What goes wrong with one of the operations between v and u."""
    words = examples.vocabulary
    name, (v, u) = words.factor(factor), words.quotient(factor)
    what = _what(step, examples)
    hint = f"{v} depends on {u} through {factor.rule}: each of them gives one factor."
    yield Slip(f"in {name} {what} is missing", hint, lambda e, ct: e.skipping(factor, step, ct))
    yield Slip(f"in {name} {what} is there twice", hint, lambda e, ct: _twice(e, factor, step, ct))
    if len(step.node.inputs) == 1:
        yield Slip(
            f"in {name} {step.node.op.name} itself stands where its derivative is due",
            f"Differentiate {step.node.op.name}.",
            lambda e, ct: e.skipping(factor, step, ct, times=step.node),
        )


def _twice(example: Example, factor: Factor, step: Step, ct: np.ndarray) -> np.ndarray | None:
    """What the factor sends on, times what one step of it multiplies by."""
    arrived, *sent = (example.inner[n] for n in arrived_and_sent(step))
    sent = [a for a in sent if a.shape == arrived.shape == ct.shape]
    if len(sent) != 1 or not arrived.all():
        return None
    return _times(example.sent(factor, ct), sent[0] / arrived)


def _what(step: Step, examples: Examples) -> str:
    """The part of a factor that a step of the sweep makes: the other side of a product, or g′."""
    others = [i for i in step.node.inputs if i in examples.vocabulary.pen.names]
    if step.node.op.name in ("mul", "matmul") and len(others) == 1:
        return f"the factor {examples.vocabulary.pen.name(others[0])}"
    return f"the derivative of {step.node.op.name}"


def _index(example: Example, factor: Factor) -> int:
    return example.examples.derivation.factors.index(factor)


def _left_out(example: Example, cotangent: np.ndarray) -> np.ndarray:
    return cotangent


def _times(cotangent: np.ndarray, value: np.ndarray | None) -> np.ndarray | None:
    fits = value is not None and value.shape == cotangent.shape
    return cotangent * value if fits else None


def _with(
    example: Example, factor: Factor, ct: np.ndarray, there: Node, instead: Node
) -> np.ndarray | None:
    """What is sent when the value of one name stands for that of the other."""
    a, b = example.forward(there), example.forward(instead)
    if a is None or b is None or a.shape != b.shape:
        return None
    return example.sent(factor, ct, {there: b})


def _transposed(example: Example, factor: Factor, ct: np.ndarray) -> np.ndarray | None:
    matrix = example.local[_index(example, factor)]
    if matrix is None or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return None
    return ct @ matrix.T if factor.local.kind == "right" else matrix.T @ ct


def _other_side(example: Example, factor: Factor, ct: np.ndarray) -> np.ndarray | None:
    """(xᵀδ)ᵀ: the product in the other order, which is the transposed where it fits."""
    matrix = example.local[_index(example, factor)]
    return None if matrix is None or matrix.ndim != 2 else (matrix @ ct).T


def gradient_with(example: Example, changed: Factor, sent: Sent) -> np.ndarray | None:
    """∂J/∂w when one factor sends on something else; None where shapes no longer fit."""
    derivation = example.examples.derivation
    flow = {derivation.result: np.ones(())}
    touched = {changed.wrt}
    for index, factor in enumerate(derivation.factors):
        ct = flow[factor.node]
        part: np.ndarray | None
        if factor is changed:
            part = sent(example, ct)
        elif factor.node in touched:
            part = example.sent(factor, ct)
        else:
            part = example.after[index]
        if part is None or part.shape != example.after[index].shape:
            return None
        if factor.node in touched:
            touched.add(factor.wrt)
        flow[factor.wrt] = flow[factor.wrt] + part if factor.wrt in flow else part
    return flow.get(derivation.wrt)


def find(factor: Factor, student: Arrays, examples: Examples, exact: bool) -> Slip | None:
    """The slip in this factor that gives the student's gradient, or else a constant times it."""
    for slip in slips_of(factor, examples):
        first = _tried(examples.all[0], factor, slip)
        number = None if first is None else ratio(student[0], first)
        if number is None or (exact and abs(number - 1) > 1e-8):
            continue
        predicted = [_tried(e, factor, slip) for e in examples.all[: len(student)]]
        scale = scale_between(student, [p for p in predicted if p is not None], examples)
        if scale is not None and (scale.exact or not exact):
            return slip
    return None


def _tried(example: Example, factor: Factor, slip: Slip) -> np.ndarray | None:
    try:
        return gradient_with(example, factor, slip.sent)
    except (GraphdlError, ValueError):  # shapes that do not fit: then it is not this slip
        return None
