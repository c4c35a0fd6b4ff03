"""Why a formula is not the gradient: the first factor that is wrong, and the slip if it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.parts import Formula
from graphdl.derivation.grading import slips
from graphdl.derivation.grading.examples import Examples
from graphdl.derivation.grading.match import (
    USED,
    Arrays,
    Scale,
    Student,
    scale_between,
    without_units,
)
from graphdl.derivation.record import Factor


@dataclass(frozen=True)
class Finding:
    """The first wrong factor (or None), what is wrong, and what to look at again."""

    factor: Factor | None
    reason: str
    hint: str = ""


def diagnose(formula: Formula, values: Arrays | None, error: str, examples: Examples) -> Finding:
    """What is wrong with a formula of these values in the examples; `error` if it has none."""
    try:
        student = Student(formula, examples)
    except FormulaError as failed:  # already a definition does not fit
        return Finding(None, str(failed))
    if values is None:
        return _misfit(student, error)
    used, truth = values[:USED], [e.gradient for e in student.used]
    scale = scale_between(used, truth, examples)
    if scale is not None:
        return _scaled(student, scale)
    return (
        _unsummed(student, used, truth)
        or _turned(student, used, truth)
        or _update(student, used, truth)
        or _slip(student, used)
        or _unknown(student, used)
    )


# ------------------------------------------------------------------------- the place


def first_wrong(student: Student, exact: bool) -> Factor:
    """The first factor, in the order of the sweep, whose result does not occur in the formula.

    What occurs vouches for all that leads to it. `exact` asks for the very value, else a constant
    times it will do.
    """
    derivation = student.examples.derivation
    right = {derivation.result}
    for node in derivation.cotangents:
        scale = student.scale_of([e.cotangents[node] for e in student.used])
        if node is not derivation.wrt and scale is not None and (scale.exact or not exact):
            right.add(node)
    for factor in reversed(derivation.factors):
        if factor.wrt in right or _within(student, factor, exact):
            right.add(factor.node)
    wrong = [f for f in derivation.factors if f.wrt not in right] or [derivation.factors[-1]]
    same = [f for f in wrong if f.wrt is wrong[0].wrt]
    return next((f for f in same if not _occurs(student, f)), wrong[0])


def _within(student: Student, factor: Factor, exact: bool) -> bool:
    """Does a cotangent between v and u, which have names, occur: then ∂J/∂v is right."""
    inner = [s.cotangent.value for s in factor.passes if s.cotangent.value is not factor.before]
    for node in inner:
        scale = student.scale_of([e.inner[node] for e in student.used])
        if scale is not None and (scale.exact or not exact):
            return True
    return False


def _occurs(student: Student, factor: Factor) -> bool:
    """Does what the factor sends on occur in the formula?"""
    index = student.examples.derivation.factors.index(factor)
    return student.scale_of([e.after[index] for e in student.used]) is not None


def _name(student: Student, factor: Factor) -> str:
    return student.examples.vocabulary.factor(factor)


def _asked(student: Student) -> str:
    """∂J/∂w"""
    words = student.examples.vocabulary
    return words.total(words.derivation.wrt)


# --------------------------------------------------------------------- the usual slips


def _misfit(student: Student, error: str) -> Finding:
    """The shapes of the formula do not fit."""
    factor = first_wrong(student, exact=False)
    sizes = student.examples.vocabulary
    names = ", ".join(
        f"{name} {student.used[0].values.shape(array)}"
        for name, array in student.used[0].values.names.items()
        if name in sizes.nodes
    )
    return Finding(factor, error, f"The shapes are {names}.")


def _scaled(student: Student, scale: Scale) -> Finding:
    """A constant times the gradient."""
    factor, asked = first_wrong(student, exact=True), _asked(student)
    if scale.size:
        return Finding(factor, *_size_words(scale, asked))
    number = scale.number
    if abs(number + 1) < 1e-8:
        hint = "Mind the order in a difference: ŷ − y, or y − ŷ?"
        return Finding(factor, f"all is right but the sign: this is −{asked}", hint)
    if -1 < number < 0:
        return Finding(
            None,
            f"this is {number:.6g} times {asked}, as in an update",
            "The update is w ← w − η·∂J/∂w; asked is the gradient, without −η.",
        )
    reason = f"this is {number:.6g} times {asked}: a constant factor is missing or too much"
    return Finding(factor, reason, "Mind the 2 of a square and the number of outputs in a mean.")


def _size_words(scale: Scale, asked: str) -> tuple[str, str]:
    times = "" if abs(scale.number - 1) < 1e-8 else f"{scale.number:.6g}·"
    if scale.power > 0:
        return (
            f"the 1/{scale.size} is forgotten: this is {times}{scale.size} times {asked}",
            f"J is a mean over {scale.size} examples, so 1/{scale.size} is a factor of ∂J/∂ŷ.",
        )
    return (
        f"it is divided by {scale.size} once too often: this is {times}1/{scale.size} of {asked}",
        f"Sum over the examples; the mean has its 1/{scale.size} in ∂J/∂ŷ already.",
    )


def _unsummed(student: Student, used: Arrays, truth: Arrays) -> Finding | None:
    """The gradient of each example, where their sum is asked for."""
    if not used[0].ndim or used[0].shape == truth[0].shape:
        return None
    summed = [u.sum(axis=0) for u in used]
    if summed[0].size == truth[0].size:  # a column of weights
        summed = [s.reshape(t.shape) for s, t in zip(summed, truth, strict=True)]
    if scale_between(summed, truth, student.examples) is None:
        return None
    shape = student.used[0].values.shape
    return Finding(
        student.examples.derivation.factors[-1],
        f"it is not summed over the examples: this is {shape(used[0])}, "
        f"{_asked(student)} is {shape(truth[0])}",
        "Every example uses the same weight, so what they contribute is added up: sum(…, axis=0).",
    )


def _turned(student: Student, used: Arrays, truth: Arrays) -> Finding | None:
    """The transposed of the gradient."""
    if used[0].ndim != 2 or scale_between([u.T for u in used], truth, student.examples) is None:
        return None
    shape = student.used[0].values.shape
    reason = f"this is the transposed of {_asked(student)}: {shape(used[0])} for {shape(truth[0])}"
    hint = "A gradient has the shape of its weight: write (…)ᵀ, or exchange and transpose."
    return Finding(student.examples.derivation.factors[-1], reason, hint)


def _update(student: Student, used: Arrays, truth: Arrays) -> Finding | None:
    """w − η·∂J/∂w for ∂J/∂w"""
    weights = [e.forward(student.examples.derivation.wrt) for e in student.used]
    if any(w is None or w.shape != u.shape for w, u in zip(weights, used, strict=True)):
        return None
    steps = [w - u for w, u in zip(weights, used, strict=True)]
    scale = scale_between(steps, truth, student.examples)
    if scale is None or scale.size:
        return None
    return Finding(
        None,
        f"this is the new weight after a step with η = {scale.number:.6g}",
        f"Asked is {_asked(student)} alone; the update comes after it.",
    )


def _slip(student: Student, used: Arrays) -> Finding | None:
    """A slip in one factor, the place where the formula stops being right looked at first."""
    factors = list(student.examples.derivation.factors)
    place = first_wrong(student, exact=False)
    factors.sort(key=lambda f: f is not place)
    for exact in (True, False):
        for factor in factors:
            slip = slips.find(factor, used, student.examples, exact)
            if slip is not None:
                besides = "" if exact else "; and a constant factor or sign is wrong besides"
                return Finding(factor, slip.reason + besides, slip.hint)
    return None


def _unknown(student: Student, used: Arrays) -> Finding:
    """The place alone."""
    factor = first_wrong(student, exact=False)
    truth = [e.gradient for e in student.used]
    shape = student.used[0].values.shape
    if without_units(used[0]).shape != without_units(truth[0]).shape:
        reason = f"this is {shape(used[0])}; {_asked(student)} is {shape(truth[0])}"
        return Finding(factor, reason, "A gradient has the shape of its weight.")
    if not all(np.isfinite(u).all() for u in used):
        return Finding(factor, "this is not a finite number for all values of the names")
    name, words = _name(student, factor), student.examples.vocabulary
    before = words.total(factor.node)
    start = factor.node is words.derivation.result
    reason = f"{name} is not right" if start else f"{before} is right; {name} is not"
    hint = f"{name} comes from {factor.rule}." if factor.rule else ""
    return Finding(factor, reason, hint)
