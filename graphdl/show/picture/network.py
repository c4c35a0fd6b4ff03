"""A model as a scene: one box a layer; or, where that is wanted, what a layer is made of, framed.

A model that is called outside of a trace gives nodes that remember layers: these are the boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, rebuild, walk
from graphdl.core.notation import plain
from graphdl.core.tensor import off_tape
from graphdl.layers.trace import Trace, tracing
from graphdl.show.picture.operations import operations, shape_text
from graphdl.show.picture.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is said of a layer, in the words of Keras's `plot_model`."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    expand_nested: bool = False
    show_layer_activations: bool = False
    show_trainable: bool = False
    operations: bool = False  # the operations inside each layer, in inference


def network(model: Any, details: Details) -> Scene:
    """The scene of a built model."""
    model._require_built()
    symbols = list(model._symbols)
    expansion = _Expansion(details)
    names = {w: w.name.rpartition("/")[2] for w in model.weights}  # their frames say the rest
    with off_tape():
        try:
            ends = _flat(model.call(symbols if len(symbols) > 1 else symbols[0]))
        except GraphError:  # a call() that says more than layers do: its operations
            ends, names = model.symbolic_outputs(), {}
        ends = expansion.expand(ends, dict(zip(symbols, symbols, strict=True)), ())
    if details.operations and len(ends) == 1:
        path = expansion.owners.get(ends[0], ())
        ends = [ends[0].named("ŷ")]
        expansion.owners[ends[0]] = path
    return operations(
        [*symbols, *ends],
        show_shapes=details.show_shapes,
        names=names,
        owners=expansion.owners,
        describe=lambda node: _words(node, details),
        title=f"Model {plain(model.name)}",
    )


def _flat(output: Any) -> list[Node]:
    return list(output) if isinstance(output, (list, tuple)) else [output]


@dataclass
class _Expansion:
    """Calls of layers replaced by what is inside, as far as the details ask for."""

    details: Details
    owners: dict[Node, tuple[str, ...]] = field(default_factory=dict)
    number: int = 0
    calls: dict[Any, int] = field(default_factory=dict)  # of each layer so far

    def expand(
        self, ends: Sequence[Node], given: Mapping[Node, Node], path: tuple[str, ...]
    ) -> list[Node]:
        """The ends on the given values, with the frames of what is new."""
        value = dict(given)
        for node in walk(ends, stop=set(given)):
            if node not in value:
                arguments = [value[i] for i in node.inputs]
                value[node] = self._inside(node, arguments, path)
        return [value[e] for e in ends]

    def _inside(self, node: Node, arguments: list[Node], path: tuple[str, ...]) -> Node:
        layer = node.attrs.get("layer") if node.op.name == "layer_call" else None
        if layer is None:
            return self._own(rebuild(node, tuple(arguments)), arguments, path)
        many = node.attrs["options"]
        inputs = arguments if many else arguments[0]
        self.number += not path
        if layer.sublayers and (self.details.expand_nested or self.details.operations):
            try:
                inner = _flat(layer.call(inputs))
            except GraphError:  # it can be traced only as a whole
                return self._own(rebuild(node, tuple(arguments)), arguments, path)
            frame = self._frame(layer)
            given = {a: a for a in arguments}
            return self.expand(inner, given, (*path, frame))[0]
        if not self.details.operations:
            return self._own(rebuild(node, tuple(arguments)), arguments, path)
        with tracing(Trace(training=False)) as trace:
            trace.suffix = "" if path else str(self.number)
            output = layer.traced(inputs, False)
        return self._own(output, arguments, (*path, self._frame(layer)))

    def _frame(self, layer: Any) -> str:
        """The layer's name; with a number from its second call on."""
        text = f"{plain(layer.name)} ({type(layer).__name__})"
        self.calls[layer] = self.calls.get(layer, 0) + 1
        return text if self.calls[layer] == 1 else f"{text}, call {self.calls[layer]}"

    def _own(self, output: Node, arguments: Iterable[Node], path: tuple[str, ...]) -> Node:
        if path:
            for node in walk([output], stop=set(arguments)):
                if node not in arguments and node.op.name != "tensor":
                    self.owners.setdefault(node, path)
        return output


def _words(node: Node, details: Details) -> tuple[str, tuple[str, ...]] | None:
    """Label and lines of an input or of a layer; of an operation its formula is enough."""
    if node.op.name == "tensor":
        name = plain(str(node.attrs["name"]))
        return name if details.operations else f"{name} (Input)", _types(node, details)
    if node.op.name != "layer_call":
        return None
    layer = node.attrs["layer"]
    kind = type(layer).__name__
    label = f"{plain(layer.name)} ({kind})" if details.show_layer_names else kind
    return label, (*_activation(layer, details), *_types(node, details), *_trained(layer, details))


def _activation(layer: Any, details: Details) -> tuple[str, ...]:
    g = getattr(layer, "activation", None)
    if g is None or not details.show_layer_activations:
        return ()
    name = g if isinstance(g, str) else getattr(g, "__name__", type(g).__name__)
    return (plain(str(name)),)


def _types(node: Node, details: Details) -> tuple[str, ...]:
    shapes = [shape_text(i.shape) for i in (*node.inputs, node)] if details.show_shapes else []
    before, after = ", ".join(shapes[:-1]), shapes[-1:]
    lines = [f"{before} → {s}" if before else s for s in after]
    return (*lines, *([node.dtype] if details.show_dtype else []))


def _trained(layer: Any, details: Details) -> tuple[str, ...]:
    if not details.show_trainable:
        return ()
    return ("trainable" if layer.trainable else "not trainable",)
