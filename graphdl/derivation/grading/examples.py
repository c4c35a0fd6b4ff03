"""A derivation in random numbers: what every name, factor and cotangent is in one example.

All of it is computed in float64 from the leaves, so that ŷ is σ(z) in every example and formulas
that differ only by such an identity agree. Named sizes get two values each, so that n is never
mistaken for a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable, apply, walk
from graphdl.core.interpret import Sizes, interpret
from graphdl.core.sizes import Facts, Size, named
from graphdl.derivation.formula.values import Values
from graphdl.derivation.grading.vocabulary import Vocabulary, size_names
from graphdl.derivation.record import Factor, Record
from graphdl.differentiate.chain_rule import Cotangent, Step
from graphdl.ops.build import constant, tensor

COUNT, TRIES = 12, 60
_EXTENTS = (5, 7, 11, 13, 6, 9, 10, 12, 14, 15, 17, 19)  # of named sizes
_SMALLEST = 1e-6  # a gradient below is no example: zero times anything is zero
_PROBABILITIES = {"bce": 1, "cce": 1, "surprisal": 0, "class_surprisal": 0}  # op -> which input


@dataclass(eq=False)
class Example:
    """One example: arrays for nodes of the derivation."""

    examples: Examples
    env: dict[Node, np.ndarray]  # values of the float64 twins of leaves and names
    facts: Facts
    values: Values  # for formulas
    gradient: np.ndarray
    cotangents: dict[Node, np.ndarray]
    after: list[np.ndarray]  # of each factor
    local: list[np.ndarray | None]
    inner: dict[Node, np.ndarray]  # cotangents between two names, by their nodes
    extents: dict[str, int]

    def forward(self, node: Node) -> np.ndarray | None:
        """The value of a named node or a leaf."""
        return self.env.get(self.examples.twin[node])

    def sent(
        self, factor: Factor, cotangent: np.ndarray, instead: Mapping[Node, np.ndarray] = {}
    ) -> np.ndarray:
        """What the factor makes of another cotangent, or with other values of names."""
        twin = self.examples.twin
        env = self.env | self.instead(instead)
        if factor.before.inputs:
            env[twin[factor.before]] = cotangent
            return self.compute([twin[factor.after]], env)[0]
        return self.compute([twin[factor.after]], env)[0] * cotangent

    def instead(self, values: Mapping[Node, np.ndarray]) -> dict[Node, np.ndarray]:
        """Other values for names: for their labels, and for what is computed under them."""
        found = {self.examples.twin[n]: v for n, v in values.items()}
        labelled = {n.inputs[0]: v for n, v in values.items() if n.op.name == "named"}
        return found | {self.examples.twin[n]: v for n, v in labelled.items() if n.inputs}

    def skipping(
        self, factor: Factor, step: Step, cotangent: np.ndarray, times: Node | None = None
    ) -> np.ndarray | None:
        """What the factor sends on when one step of the sweep only passes its cotangent on,
        or multiplies it by the value of another node."""
        arrived, *sent = (self.examples.twin[n] for n in arrived_and_sent(step))
        before, after = self.examples.twin[factor.before], self.examples.twin[factor.after]
        seed = not factor.before.inputs
        env = self.env if seed else self.env | {before: cotangent}
        value = self.compute([arrived], env)[0]
        if times is not None:
            value = value * self.compute([self.examples.twin[times]], self.env)[0]
        for node in sent:
            if node.inputs and node not in self.env:
                shape = self.inner_shape(node)
                if np.broadcast_shapes(value.shape, shape) != shape:
                    return None
                env = env | {node: np.broadcast_to(value, shape)}
        found = self.compute([after], env)[0]
        return found * cotangent if seed else found

    def inner_shape(self, node: Node) -> tuple[int, ...]:
        return tuple(map(Sizes(self.facts).value, node.type.shape))

    def compute(self, roots: list[Node], env: dict[Node, np.ndarray]) -> list[np.ndarray]:
        return interpret(roots, env, Sizes(self.facts))


class Examples:
    """The examples of a derivation, the same in every process."""

    def __init__(self, derivation: Record, count: int = COUNT) -> None:
        self.derivation = d = derivation
        self.vocabulary = Vocabulary(d)
        local = [f.local.node for f in d.factors if f.local.node is not None]
        self.roots = [d.result, d.gradient, *d.cotangents.values(), *(f.after for f in d.factors)]
        self.roots += [*(f.before for f in d.factors), *local, *self.vocabulary.nodes.values()]
        self.roots += [n for f in d.factors for s in f.passes for n in arrived_and_sent(s)]
        self.roots += [s.node for f in d.factors for s in f.passes]
        self.twin, self.leaves = _twins(self.roots)
        rng = np.random.default_rng(0)
        self.all = [self._example(rng, k) for k in range(count)]

    def _example(self, rng: np.random.Generator, number: int) -> Example:
        """A draw at which the gradient is finite and not 0, with no probability at its clip."""
        spare = None
        for attempt in range(TRIES):
            positive = number % 3 == 2 or attempt > TRIES // 2
            example = self._draw(rng, number, positive, 0.93**attempt)
            if example is None:
                continue
            if np.abs(example.gradient).max(initial=0) > _SMALLEST:
                return example
            spare = example
        if spare is None:
            raise GraphError("no example was found at which the gradient is a finite number")
        return spare

    def _draw(
        self, rng: np.random.Generator, number: int, positive: bool, scale: float
    ) -> Example | None:
        extents = self._extents(number)
        shapes = self.shapes(extents)
        leaves = {n: _leaf(rng, n, shapes[n], positive, scale) for n in self.leaves}
        env = {self.leaves[n]: v for n, v in leaves.items()}
        self._make_distributions(env)
        return self._evaluated(env, extents)

    def at(self, leaves: Mapping[Node, np.ndarray], extents: dict[str, int]) -> Example | None:
        """The example with these values; None where it has no finite gradient, or nearly clips."""
        env = {self.leaves[n]: np.asarray(v, self.leaves[n].dtype) for n, v in leaves.items()}
        return self._evaluated(env, extents)

    def shapes(self, extents: Mapping[str, int]) -> dict[Node, tuple[int, ...]]:
        """The shapes of the leaves when named sizes have these values."""
        sizes = Sizes(self.facts(extents))
        return {n: tuple(map(sizes.value, t.type.shape)) for n, t in self.leaves.items()}

    def facts(self, extents: Mapping[str, int]) -> Facts:
        """All that is known of sizes, and these values."""
        facts = Facts()
        for node in self.twin.values():
            facts = facts.merge(node.facts)
        for name, extent in extents.items():
            facts = facts.equate(named(name), extent, "the example")
        return facts

    def _extents(self, number: int) -> dict[str, int]:
        """Values of the named sizes that no other size has."""
        nodes = self.twin.values()
        taken = {d for n in nodes for d in n.shape if not isinstance(d, Size)}
        free = [e for e in _EXTENTS if e not in taken]
        names = size_names(nodes)
        chosen = free[number % 2 :: 2]
        return {name: chosen[k % len(chosen)] for k, name in enumerate(names)}

    def _make_distributions(self, env: dict[Node, np.ndarray]) -> None:
        """Targets of a cross-entropy over classes are distributions: each row sums to 1."""
        for node in self.twin.values():
            if node.op.name.startswith("cce") and node.inputs[0] in env:
                rows = np.abs(env[node.inputs[0]]) + 0.05
                env[node.inputs[0]] = rows / rows.sum(axis=-1, keepdims=True)

    def _evaluated(self, env: dict[Node, np.ndarray], extents: dict[str, int]) -> Example | None:
        d, twin, facts = self.derivation, self.twin, self.facts(extents)
        probabilities = [
            n.inputs[_PROBABILITIES[n.op.name]]
            for n in dict.fromkeys(twin.values())
            if n.op.name in _PROBABILITIES
        ]
        roots = [*dict.fromkeys([*(twin[r] for r in self.roots), *probabilities])]
        found = dict(zip(roots, interpret(roots, env, Sizes(facts)), strict=True))
        if not all(np.isfinite(found[twin[n]]).all() for n in (d.gradient, *d.cotangents.values())):
            return None
        if any((found[p] < 1e-4).any() or (found[p] > 1 - 1e-4).any() for p in probabilities):
            return None
        of = lambda n: found[twin[n]]  # noqa: E731
        names = {k: of(n) for k, n in self.vocabulary.nodes.items()}
        forward = env | {twin[n]: of(n) for n in self.vocabulary.nodes.values()}
        local = [None if f.local.node is None else of(f.local.node) for f in d.factors]
        cotangents = {n: of(c) for n, c in d.cotangents.items()}
        quotients = {self.vocabulary.cotangent(n): v for n, v in cotangents.items()}
        quotients |= {
            self.vocabulary.quotient(f): v
            for f, v in zip(d.factors, local, strict=True)
            if v is not None and f.node is not d.result
        }
        quotients.pop(self.vocabulary.cotangent(d.result), None)
        sizes = {e: n for n, e in extents.items()}
        numbers = {
            n: np.asarray(extents[n], np.float64) for n in self.vocabulary.sizes if n in extents
        }
        values = Values(names | numbers, quotients, sizes)
        after = [of(f.after) for f in d.factors]
        steps = [s for f in d.factors for s in f.passes]
        inner = {n: of(n) for s in steps for n in arrived_and_sent(s)}
        return Example(
            self, forward, facts, values, of(d.gradient), cotangents, after, local, inner, extents
        )


def arrived_and_sent(step: Step) -> list[Node]:
    """The cotangent of a step of the sweep, and what it sends on."""
    sent = [c.value for c in step.contributions if isinstance(c, Cotangent)]
    return [step.cotangent.value, *sent]


def _leaf(
    rng: np.random.Generator, node: Node, shape: tuple[int, ...], positive: bool, scale: float
) -> np.ndarray:
    """Values for an input, a weight or a draw: of both signs, and as large as its use asks for."""
    if node.dtype == "bool":
        return rng.random(shape) < 0.5
    if not node.type.is_float:
        return rng.integers(0, 2, shape)
    if node.op.name == "random_uniform":
        return rng.random(shape)
    if isinstance(node, Variable):
        spread = 1.2 / np.sqrt(shape[0]) if len(shape) > 1 else 0.7
        return rng.normal(size=shape) * spread * scale
    return rng.uniform(0.15, 0.85, shape) if positive else rng.normal(size=shape)


def _twins(roots: list[Node]) -> tuple[dict[Node, Node], dict[Node, Node]]:
    """Each node in float64 with inputs in place of variables and draws; and these leaves alone."""
    twin: dict[Node, Node] = {}
    leaves: dict[Node, Node] = {}
    for node in walk(roots):
        if node.op.name == "constant":
            twin[node] = _constant(node)
        elif "identity" in node.attrs:
            dtype = "float64" if node.type.is_float else node.dtype
            name = str(node.attrs.get("name", node.op.name))
            twin[node] = leaves[node] = tensor(name, node.type.shape, dtype)
        else:
            attrs = {k: _wide(v) if k == "dtype" else v for k, v in node.attrs.items()}
            twin[node] = apply(node.op, *(twin[i] for i in node.inputs), **attrs)
    return twin, leaves


def _wide(dtype: Any) -> Any:
    return "float64" if dtype == "float32" else dtype


def _constant(node: Node) -> Node:
    """In float64 the number that was written: 0.01, not the float32 nearest to it."""
    value = node.attrs["value"]
    return (
        constant(value.astype(str).astype(np.float64), "float64")
        if node.dtype == "float32"
        else node
    )
