"""One factor ∂v/∂u by itself: as a formula, or as what it makes of δ, the cotangent that arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graphdl.derivation.formula.values import Values, value_of
from graphdl.derivation.formula_reader import read
from graphdl.derivation.grading.diagnosis import Finding
from graphdl.derivation.grading.examples import Example, Examples
from graphdl.derivation.grading.match import Arrays, close, scale_between
from graphdl.derivation.record import Factor

DELTA = "δ"


def grade_factor(examples: Examples, factor: Factor, answer: str) -> Finding | None:
    """None where the answer is right. Raises FormulaError where it cannot be read or does not fit."""
    words = examples.vocabulary
    names = words.names([] if DELTA in words.nodes else [DELTA])
    formula = read(answer, names, words.quotient(factor))
    parts = [formula.body, *(d for _, d in formula.definitions)]
    with_delta = any(p.value == DELTA for part in parts for p in part.walk() if p.kind == "name")
    index = examples.derivation.factors.index(factor)
    given = [np.asarray(value_of(formula, _with_delta(e, factor))) for e in examples.all]
    if with_delta:
        truth = [e.after[index] for e in examples.all]
    elif any(e.local[index] is None for e in examples.all):
        return Finding(
            factor, f"{words.factor(factor)} is no factor that stands alone",
            f"Write what it makes of δ = {words.total(factor.node)}.",
        )  # fmt: skip
    else:
        truth = [_array(e.local[index]) for e in examples.all]
    if all(_same(g, t) for g, t in zip(given, truth, strict=True)):
        return None
    return _why(examples, factor, given, truth)


def _array(value: np.ndarray | None) -> np.ndarray:
    assert value is not None
    return value


def _with_delta(example: Example, factor: Factor) -> Values:
    """The example's values, with δ for the cotangent that arrives at the factor."""
    names = {DELTA: example.cotangents[factor.node], **example.values.names}
    return replace(example.values, names=names)


def _same(given: np.ndarray, truth: np.ndarray) -> bool:
    """Equal, where a number stands for the array that repeats it, and the other way round."""
    if given.ndim and truth.ndim:
        return close(given, truth)
    a, b = np.broadcast_arrays(given, truth)
    return close(a, b)


def _why(examples: Examples, factor: Factor, given: Arrays, truth: Arrays) -> Finding:
    name, shape = examples.vocabulary.factor(factor), examples.all[0].values.shape
    scale = scale_between(given, truth, examples)
    if scale is not None and scale.size:
        times = "too large" if scale.power > 0 else "too small"
        hint = f"J is a mean over {scale.size} examples."
        return Finding(factor, f"{name} is {scale.size} times {times}", hint)
    if scale is not None and abs(scale.number + 1) < 1e-8:
        return Finding(factor, f"the sign of {name} is turned", "Mind the order in a difference.")
    if scale is not None:
        return Finding(factor, f"this is {scale.number:.6g} times {name}")
    if given[0].ndim == 2 and all(close(g.T, t) for g, t in zip(given, truth, strict=True)):
        reason = f"this is {shape(given[0])}; {name} is its transposed, {shape(truth[0])}"
        return Finding(factor, reason, "The shapes of the product say on which side it stands.")
    for reason, hint, instead in _usual(examples, factor):
        if all(_same(g, i) for g, i in zip(given, instead, strict=True)):
            return Finding(factor, reason, hint)
    if given[0].shape != truth[0].shape and truth[0].ndim:
        reason = f"this is {shape(given[0])}; {name} is {shape(truth[0])}"
        return Finding(factor, reason)
    return Finding(factor, f"{name} is not right", f"It comes from {factor.rule}.")


def _usual(examples: Examples, factor: Factor) -> Iterator[tuple[str, str, Arrays]]:
    """What people write instead: another factor, the function itself, the value on its other side."""
    words, derivation = examples.vocabulary, examples.derivation
    for index, other in enumerate(derivation.factors):
        local = [e.local[index] for e in examples.all]
        if other is not factor and all(a is not None for a in local):
            reason = f"this is {words.factor(other)}, asked is {words.factor(factor)}"
            yield reason, "Mind the order of the factors.", [_array(a) for a in local]
    v, u = words.quotient(factor)
    values = [e.forward(factor.node) for e in examples.all]
    if all(a is not None for a in values):
        yield (
            f"this is {v} itself, not its derivative",
            "Differentiate.",
            [_array(a) for a in values],
        )
    if factor.local.node is None:
        return
    twin = examples.twin
    for there, instead, at in ((factor.wrt, factor.node, v), (factor.node, factor.wrt, u)):
        found = []
        for e in examples.all:
            a, b = e.forward(there), e.forward(instead)
            if a is None or b is None or a.shape != b.shape:
                break
            found += e.compute([twin[factor.local.node]], e.env | e.instead({there: b}))
        if len(found) == len(examples.all):
            reason = f"the derivative is taken at {at}, which is the value on the other side"
            yield reason, "Mind what is before and what behind the activation.", found
