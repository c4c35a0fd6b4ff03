"""What a graph means: every op's NumPy reference, node after node.

This is the definition that each faster path is compared with. It knows nothing of lowering.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable, walk
from graphdl.core.notation import plain
from graphdl.core.sizes import Dim, Facts, Size
from graphdl.core.streams import stream_numbers


class Sizes:
    """The values of named sizes in one evaluation, learnt from the arrays that are passed in."""

    def __init__(self, facts: Facts | None = None) -> None:
        self.facts = facts or Facts()

    def learn(self, shape: tuple[Dim, ...], actual: tuple[int, ...], what: str) -> None:
        if len(shape) != len(actual):
            raise GraphError(f"{what} has {len(actual)} axes, expected {len(shape)}: {shape}")
        for d, n in zip(shape, actual, strict=True):
            self.facts = self.facts.equate(d, n, what)

    def value(self, d: Dim) -> int:
        solved = self.facts.resolve(d)
        if isinstance(solved, Size):
            raise GraphError(f"the size {solved} is not known: no array that is passed in has it")
        return solved

    def shape(self, shape: tuple[Dim, ...]) -> tuple[int, ...]:
        return tuple(map(self.value, shape))


def interpret(
    roots: Iterable[Node],
    env: Mapping[Node, Any],
    sizes: Sizes | None = None,
    seed: int = 0,
    step: int = 0,
) -> list[np.ndarray]:
    """The values of the roots; `env` gives arrays for symbols, and for any node to override it.

    Random draws are those of `seed` at `step`.
    """
    roots = list(roots)
    order = walk(roots, stop=set(env))
    streams = stream_numbers(order)
    values: dict[Node, np.ndarray] = {}
    sizes = sizes or Sizes()
    for node in order:
        if node in env:
            values[node] = np.asarray(env[node], node.dtype)
            label = plain(node.attrs.get("name", node.op.name))
            sizes.learn(node.type.shape, values[node].shape, label)
        else:
            sizes.facts = sizes.facts.merge(node.facts)
    with np.errstate(all="ignore"):
        for node in order:
            if node not in values:
                draw = (streams[node], seed, step) if node in streams else None
                values[node] = evaluate(node, [values[i] for i in node.inputs], sizes, draw)
    return [values[r] for r in roots]


def evaluate(
    node: Node,
    inputs: list[np.ndarray],
    sizes: Sizes,
    draw: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """One node's value from those of its inputs; `draw` is a random one's stream, seed and step."""
    if isinstance(node, Variable):
        return node.storage
    if node.op.name == "tensor":
        raise GraphError(f"no value was given for {node.attrs['name']!r}")
    attrs = {k: _sized(v, sizes) for k, v in node.attrs.items() if k != "identity"}
    if draw is not None:
        stream, seed, step = draw
        own = attrs["seed"]
        attrs |= {"stream": stream, "seed": seed if own is None else own, "step": step}
    return np.asarray(node.op.reference(*inputs, **attrs), node.dtype)


def _sized(value: Any, sizes: Sizes) -> Any:
    """Attributes with named sizes replaced by numbers."""
    if isinstance(value, Size):
        return sizes.value(value)
    if isinstance(value, tuple):
        return tuple(_sized(v, sizes) for v in value)
    return value
