"""Which quantities of a derivation occur in a student's formula, in whatever order it multiplies.

Every part of the formula is a candidate, and so is every product of some of the factors of a
product, and every run of a product of matrices: x·w₂·(ŷ−y) holds ∂J/∂z₁ = (ŷ−y)·w₂.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from graphdl.core.errors import FormulaError
from graphdl.derivation.formula.parts import Formula, Part
from graphdl.derivation.formula.values import Evaluator
from graphdl.derivation.grading.examples import Example, Examples

RELATIVE, ABSOLUTE = 1e-9, 1e-13
FACTORS = 7  # of one product of which all subsets are looked at
USED = 4  # examples that candidates are compared in

Arrays = list[np.ndarray]


def without_units(array: np.ndarray) -> np.ndarray:
    """Without leading axes of length 1: (1×4) is the vector of 4, and (1×1) the number."""
    while array.ndim and array.shape[0] == 1:
        array = array[0]
    return array


def close(found: np.ndarray, truth: np.ndarray) -> bool:
    """Equal finite numbers in equal shapes, to rounding in float64. A bare 0 is any zero."""
    a, b = without_units(np.asarray(found, np.float64)), without_units(truth)
    scale = np.abs(b).max(initial=0)
    is_zero = a.ndim == 0 and a == 0 and scale <= ABSOLUTE
    if (a.shape != b.shape and not is_zero) or not np.isfinite(a).all():
        return False
    return bool((np.abs(a - b) <= RELATIVE * scale + ABSOLUTE).all())


@dataclass(frozen=True)
class Scale:
    """What a formula is times the truth: a number, times a named size to a power."""

    number: float = 1.0
    size: str = ""
    power: int = 0

    @property
    def exact(self) -> bool:
        return abs(self.number - 1) < 1e-8 and not self.size


def scale_between(found: Arrays, truth: Arrays, examples: Examples) -> Scale | None:
    """The constant that the found arrays are times the true ones, in all examples alike."""
    ratios = [ratio(f, t) for f, t in zip(found, truth, strict=True)]
    if any(r is None for r in ratios):
        return None
    numbers = np.array(ratios, np.float64)
    if _constant(numbers):
        return Scale(float(numbers[0]))
    used = examples.all[: len(found)]
    for name, power in itertools.product(used[0].extents, (1, -1)):
        extents = np.array([e.extents[name] for e in used], np.float64)
        if _constant(rest := numbers / extents**power):
            return Scale(float(rest[0]), name, power)
    return None


def _constant(numbers: np.ndarray) -> bool:
    return bool((np.abs(numbers - numbers[0]) <= 1e-8 * np.abs(numbers[0])).all())


def ratio(found: np.ndarray, truth: np.ndarray) -> float | None:
    """c with found = c·truth in all elements; None where there is no such number but 0."""
    a, b = without_units(found), without_units(truth)
    if a.shape != b.shape:
        return None
    norm = float(np.sum(b * b))
    number = float(np.sum(a * b)) / norm if norm else 0.0
    return number if abs(number) > 1e-8 and close(a, number * b) else None


class Student:
    """A student's formula in the examples: its value, and the values of all that occurs in it."""

    def __init__(self, formula: Formula, examples: Examples, used: int = USED) -> None:
        self.formula, self.examples = formula, examples
        self.used: list[Example] = examples.all[:used]
        self.evaluators = [Evaluator(formula, e.values) for e in self.used]
        self.candidates = list(self._candidates())

    def scale_of(self, truth: Arrays) -> Scale | None:
        """How a quantity occurs in the formula: exactly if it does, else times a constant."""
        best: Scale | None = None
        for found in self.candidates:
            scale = scale_between(found, truth, self.examples)
            if scale is not None and scale.exact:
                return scale
            best = best or scale
        return best

    def _candidates(self) -> Iterator[Arrays]:
        parts = [p for _, d in self.formula.definitions for p in _carrying(d)]
        parts += _carrying(self.formula.body)
        for part in parts:
            yield from self._evaluated([part])
        for part in parts:
            if part.kind in ("mul", "div", "neg"):
                for factors in _distributed(_factors(part)):
                    yield from self._subsets(factors)
            elif part.kind == "matmul":
                yield from self._runs(_chain(part))

    def _evaluated(self, parts: list[Part]) -> Iterator[Arrays]:
        """The values of a part and of its transposed, unless its shapes do not fit."""
        try:
            found = [np.asarray(e.value(parts[0]), np.float64) for e in self.evaluators]
        except FormulaError:
            return
        yield from _with_transposed(found)

    def _subsets(self, factors: list[tuple[Part, bool]]) -> Iterator[Arrays]:
        known = []
        for part, below in factors:
            for found in itertools.islice(self._evaluated([part]), 1):
                known.append([1 / a if below else a for a in found] if below else found)
        for count in range(2, min(len(known), FACTORS) + 1):
            for chosen in itertools.combinations(known[:FACTORS], count):
                try:
                    found = [reduce(np.multiply, arrays) for arrays in zip(*chosen, strict=True)]
                except ValueError:  # these do not fit each other
                    continue
                yield from _with_transposed(found)

    def _runs(self, chain: list[Part]) -> Iterator[Arrays]:
        known = [next(self._evaluated([p]), None) for p in chain]
        for first, last in itertools.combinations(range(len(chain) + 1), 2):
            run = known[first:last]
            if last - first < 2 or any(k is None for k in run):
                continue
            try:
                found = [reduce(np.matmul, arrays) for arrays in zip(*run, strict=True)]  # type: ignore[arg-type]
            except ValueError:  # these do not fit each other
                continue
            yield from _with_transposed(found)


_LINEAR = ("sum", "mean", "where", "Sigma", "∑")


def _carrying(root: Part) -> list[Part]:
    """The parts that the formula is linear in: a cotangent is passed on by such parts alone."""
    found = [root]
    for part in found:
        found.extend(_linear_args(part))
    return found


def _linear_args(part: Part) -> tuple[Part, ...]:
    if part.kind == "call":
        linear = part.value.name.startswith(_LINEAR) and not part.value.primes
        return part.args if linear else ()
    if part.kind in ("pow", "abs", "compare", "and", "or", "not"):
        return ()
    return part.args[:1] if part.kind == "div" else part.args


def _with_transposed(found: Arrays) -> Iterator[Arrays]:
    yield found
    if found[0].ndim == 2 and 1 not in found[0].shape:
        yield [a.T for a in found]


def _factors(part: Part) -> list[tuple[Part, bool]]:
    """The factors of a product element by element, and which of them divide."""
    if part.kind == "mul":
        return [f for a in part.args for f in _factors(a)]
    if part.kind == "div":
        above, below = part.args
        return _factors(above) + [(p, not b) for p, b in _factors(below)]
    if part.kind == "neg":
        sign = Part("number", (), -1.0, part.start, part.end)
        return [(sign, False), *_factors(part.args[0])]
    return [(part, False)]


def _distributed(factors: list[tuple[Part, bool]]) -> Iterator[list[tuple[Part, bool]]]:
    """A product, and for each sum among its factors the products with one summand alone."""
    yield factors
    for index, (part, below) in enumerate(factors):
        if part.kind in ("add", "sub") and not below:
            for summand in part.args:
                yield [*factors[:index], *factors[index + 1 :], *_factors(summand)]


def _chain(part: Part) -> list[Part]:
    """The matrices of a product."""
    if part.kind != "matmul":
        return [part]
    return [p for a in part.args for p in _chain(a)]
