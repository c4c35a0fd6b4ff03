"""Four ways to a derivative that know nothing of the rules of differentiation.

Each finds what a small change of u does to v while all else is held: by a complex step, by
differences in float64, by differences in 50 digits, by SymPy's derivative of the formula of each
element. A `Claim` says that δ ↦ `after` is the transpose of that; a judge returns how far
⟨δ, J·t⟩ and ⟨after(δ), t⟩ are apart, as a share of the sum of the sizes of their terms.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl.core.graph import Node, walk
from graphdl.core.interpret import Sizes
from graphdl.derivation.kinds import COMPLEX, REAL, STEP, Kind, NotPossible, compute
from graphdl.derivation.precise import DIGITS, digits, symbols

DIRECTIONS = 2
DIGITS_LIMIT, SYMBOLS_LIMIT = 3000, 160  # numbers that are computed for one value of v
TERMS_LIMIT = 2000  # of the formulas that SymPy differentiates


@dataclass(frozen=True)
class Claim:
    """That `after` is the cotangent of u when that of v is `before`, all in `held` being fixed."""

    v: Node
    u: Node
    before: Node
    after: Node
    held: Mapping[Node, np.ndarray]  # the numbers at which; u is among them
    chosen: Mapping[Node, np.ndarray]  # another cotangent of v than its own, by `before`
    sizes: Sizes
    directions: tuple[np.ndarray, ...] = field(default=())

    def values(self, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
        """δ and after(δ) in a kind of number."""
        env = {n: kind.of(a) for n, a in (dict(self.held) | dict(self.chosen)).items()}
        before, after = compute([self.before, self.after], env, kind, self.sizes)
        shape = self.sizes.shape(self.v.type.shape)
        return np.broadcast_to(before, shape), np.broadcast_to(after, self.held[self.u].shape)

    def at(self, change: np.ndarray, kind: Kind) -> np.ndarray:
        """v where u has the value `change`."""
        env = {n: kind.of(a) for n, a in self.held.items()}
        env[self.u] = np.asarray(change)  # NumPy makes a number of an array without axes
        return compute([self.v], env, kind, self.sizes)[0]

    def least(self, delta: np.ndarray, value: np.ndarray) -> float:
        """Below this a slope is what rounding leaves of a 0: a small share of ⟨|δ|, |v|⟩/|u|."""
        u = np.abs(self.held[self.u])
        typical = float(u.mean()) if u.size else 1.0
        return 1e-4 * float(np.abs(delta * value).sum()) / (typical or 1.0)

    def count(self) -> int:
        """How many numbers one value of v takes; a product counts what it multiplies."""
        total = 0
        for node in walk([self.v], stop=set(self.held)):
            if node not in self.held:
                total += int(np.prod(self.sizes.shape(node.type.shape), dtype=int)) * _inner(
                    node, self.sizes
                )
        return total


def _inner(node: Node, sizes: Sizes) -> int:
    return sizes.value(node.inputs[0].type.shape[-1]) if node.op.name == "matmul" else 1


Judge = Callable[[Claim], float]


def apart(stated: Any, found: Any, least: float = 0.0) -> float:
    """|Σ stated − Σ found| beside the sum of the sizes of all terms, or beside `least`."""
    stated, found = np.ravel(stated), np.ravel(found)
    size = max(float(abs(stated).sum()), float(abs(found).sum()), least)
    distance = float(abs(stated.sum() - found.sum()))
    if not np.isfinite(distance):
        return np.inf
    return distance / size if size else 0.0


def complex_step(claim: Claim) -> float:
    """Im v(u + i·h·t)/h with h = 1e-30"""
    delta, after = claim.values(REAL)
    worst = 0.0
    for t in claim.directions:
        moved = claim.at(claim.held[claim.u] + 1j * STEP * t, COMPLEX)
        least = claim.least(delta, np.real(moved))
        worst = max(worst, apart(after * t, delta * np.imag(moved) / STEP, least))
    return worst


def differences(claim: Claim) -> float:
    """(8·[v(h) − v(−h)] − [v(2h) − v(−2h)])/12h, with the step about which the slope moves least."""
    delta, after = claim.values(REAL)
    at = claim.held[claim.u]
    least = claim.least(delta, claim.at(at, REAL))

    def slope(t: np.ndarray, h: float) -> np.ndarray:
        a, b, c, d = (claim.at(at + k * h * t, REAL) for k in (1, -1, 2, -2))
        return (8 * (a - b) - (c - d)) / (12 * h)

    worst = 0.0
    for t in claim.directions:
        found = [delta * slope(t, h) for h in (2e-2, 2e-3, 2e-4, 2e-5, 2e-6)]
        moves = [np.abs(a - b).sum() for a, b in itertools.pairwise(found)]
        steadiest = int(np.argmin(np.nan_to_num(moves, nan=np.inf)))
        worst = max(worst, apart(after * t, found[steadiest + 1], least))
    return worst


def high_precision(claim: Claim) -> float:
    """(v(u + h·t) − v(u − h·t))/2h with h = 1e-15, in 50 digits; after(δ) in 50 digits too."""
    _refuse_large(claim, DIGITS_LIMIT)
    kind = digits()
    import mpmath  # noqa: PLC0415 - loaded when 50 digits are asked for

    with mpmath.workdps(DIGITS):
        delta, after = claim.values(kind)
        at, h = kind.of(claim.held[claim.u]), mpmath.mpf(10) ** -15
        t = kind.of(claim.directions[0])
        found = (claim.at(at + h * t, kind) - claim.at(at - h * t, kind)) / (2 * h)
        return apart(after * t, delta * found)


def symbolic(claim: Claim) -> float:
    """SymPy's derivative, at s = 0, of the formula of ⟨δ, v(u + s·t)⟩."""
    _refuse_large(claim, SYMBOLS_LIMIT)
    kind = symbols()
    import mpmath  # noqa: PLC0415
    import sympy as sp  # noqa: PLC0415 - loaded when symbols are asked for

    delta, after = claim.values(REAL)
    u, t, s = claim.held[claim.u], claim.directions[0], sp.Symbol("s", real=True)
    try:
        value = claim.at(kind.of(u) + s * kind.of(t), kind)
    except TypeError as error:  # a relation between symbols has no truth value
        raise NotPossible("a choice by size") from error
    terms = _terms(value.ravel())
    if terms > TERMS_LIMIT:
        raise TooLarge(f"{terms:,} terms".replace(",", " "))
    slopes = [sp.diff(v, s).replace(sp.Derivative, lambda *a: sp.S.Zero) for v in value.ravel()]
    with mpmath.workdps(30):
        numbers = sp.lambdify(s, slopes, [_FLAT, "mpmath"], cse=True)(mpmath.mpf(0))
    found = delta.ravel() * np.array([float(n) for n in numbers])
    return apart(after * t, found, claim.least(delta, claim.at(u, REAL)))


def _terms(expressions: Any) -> int:
    """The parts of all expressions, counted as often as they would be written."""
    seen: dict[Any, int] = {}

    def count(e: Any) -> int:
        if e not in seen:
            seen[e] = 1 + sum(map(count, e.args))
        return seen[e]

    return sum(count(e) for e in expressions if hasattr(e, "args"))


_FLAT = {
    "DiracDelta": lambda *a: 0,
    "Heaviside": lambda x, at=0.5: 1 if x > 0 else 0 if x < 0 else at,
}


class TooLarge(Exception):
    """More numbers than a slow judge is asked to compute; the message says how many."""


def _refuse_large(claim: Claim, limit: int) -> None:
    count = claim.count()
    if count > limit:
        raise TooLarge(f"{count:,} elements".replace(",", " "))


#: The judges by name, each with the largest error of a right derivative (float64 constants).
METHODS: dict[str, tuple[Judge, float]] = {
    "complex step": (complex_step, 1e-10),
    "differences": (differences, 1e-6),
    "high precision": (high_precision, 1e-12),
    "sympy": (symbolic, 1e-9),
}
SINGLE = 5e-7  # the least tolerance where constants of the graph have 7 digits
