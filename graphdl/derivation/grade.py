"""`gd.grade`: is a student's formula for ∂J/∂w right, in whatever form it is written?

It is read by a grammar of our own, evaluated at random examples in float64 and compared with the
gradient; a small scalar formula is proved equal by SymPy besides. A wrong one is searched for the
first factor that is wrong and for the usual slips.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from graphdl.core.errors import FormulaError
from graphdl.derivation.derivation import Derivation
from graphdl.derivation.formula.parts import Formula
from graphdl.derivation.formula.values import value_of
from graphdl.derivation.formula_reader import read
from graphdl.derivation.grading.diagnosis import diagnose
from graphdl.derivation.grading.examples import Examples
from graphdl.derivation.grading.factors import grade_factor
from graphdl.derivation.grading.match import Arrays, close
from graphdl.derivation.grading.proof import proved_equal
from graphdl.derivation.record import Factor


@dataclass(frozen=True)
class Grade:
    """What came of one answer.

    verdict: "right", "wrong" or "unreadable" · wrong_factor: the first wrong one, as it is printed,
    such as "∂ŷ/∂z1", or None · reason: what was found · hint: what to look at again · proved: equal
    for all values, not only in the examples · factors: the grade of each factor, where they were
    given one by one.
    """

    question: str
    answer: str
    right: bool
    verdict: str
    wrong_factor: str | None = None
    reason: str = ""
    hint: str = ""
    proved: bool = False
    factors: tuple[Grade, ...] = ()

    def __str__(self) -> str:
        first = f"{self.question}: {self.verdict}"
        lines = [first + (f" — {self.reason}" if self.reason else "")]
        if self.wrong_factor and self.wrong_factor != self.question:
            lines.append(f"    first wrong factor: {self.wrong_factor}")
        lines += [f"    hint: {self.hint}"] if self.hint else []
        lines += [f"    {line}" for f in self.factors for line in str(f).splitlines()]
        return "\n".join(lines)

    def json(self) -> str:
        """All of it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def grade(derivation: Derivation, answer: str | Sequence[str] | Mapping[str, str]) -> Grade:
    """Grade a formula for the gradient of a derivation.

    answer: the whole formula, "x.T @ (ŷ - y)/n"; or the factors in the order in which the derivation
    prints them, ["-y/ŷ + (1-y)/(1-ŷ)", …]; or some of them by name, {"∂J/∂ŷ": "…"}. A factor may be
    written with δ for what arrives at it: "δ*W2". A derivation of one element is graded as that of
    its whole weight. Nothing of an answer is ever executed.
    """
    if not isinstance(derivation, Derivation):
        raise TypeError(
            f"grade takes a derivation (gd.derive, model.derive), got {type(derivation).__name__}"
        )
    if not isinstance(answer, (str, Mapping, Sequence)):
        raise TypeError(
            f"an answer is a text, a list of texts or a dict of texts, got {type(answer).__name__}"
        )
    examples = Examples(derivation)
    with np.errstate(all="ignore"):  # a formula may divide by 0; that is found and said
        if isinstance(answer, str):
            return _whole(examples, answer)
        if isinstance(answer, Mapping):
            return _by_name(examples, answer)
        return _in_order(examples, list(answer))


def _whole(examples: Examples, answer: str) -> Grade:
    words, derivation = examples.vocabulary, examples.derivation
    question = words.total(derivation.wrt)
    try:
        formula = read(answer, words.names(), words.cotangent(derivation.wrt))
    except FormulaError as error:
        return Grade(question, answer, False, "unreadable", reason=str(error))
    values, error = _values(formula, examples)
    if values is not None and _all_close(values, examples):
        proved = proved_equal(formula, examples)
        way = "for all values" if proved else f"at {len(values)} random examples"
        return Grade(question, answer, True, "right", reason=f"equal {way}", proved=proved)
    finding = diagnose(formula, values, error, examples)
    name = None if finding.factor is None else words.factor(finding.factor)
    return Grade(question, answer, False, "wrong", name, finding.reason, finding.hint)


def _values(formula: Formula, examples: Examples) -> tuple[Arrays | None, str]:
    """The formula in all examples; or the error that it gives."""
    try:
        return [np.asarray(value_of(formula, e.values)) for e in examples.all], ""
    except FormulaError as error:
        return None, str(error)


def _all_close(values: Arrays, examples: Examples) -> bool:
    return all(close(v, e.gradient) for v, e in zip(values, examples.all, strict=True))


def _in_order(examples: Examples, answers: list[str]) -> Grade:
    factors = examples.derivation.factors
    names = [examples.vocabulary.factor(f) for f in factors]
    if len(answers) != len(factors):
        question = examples.vocabulary.total(examples.derivation.wrt)
        reason = (
            f"there are {len(factors)} factors ({', '.join(names)}), got {len(answers)} answers"
        )
        return Grade(question, " · ".join(map(str, answers)), False, "unreadable", reason=reason)
    return _together(
        examples, [_one(examples, f, a) for f, a in zip(factors, answers, strict=True)]
    )


def _by_name(examples: Examples, answers: Mapping[str, str]) -> Grade:
    return _together(examples, [_named(examples, k, v) for k, v in answers.items()])


def _named(examples: Examples, name: str, answer: str) -> Grade:
    """The answer to a factor, or to a cotangent ∂J/∂v, that is called by its name."""
    words = examples.vocabulary
    try:
        part = read(name, words.names()).body
    except FormulaError as error:
        return Grade(str(name), answer, False, "unreadable", reason=str(error))
    if part.kind == "quotient":
        for factor in examples.derivation.factors:
            if part.value == words.quotient(factor) and part.value != words.cotangent(
                examples.derivation.wrt
            ):
                return _one(examples, factor, answer)
        if part.value == words.cotangent(examples.derivation.wrt):
            return _whole(examples, answer)
    there = ", ".join(words.factor(f) for f in examples.derivation.factors)
    reason = f"{name!r:.60} is no factor of this derivation; there are {there}"
    return Grade(str(name), answer, False, "unreadable", reason=reason)


def _one(examples: Examples, factor: Factor, answer: str) -> Grade:
    name = examples.vocabulary.factor(factor)
    try:
        finding = grade_factor(examples, factor, answer)
    except FormulaError as error:
        return Grade(name, str(answer), False, "unreadable", name, str(error))
    if finding is None:
        return Grade(name, answer, True, "right")
    return Grade(name, answer, False, "wrong", name, finding.reason, finding.hint)


def _together(examples: Examples, grades: list[Grade]) -> Grade:
    question = examples.vocabulary.total(examples.derivation.wrt)
    answer = " · ".join(str(g.answer) for g in grades)
    wrong = next((g for g in grades if not g.right), None)
    if wrong is None:
        reason = "every factor is right" if grades else ""
        verdict = "right" if grades else "unreadable"
        return Grade(question, answer, bool(grades), verdict, reason=reason, factors=tuple(grades))
    return Grade(
        question, answer, False, wrong.verdict, wrong.wrong_factor or wrong.question,
        wrong.reason, wrong.hint, factors=tuple(grades),
    )  # fmt: skip
