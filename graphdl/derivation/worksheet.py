"""`gd.worksheet`: an exercise in backpropagation, with friendly numbers and its key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import FormulaError, GraphError
from graphdl.core.graph import Node, Variable, walk
from graphdl.derivation.derivation import Derivation, derive
from graphdl.derivation.forms.pen import Pen
from graphdl.derivation.formula.names import Names
from graphdl.derivation.formula.values import Values, value_of
from graphdl.derivation.formula_reader import read
from graphdl.derivation.grade import Grade
from graphdl.derivation.grading.examples import Example, Examples
from graphdl.derivation.sheets.friendly import friendly_values
from graphdl.derivation.sheets.printed import Given, Printed, page
from graphdl.derivation.sheets.questions import (
    Formula,
    Question,
    Questions,
    loss_words,
    slope_words,
)
from graphdl.ops.build import tensor, variable
from graphdl.ops.entropy import bce
from graphdl.ops.functions import sigmoid
from graphdl.registry import number, whole
from graphdl.show.latex import LATEX
from graphdl.show.text import TEXT

FORMS = ("chain", "matrix")
LEVELS = {1: "forward values and loss", 2: "and the gradient", 3: "and the update and a check"}


@dataclass(frozen=True, eq=False)
class Worksheet:
    """An exercise. `str`, `latex()` and `html()` give the questions, `key` the answers likewise.

    derivation: what it is about. values: the numbers it gives, by node, as `evaluate` takes them.
    questions: each with its label, its name and its value.
    """

    derivation: Derivation
    values: Mapping[Node, np.ndarray]
    questions: tuple[Question, ...]
    given: Given

    @property
    def key(self) -> Printed:
        """The same sheet with the answers: `str(key)`, `key.latex()`, `key.html()`."""
        return Printed(self.given, self.questions, with_key=True)

    def __str__(self) -> str:
        return str(self._sheet)

    __repr__ = __str__

    def latex(self, document: bool = False) -> str:
        r"""The questions as the body of a document, or with `document` as a whole article."""
        return self._sheet.latex(document)

    def html(self, key: bool = True) -> str:
        """A self-contained page; the key is folded away at its end, or left out."""
        body = self._sheet.html_body()
        if key:
            body += f"<details><summary>Key</summary>{self.key.html_body()}</details>"
        return page(self.given.title.text, body)

    @property
    def _sheet(self) -> Printed:
        return Printed(self.given, self.questions, with_key=False)

    def grade(
        self, answers: Mapping[str, Any] | Sequence[Any], tolerance: float = 0.005
    ) -> list[Grade]:
        """Grade numbers: in the order of the questions, or by label ("a") or name ("∂J/∂w1").

        An answer is a number, a list of them, or a text such as "1/2". It is right within
        `tolerance` times its size. Raises GraphError for a question that there is not.
        """
        tolerance = number("tolerance", tolerance)
        if isinstance(answers, Mapping):
            pairs = [(self._question(k), a) for k, a in answers.items()]
        elif len(answers) > len(self.questions):
            raise GraphError(
                f"there are {len(self.questions)} questions, got {len(answers)} answers"
            )
        else:
            pairs = list(zip(self.questions, answers, strict=False))
        return [self._grade(q, a, tolerance) for q, a in pairs]

    def _question(self, key: str) -> Question:
        names = Names([q.name.text for q in self.questions])
        for q in self.questions:
            if key == q.label or names.find(str(key)) == q.name.text:
                return q
        there = ", ".join(f"{q.label} ({q.name.text})" for q in self.questions)
        raise GraphError(f"there is no question {key!r:.40}; there are {there}")

    def _grade(self, q: Question, answer: Any, tolerance: float) -> Grade:
        name, text = q.name.text, str(answer)
        try:
            given = _number(answer)
        except (FormulaError, ValueError, TypeError) as error:
            return Grade(name, text, False, "unreadable", reason=str(error))
        if given.shape != q.value.shape and given.size == q.value.size == 1:
            given = given.reshape(q.value.shape)
        if given.shape != q.value.shape:
            reason = f"the answer has shape {given.shape}, asked is {q.value.shape}"
            return Grade(name, text, False, "wrong", name, reason)
        if _near(given, q.value, tolerance):
            return Grade(name, text, True, "right")
        reason = _number_slip(given, q, self.questions, tolerance)
        return Grade(name, text, False, "wrong", name, reason)


def _number(answer: Any) -> np.ndarray:
    """A typed answer as an array; a text is read as a formula without names, or as lists."""
    if isinstance(answer, str):
        if answer.lstrip().startswith("["):
            answer = json.loads(answer[:10_000])
        else:
            return np.asarray(value_of(read(answer, Names([])), Values({})), np.float64)
    return np.asarray(answer, np.float64)


def _near(given: np.ndarray, truth: np.ndarray, tolerance: float) -> bool:
    scale = np.maximum(np.abs(truth), 0.1 * np.abs(truth).max(initial=0))
    return bool((np.abs(given - truth) <= tolerance * scale + 1e-9).all())


def _number_slip(
    given: np.ndarray, q: Question, questions: Sequence[Question], tolerance: float
) -> str:
    """What a wrong number probably is."""
    if _near(-given, q.value, tolerance):
        return "the sign is turned"
    for other in questions:
        if other.value.shape == given.shape and _near(given, other.value, tolerance):
            return f"this is {other.name.text}"
    if q.value.ndim == 0 and abs(q.value) > 1e-9:
        return f"this is {float(given / q.value):.4g} times the answer"
    return "the number is not right"


def worksheet(
    subject: Any = None,
    *,
    seed: int = 0,
    weight: str | None = None,
    level: int = 3,
    form: str | None = None,
    rate: float = 0.1,
    rows: int = 2,
) -> Worksheet:
    """An exercise about ∂J/∂weight, with numbers that are pleasant to compute with.

    subject: a compiled model, or a derivation; without it the lecture's ŷ = σ(w2·σ(w1·x)) with its
        own numbers (for seed 0).
    weight: a name as `model.derive` takes it (default: the first weight).
    level: 1 forward values and loss, 2 and the gradient, 3 and the update and a check.
    form: "chain", factor by factor, or "matrix", from the loss back (default: chain for numbers).
    rate: η of the update. rows: the number of examples, where it is a named size.
    Other seeds give other numbers. The model's own weights are never changed.
    """
    seed, rows, rate = whole("seed", seed, 0), whole("rows", rows), number("rate", rate)
    if level not in LEVELS:
        raise ValueError(
            f"level is 1 ({LEVELS[1]}), 2 ({LEVELS[2]}) or 3 ({LEVELS[3]}), got {level!r}"
        )
    if form not in (None, *FORMS):
        raise ValueError(f"form is 'chain' or 'matrix', got {form!r}")
    derivation = _derivation(subject, weight)
    examples = Examples(derivation, count=0)
    if subject is None and seed == 0:
        leaves: dict[Node, np.ndarray] = {
            n: _LECTURE[examples.vocabulary.pen.name(n)] for n in examples.leaves
        }
        extents: dict[str, int] = {}
    else:
        leaves, extents = friendly_values(examples, seed, rows)
    example = examples.at(leaves, extents)
    assert example is not None
    form = form or _form_for(example)
    questions = Questions(derivation, example, rate, form).all(level)
    given = _given(derivation, example, level, form)
    return Worksheet(derivation, leaves, questions, given)


def _form_for(example: Example) -> str:
    """Factor by factor where every factor is a number; else from the loss back."""
    return "chain" if all(v is not None and v.ndim == 0 for v in example.local) else "matrix"


def _derivation(subject: Any, weight: str | None) -> Derivation:
    if isinstance(subject, Derivation):
        if weight is not None:
            raise GraphError("a derivation is about its own weight; give `weight` with a model")
        return subject
    if subject is None:
        return _lecture(weight or "w1")
    if not hasattr(subject, "derive"):
        raise TypeError(f"worksheet takes a model or a derivation, got {type(subject).__name__}")
    return subject.derive(weight or subject.trainable_weights[0].name)


_LECTURE = {"x": np.array(1.0), "y": np.array(1.0), "w1": np.array(0.5), "w2": np.array(-1.0)}


def _lecture(weight: str) -> Derivation:
    """ŷ = σ(w2·σ(w1·x)) and its cross-entropy."""
    x, y = tensor("x", (), "float64"), tensor("y", (), "float64")
    weights = {k: variable(_LECTURE[k], k, "float64") for k in ("w1", "w2")}
    if weight not in weights:
        raise GraphError(f"the lecture's network has the weights w1 and w2, got {weight!r}")
    z1 = (weights["w1"] * x).named("z1")
    prediction = sigmoid(weights["w2"] * sigmoid(z1)).named("ŷ")
    return derive(bce(y, prediction).named("J"), weights[weight])


def _given(derivation: Derivation, example: Example, level: int, form: str) -> Given:
    text, latex = Pen(derivation, TEXT), Pen(derivation, LATEX)
    numbers = [
        (Formula(text.name(n), latex.name(n)), example.env[example.examples.twin[n]])
        for n in _in_order(example, text)
    ]
    title = Formula(
        f"How does {text.name(derivation.result)} change with {text.name(derivation.wrt)}?",
        rf"How does \( {latex.name(derivation.result)} \) change with "
        rf"\( {latex.name(derivation.wrt)} \)?",
    )
    explained = loss_words(derivation)
    slopes = slope_words(derivation) if level > 1 else []
    if level > 1 and form == "matrix":
        result = text.name(derivation.result)
        fraction = rf"\frac{{\partial {latex.name(derivation.result)}}}{{\partial v}}"
        slopes = [Formula(f"δ_v = ∂{result}/∂v", rf"\delta_{{v}} = {fraction}"), *slopes]
    return Given(title, tuple(numbers), tuple(explained), tuple(slopes))


def _in_order(example: Example, pen: Pen) -> list[Node]:
    """Inputs by name, then weights in the order in which they are used."""
    names = [n for n in walk([example.examples.derivation.result]) if n.op.name == "named"]
    nodes = walk([*names, example.examples.derivation.result])
    leaves = [n for n in nodes if n in example.examples.leaves]
    inputs = [n for n in leaves if not isinstance(n, Variable)]
    return sorted(inputs, key=pen.name) + [n for n in leaves if isinstance(n, Variable)]
