"""The certificate of a derivation: every step of it put beside derivatives found without its rules.

A factor ∂v/∂u is right when what it sends to u is the transposed Jacobian of v, all other names
being held fixed, times the cotangent of v. So each step answers for itself alone, and the first one
that is wrong in the order of the sweep is where the fault lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, walk
from graphdl.derivation.instance import Instance, instance
from graphdl.derivation.judges import (
    DIRECTIONS,
    METHODS,
    SINGLE,
    Claim,
    TooLarge,
    apart,
    differences,
)
from graphdl.derivation.kinds import REAL, NotPossible, compute
from graphdl.derivation.naming import node_names
from graphdl.derivation.record import Factor, Record
from graphdl.derivation.verdict import Certificate, Row
from graphdl.differentiate.chain_rule import Cotangent, Step

__all__ = ["Certificate", "Row", "check"]

CULPRIT = 1e-5  # beyond this the derivative of a single operation is wrong


def check(
    derivation: Record,
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
    return Certificate(tuple(judged.rows()), title, sizes, seed, at.moved)


def _given(derivation: Record, values: Mapping[Node | str, Any]) -> dict[Node, Any]:
    given = {derivation.leaf(k) if isinstance(k, str) else k: v for k, v in values.items()}
    for node in given:
        if not isinstance(node, Node) or node.inputs:
            raise GraphError(
                f"check takes values for inputs and variables; {node!r:.80} is neither"
            )
    return given


class _Checker:
    """Judges the steps of one derivation on one instance."""

    def __init__(
        self,
        derivation: Record,
        at: Instance,
        random: np.random.Generator,
        methods: Sequence[str],
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
            if any(differences(claim) > CULPRIT for claim in self._single(step)):
                return f"it is the derivative of {step.node.op.name!r} ({step.node.origin})"
        return ""

    def _single(self, step: Step) -> Iterator[Claim]:
        """What one operation of the sweep claims of each of its inputs."""
        inputs = step.node.inputs
        held = {n: self.at.forward[n] for n in inputs} | dict(self.at.leaves)
        for i, sent in zip(inputs, step.contributions, strict=True):
            if isinstance(sent, Cotangent) and inputs.count(i) == 1:
                t = (_signs(self.random, held[i].shape),)
                yield Claim(
                    step.node, i, step.cotangent.value, sent.value, held, {}, self.at.sizes, t
                )

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
        rule = f"sum over {len(arrived)} paths"
        yield Row(f"{name} = Σ", rule, "sum", error, tolerance, "", node.origin)

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
