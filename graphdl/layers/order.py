"""The layers of a graph in Keras's order, and their names within a model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, rename, walk
from graphdl.layers.base import Layer, snake


def layers_of(ends: Sequence[Node]) -> list[Layer]:
    """The layers in Keras's order, so that get_weights() and set_weights() have it too.

    The layer with most steps between it and the outputs comes first; of layers with equally many,
    the one that is met first on the way back from the outputs.
    """
    steps: dict[Node, int] = {}
    depth: dict[Layer, int] = {}
    for node in reversed(walk(ends)):
        after = steps.get(node, 0)
        if node.op.name == "layer_call":
            layer = node.attrs["layer"]
            after = depth[layer] = max(after, depth.get(layer, 0))
        for i in node.inputs:
            steps[i] = max(steps.get(i, 0), after + 1)
    met = {layer: k for k, layer in enumerate(_met_from(ends))}
    return sorted(depth, key=lambda layer: (-depth[layer], met[layer]))


def _met_from(ends: Sequence[Node]) -> list[Layer]:
    """The layers as a walk from the outputs to the inputs, first inputs first, meets them."""
    met: dict[Layer, None] = {}
    seen: set[Node] = set()
    stack = list(reversed(ends))
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node.op.name == "layer_call":
                met.setdefault(node.attrs["layer"])
            stack.extend(reversed(node.inputs))
    return list(met)


def name_within(layers: Sequence[Layer], path: str = "") -> None:
    """dense, dense_1, …: names that were not given are counted; weights have their layer's path."""
    used = {layer._given_name for layer in layers if layer._given_name}
    taken: set[str] = set()
    for layer in layers:
        if layer._given_name is None:
            base = snake(type(layer).__name__)
            candidates = (f"{base}_{k}" if k else base for k in itertools.count())
            layer.name = next(name for name in candidates if name not in used | taken)
        elif layer._given_name in taken:
            raise GraphError(f"two layers of the model are called {layer.name!r}; rename one")
        taken.add(layer.name)
        for weight in layer._weights:
            rename(weight, f"{path}{layer.name}/{weight.name.rpartition('/')[2]}")
        name_within(layer.sublayers, f"{path}{layer.name}/")
