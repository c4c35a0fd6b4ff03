"""The certificate of a derivation: every step of it put beside derivatives found without its rules.

A factor ∂v/∂u is right when what it sends to u is the transposed Jacobian of v, all other names
being held fixed, times the cotangent of v. So each step answers for itself alone, and the first one
that is wrong in the order of the sweep is where the fault lies.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from graphdl.core.errors import GraphdlError
from graphdl.core.graph import Node, walk
from graphdl.derivation.instance import Instance, instance
from graphdl.derivation.judges import (
    DIRECTIONS,
    METHODS,
    SINGLE,
    Claim,
    TooLarge,
    apart,
)
from graphdl.derivation.kinds import REAL, NotPossible, compute
from graphdl.derivation.naming import node_names
from graphdl.derivation.record import Derivation, Factor
from graphdl.table import render

Verdict = Literal["right", "wrong", "not done"]


class WrongDerivativeError(GraphdlError, ArithmeticError):
    """A step of a derivation whose number is not the derivative."""


@dataclass(frozen=True)
class Row:
    """One step judged by one method."""

    step: str  # "∂ŷ/∂z2"
    rule: str  # the operations whose derivatives the step is made of
    method: str
    error: float | None  # the worst relative error, None where the method was not done
    tolerance: float
    note: str = ""
    where: str = ""  # file and line at which v was declared
    wrt_where: str = ""  # and u

    @property
    def verdict(self) -> Verdict:
        if self.error is None:
            return "not done"
        return "right" if self.error <= self.tolerance else "wrong"


@dataclass(frozen=True)
class Certificate:
    """What `check` found. True in a condition when no step is wrong and every one was judged."""

    rows: tuple[Row, ...]
    title: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    @property
    def ok(self) -> bool:
        """Is no row wrong, and each step judged by a method at least?"""
        judged = {r.step for r in self.rows if r.error is not None}
        return judged == {r.step for r in self.rows} and self.wrong is None

    @property
    def wrong(self) -> Row | None:
        """The first row that is wrong, in the order of the sweep; None where all are right."""
        return next((r for r in self.rows if r.verdict == "wrong"), None)

    def __bool__(self) -> bool:
        return self.ok

    def raise_if_wrong(self) -> None:
        """Raise WrongDerivativeError that names the first wrong step."""
        if not self.ok:
            raise WrongDerivativeError(self.verdict)

    @property
    def verdict(self) -> str:
        """The whole in one sentence."""
        row = self.wrong
        if row is not None:
            place = f", declared at {row.where}" if row.where else ""
            note = f" {row.note}." if row.note else ""
            return (
                f"{row.step} is wrong (rule: {row.rule}{place}): by {row.method} it is off by "
                f"{row.error:.1e}, where {row.tolerance:.0e} is allowed.{note}"
            )
        if not self.ok:
            unjudged = [r.step for r in self.rows if r.error is None]
            return f"{unjudged[0]} could not be judged by any method"
        count = len(dict.fromkeys(r.step for r in self.rows))
        return f"all {count} steps are right"

    def _by_step(self) -> tuple[list[str], list[list[str]]]:
        """A line for each step and a column for each method."""
        methods = list(dict.fromkeys(r.method for r in self.rows))
        lines = []
        for step in dict.fromkeys(r.step for r in self.rows):
            mine = {r.method: r for r in self.rows if r.step == step}
            some = next(iter(mine.values()))
            cells = [_cell(mine.get(m)) for m in methods]
            lines.append([step, some.rule, *cells, _overall(mine.values())])
        return ["step", "rule", *methods, "verdict"], lines

    def __str__(self) -> str:
        """A table: a row for each step, the worst relative error of each method."""
        columns, lines = self._by_step()
        notes = [f"{r.step}: {r.note}" for r in self.rows if r.note and r.verdict == "wrong"]
        return render(self.title, columns, lines, [self._setting(), self.verdict, *notes], width=110)

    __repr__ = __str__

    def _setting(self) -> str:
        sizes = ", ".join(f"{name} = {n}" for name, n in self.sizes.items())
        return f"relative errors{f', at {sizes}' if sizes else ''}, seed {self.seed}"

    def html(self) -> str:
        """The table as HTML, wrong steps marked by a word and a class."""
        columns, lines = self._by_step()
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in columns)
        body = "".join(
            f'<tr class="{line[-1].replace(" ", "-")}">'
            f'<th scope="row">{html.escape(line[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in line[1:])
            + "</tr>"
            for line in lines
        )
        return (
            f'<table class="graphdl-certificate"><caption>{html.escape(self.title)}: '
            f"{html.escape(self.verdict)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )

    def json(self) -> str:
        """All rows, as a JSON object."""
        rows = [
            {
                "step": r.step, "rule": r.rule, "method": r.method, "error": _plain(r.error),
                "tolerance": r.tolerance, "verdict": r.verdict, "note": r.note,
                "where": r.where, "wrt_where": r.wrt_where,
            }
            for r in self.rows
        ]  # fmt: skip
        whole = {
            "title": self.title, "ok": self.ok, "verdict": self.verdict, "seed": self.seed,
            "sizes": dict(self.sizes), "rows": rows,
        }  # fmt: skip
        return json.dumps(whole, ensure_ascii=False, allow_nan=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": str(self), "text/html": self.html()}
        wanted = bundle.keys() if include is None else set(include)
        return {k: v for k, v in bundle.items() if k in wanted and k not in set(exclude or ())}


def _plain(error: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "inf" if error == np.inf else error


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return row.note if row.error is None else f"{row.error:.0e}" if row.error else "0"


def _overall(rows: Iterable[Row]) -> Verdict:
    verdicts = {r.verdict for r in rows}
    return "wrong" if "wrong" in verdicts else "right" if "right" in verdicts else "not done"


# -------------------------------------------------------------------------------- checking


def check(
    derivation: Derivation,
    values: Mapping[Node | str, Any] | None = None,
    seed: int = 0,
    methods: Sequence[str] = tuple(METHODS),
) -> Certificate:
    """The certificate of every step: each factor, each sum over paths, the whole gradient.

    values: arrays for inputs (by node or name) and variables, which else have their present values.
    Without any, a small instance is drawn by `seed`: named sizes become 3, 4, …, inputs and
    variables numbers that fit what is computed with them, away from kinks.
    methods: of "complex step", "differences", "high precision" (mpmath, small instances) and "sympy"
    (smaller ones). Raises ValueError for another name, GraphError for unknown values.
    """
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"check knows the methods {', '.join(METHODS)}; got {method!r}")
    given = _given(derivation, values or {})
    at = instance(derivation, given, seed)
    judged = _Checker(derivation, at, np.random.default_rng([seed, 1]), tuple(methods))
    sizes = {
        name: at.sizes.value(d)
        for n in at.leaves
        for d in n.type.shape
        if not isinstance(d, int)
        for name in [str(d)]
    }
    title = f"certificate of ∂{judged.names[derivation.result]}/∂{judged.names[derivation.wrt]}"
    return Certificate(tuple(judged.rows()), title, sizes, seed)


def _given(derivation: Derivation, values: Mapping[Node | str, Any]) -> dict[Node, Any]:
    return {derivation._leaf(k) if isinstance(k, str) else k: v for k, v in values.items()}


class _Checker:
    """Judges the steps of one derivation on one instance."""

    def __init__(
        self, derivation: Derivation, at: Instance, random: np.random.Generator, methods: tuple[str, ...]
    ) -> None:
        self.d, self.at, self.random, self.methods = derivation, at, random, methods
        self.names = node_names(derivation)
        self.known = set(walk([derivation.result]))
        stops = {n for f in derivation.factors for n in (f.node, f.wrt)}
        self.stops = stops | {n for n in self.known if n.op.name in ("named", "stop_gradient")}
        everything = walk([derivation.result, derivation.gradient, *derivation.cotangents.values()])
        self.single = any(n.dtype == "float32" for n in everything)

    def rows(self) -> Iterator[Row]:
        """In the order of the sweep: what arrives at a node ends with the sum over its paths."""
        waiting = list(self.d.factors)
        for k, factor in enumerate(waiting):
            yield from self._factor(factor)
            if all(f.wrt is not factor.wrt for f in waiting[k + 1 :]):
                yield from self._sum(factor.wrt)
        yield from self._whole()

    # ------------------------------------------------------------ one factor

    def _factor(self, f: Factor) -> Iterator[Row]:
        step = f"∂{self.names[f.node]}/∂{self.names[f.wrt]}"
        base = Row(step, f.rule or "identity", "", None, 0.0, "", f.node.origin, f.wrt.origin)
        claim = self._claim(f.node, f.wrt, f.before, f.after)
        for row in self._judged(base, claim):
            yield replace(row, note=self._culprit(f)) if row.verdict == "wrong" else row

    def _claim(self, v: Node, u: Node, before: Node, after: Node) -> Claim:
        """With every name but v held at its value, u among them."""
        held = {n: self.at.forward[n] for n in (self.stops | {u}) - {v} if n in self.at.forward}
        held |= self.at.leaves
        directions = tuple(_signs(self.random, held[u].shape) for _ in range(DIRECTIONS))
        plain = Claim(v, u, before, after, held, {}, self.at.sizes, directions)
        return self._with_another_cotangent(plain)

    def _with_another_cotangent(self, claim: Claim) -> Claim:
        """A random δ in the place of the cotangent, 0 where that is 0, if `after` is linear in it.

        The cotangent that the derivation has can be the same node as a factor beside it; then, and
        where it is a number, it stays as it is.
        """
        before = claim.before
        if before in self.known or not before.inputs:
            return claim
        if before not in walk([claim.after], stop={before}):
            return claim
        (own,) = compute([before], claim.held, REAL, claim.sizes)
        delta = np.where(own != 0, _signs(self.random, own.shape), 0.0)
        once = replace(claim, chosen={before: delta})
        twice = replace(claim, chosen={before: 2 * delta})
        linear = apart(2 * once.values(REAL)[1], twice.values(REAL)[1]) < 1e-9
        return once if linear else claim

    def _judged(self, base: Row, claim: Claim) -> Iterator[Row]:
        for method in self.methods:
            judge, tolerance = METHODS[method]
            tolerance = max(tolerance, SINGLE) if self.single else tolerance
            row = replace(base, method=method, tolerance=tolerance)
            try:
                yield replace(row, error=judge(claim))
            except TooLarge as error:
                yield replace(row, note=f"not done: {error}")
            except NotPossible as error:
                yield replace(row, note=f"not possible: {error}")

    def _culprit(self, f: Factor) -> str:
        """The operation within a factor of several whose derivative is wrong, by differences."""
        for step in f.passes if len(f.passes) > 1 else ():
            for i, sent in zip(step.node.inputs, step.contributions, strict=True):
                after = getattr(sent, "value", None)
                if after is None or i not in self.at.forward or step.node.inputs.count(i) > 1:
                    continue
                held = {n: self.at.forward[n] for n in step.node.inputs} | dict(self.at.leaves)
                t = (_signs(self.random, held[i].shape),)
                claim = Claim(step.node, i, step.cotangent.value, after, held, {}, self.at.sizes, t)
                if METHODS["differences"][0](claim) > 1e-5:
                    return f"it is the derivative of {step.node.op.name!r} ({step.node.origin})"
        return ""

    # ------------------------------------------------------------ sums, the whole

    def _sum(self, node: Node) -> Iterator[Row]:
        """∂J/∂u = Σ of what arrived; a row where several paths meet, or where it is not so."""
        arrived = [f.after for f in self.d.factors if f.wrt is node]
        cotangent = self.d.cotangents[node]
        if len(arrived) == 1 and cotangent is arrived[0]:
            return
        total, *parts = compute([cotangent, *arrived], self.at.leaves, REAL, self.at.sizes)
        name = f"∂{self.names[self.d.result]}/∂{self.names[node]}"
        tolerance = SINGLE if self.single else 1e-12
        t = _signs(self.random, self.at.forward[node].shape)
        error = apart(np.ravel(total * t), np.concatenate([np.ravel(p * t) for p in parts]))
        yield Row(f"{name} = Σ", f"sum over {len(arrived)} paths", "sum", error, tolerance, "", node.origin)

    def _whole(self) -> Iterator[Row]:
        d = self.d
        name = f"∂{self.names[d.result]}/∂{self.names[d.wrt]}"
        base = Row(name, "the whole gradient", "", None, 0.0, "", d.result.origin, d.wrt.origin)
        held = {n: self.at.forward[n] for n in self.known if n.op.name == "stop_gradient"}
        held |= self.at.leaves
        held[d.wrt] = self.at.forward[d.wrt]
        seed = next((f.before for f in d.factors if f.node is d.result), d.cotangents[d.result])
        directions = tuple(_signs(self.random, held[d.wrt].shape) for _ in range(DIRECTIONS))
        yield from self._judged(
            base, Claim(d.result, d.wrt, seed, d.gradient, held, {}, self.at.sizes, directions)
        )


def _signs(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign whose sizes lie between 1/2 and 3/2."""
    return random.choice([-1.0, 1.0], shape) * random.uniform(0.5, 1.5, shape)
