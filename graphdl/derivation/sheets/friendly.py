"""Numbers that a person likes to compute with: small, and leading to small ones on the way.

A deterministic search: candidates are drawn, the whole derivation is evaluated at each, and the one
whose values are the friendliest is kept. Weights of the model are only read here, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable, walk
from graphdl.derivation.grading.examples import Example, Examples

CANDIDATES = 240
LARGEST = 60  # numbers that an exercise gives
_INPUTS = (-2.0, -1.0, 1.0, 2.0, 3.0)
_WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_OFFSETS = (-1.0, -0.5, 0.0, 0.5, 1.0)

Leaves = dict[Node, np.ndarray]


def friendly_values(examples: Examples, seed: int, rows: int) -> tuple[Leaves, dict[str, int]]:
    """Values for inputs and weights, and for the named sizes: `rows` examples.

    Raises GraphError for a network that is too large to compute by hand, or has random draws.
    """
    extents = dict.fromkeys(examples.vocabulary.sizes, rows)
    shapes = examples.shapes(extents)
    _check(shapes)
    rng = np.random.default_rng(seed)
    found: list[tuple[float, Leaves, Example]] = []
    for _ in range(CANDIDATES):
        leaves = {n: _draw(rng, n, shape) for n, shape in shapes.items()}
        _set_targets(rng, examples, leaves)
        example = examples.at(leaves, extents)
        if example is not None and example.gradient.any():
            found.append((_cost(example), leaves, example))
    for _, leaves, example in sorted(found, key=lambda f: f[0]):
        if _is_smooth(example):
            return leaves, extents
    raise GraphError(
        "no friendly numbers were found at which the gradient is a number other than 0"
    )


def _is_smooth(example: Example) -> bool:
    """Has J no kink there in the weight (relu at 0, |0|)? Else no difference quotient is ∂J/∂w."""
    d, twin = example.examples.derivation, example.examples.twin
    leaves = {t: example.env[t] for t in example.examples.leaves.values()}
    w = leaves[twin[d.wrt]]
    towards = 1e-6 * np.linspace(0.6, 1.0, w.size).reshape(w.shape)
    below, here, above = (
        float(example.compute([twin[d.result]], leaves | {twin[d.wrt]: w + k * towards})[0])
        for k in (-1, 0, 1)
    )
    return abs(above + below - 2 * here) < 1e-9


def _check(shapes: Mapping[Node, tuple[int, ...]]) -> None:
    count = sum(int(np.prod(shape)) for shape in shapes.values())
    if count > LARGEST:
        raise GraphError(
            f"this network has {count} inputs and weights, too many to compute by hand; "
            f"take one with at most {LARGEST}"
        )
    draws = [n.op.name for n in shapes if n.op.name.startswith("random")]
    if draws:
        raise GraphError("a network with random draws (dropout) has no key; take one without")


def _draw(rng: np.random.Generator, node: Node, shape: tuple[int, ...]) -> np.ndarray:
    if not node.type.is_float:
        return rng.integers(0, 2, shape)
    if not isinstance(node, Variable):
        return rng.choice(_INPUTS, shape)
    return rng.choice(_WEIGHTS if len(shape) != 1 else _OFFSETS, shape)


def _set_targets(rng: np.random.Generator, examples: Examples, leaves: Leaves) -> None:
    """Targets of a cross-entropy are 0 or 1; over classes one of each row is 1."""
    for node in walk([examples.derivation.result]):
        kind = node.op.name.partition("_")[0]
        target = node.inputs[0] if node.inputs else None
        if target not in leaves or isinstance(target, Variable):
            continue
        shape = leaves[target].shape
        if kind == "bce":
            leaves[target] = rng.integers(0, 2, shape).astype(np.float64)
        elif kind == "cce":
            leaves[target] = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def _cost(example: Example) -> float:
    """How unfriendly the numbers of an example are, on the way and at its end."""
    nodes = example.examples.vocabulary.nodes
    cost = 30 * max(np.mean(np.abs(example.gradient) < 1e-12) - 0.5, 0)
    for name, value in [*example.values.names.items(), ("", example.gradient)]:
        if name in nodes and _cuts(nodes[name]):
            zeros = np.mean(value == 0)
            cost += 12 if zeros in (0, 1) else 0  # one unit that is cut off teaches most
        elif name in nodes or not name:
            cost += np.sum(_unfriendly(value)) + np.sum(np.maximum(np.abs(value) - 2, 0))
    return float(cost)


def _cuts(node: Node) -> bool:
    """Is it a relu under a name, whose zeros are meant?"""
    return node.op.name == "named" and node.inputs[0].op.name.startswith("relu")


def _unfriendly(numbers: np.ndarray) -> np.ndarray:
    """1 for what is no quarter of a whole number; 2 for a 0, which hides mistakes."""
    quarters = np.abs(numbers * 4 - np.round(numbers * 4)) < 1e-9
    return np.where(np.abs(numbers) < 1e-12, 2.0, np.where(quarters, 0.0, 1.0))
