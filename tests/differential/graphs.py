"""Random graphs of the whole vocabulary: one recipe, built in graphdl and run in PyTorch.

A recipe is data: inputs, and steps that apply rules to earlier values. It is drawn together with
its values, so that each step stays within bounds and away from the kinks of its rule. The loss is a
weighted sum of all values that no step used, so that every input matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphdl as gd
from graphdl.core.graph import Node
from graphdl.ops import entropy
from tests.differential.rule import Rule
from tests.differential.vocabulary import RULES

SIZES = (1, 2, 3, 5, 7)
NAMED = 7  # axes of this length get a name in half of the graphs
NEAR, LARGE = 1e-3, 20.0  # how close to a kink, how large a value may be


class Graphdl:
    """graphdl's functions, on nodes and on arrays."""

    bce, cce = staticmethod(entropy.bce), staticmethod(entropy.cce)

    def __getattr__(self, name: str) -> Any:
        return getattr(gd, name)

    def constant(self, value, like):
        if not isinstance(like, Node):
            return value
        return gd.constant(value, like.dtype if value.dtype.kind == "f" else None)

    def one_hot(self, indices, depth, like):
        return gd.one_hot(
            indices, depth, like.dtype.name if hasattr(like.dtype, "name") else like.dtype
        )

    def top_k(self, x, k):
        return gd.top_k(x, k)[0]


@dataclass(frozen=True)
class Step:
    """One rule applied to earlier values."""

    rule: Rule
    operands: tuple[int, ...]
    attrs: dict


@dataclass
class Recipe:
    """A random graph. `values` are those of float64, inputs first."""

    seed: int
    arrays: list[np.ndarray]
    steps: list[Step] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)

    @property
    def ends(self) -> list[int]:
        """The values that no step uses."""
        used = {k for s in self.steps for k in s.operands}
        return [k for k in range(len(self.values)) if k not in used]

    def loss(self, m: Any, inputs: list) -> Any:
        """The loss over library `m`."""
        values = list(inputs)
        for s in self.steps:
            values.append(s.rule.formula(m, *(values[k] for k in s.operands), **s.attrs))
        total = 0.0
        for k, w in zip(self.ends, self.weights, strict=True):
            total = total + m.sum(values[k] * m.constant(w, values[k]))
        return total

    def __str__(self) -> str:
        names = [f"{s.rule.name}{s.operands}" for s in self.steps]
        return f"seed {self.seed}: inputs {[a.shape for a in self.arrays]}; {'; '.join(names)}"


def draw(seed: int) -> Recipe:
    """A recipe of 5, 10, 20 or 40 steps."""
    random = np.random.default_rng(seed)
    count = (5, 10, 20, 40)[seed % 4]
    arrays = [random.normal(size=_shape(random, k)) for k in range(random.integers(2, 5))]
    recipe = Recipe(seed, arrays, values=list(arrays))
    names = list(RULES)
    while len(recipe.steps) < count:
        _try(recipe, RULES[names[random.integers(len(names))]], random)
    for k in recipe.ends:
        shape = recipe.values[k].shape
        recipe.weights.append(random.uniform(0.5, 1.5, shape) / np.sqrt(max(np.prod(shape), 1)))
    return recipe


def _shape(random: np.random.Generator, position: int) -> tuple[int, ...]:
    """Ranks 0 to 3 (the first input a matrix); sizes 1 and primes, now and then an empty axis."""
    rank = 2 if position == 0 else random.integers(0, 4)
    shape = [int(random.choice(SIZES)) for _ in range(rank)]
    if position > 1 and rank and random.integers(8) == 0:
        shape[0] = 0
    return tuple(shape)


def _try(recipe: Recipe, rule: Rule, random: np.random.Generator) -> None:
    """Add one step where it fits: recent values are taken more often, so that graphs are deep."""
    age = np.arange(len(recipe.values)) + 1.0
    operands = tuple(random.choice(len(age), rule.arity, p=age / age.sum()).tolist())
    xs = [recipe.values[k] for k in operands]
    attrs = rule.choose(random, *xs)
    if attrs is None or any(_near(k) for k in rule.kinks(*xs, **attrs)):
        return
    value = np.asarray(rule.formula(Graphdl(), *xs, **attrs))
    if value.ndim <= 4 and value.size <= 200 and (np.abs(value) < LARGE).all():
        recipe.steps.append(Step(rule, operands, attrs))
        recipe.values.append(value)


def _near(distance: Any) -> bool:
    return bool((np.abs(distance) < NEAR).any())


@dataclass
class Built:
    """A loss in graphdl with what it is differentiated by and called with."""

    symbols: list[Node]
    arrays: list[np.ndarray]
    loss: Node
    wrt: list[Node]

    @property
    def outputs(self) -> list[Node]:
        return [self.loss, *gd.grad(self.loss, self.wrt)]


def build(recipe: Recipe, dtype: str) -> Built:
    """The graph in graphdl; in graphs of odd number, an axis of 7 has the named size n."""
    named = recipe.seed // 4 % 2 == 1
    symbols = [
        gd.tensor(f"x{k}", tuple("n" if d == NAMED and named else d for d in a.shape), dtype)
        for k, a in enumerate(recipe.arrays)
    ]
    return Built(
        symbols, [a.astype(dtype) for a in recipe.arrays], recipe.loss(Graphdl(), symbols), symbols
    )
