"""Models: layers put together, compiled, trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl import losses, metrics, optimizers, table
from graphdl.core.errors import GraphError, NotBuiltError, NotCompiledError, ShapeError
from graphdl.core.graph import Node, Variable, rebuild, rename, walk
from graphdl.core.types import floatx
from graphdl.layers.base import Layer, Trace, _trace, tracing
from graphdl.layers.core import BATCH
from graphdl.ops.build import tensor
from graphdl.training.fit import Training


class Model(Training, Layer):
    """A network from input nodes to output nodes: `Model(inputs, outputs)`.

    Or a subclass that defines `call(inputs, training=False)` over layers it holds as attributes.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None) -> None:
        Layer.__init__(self, name)
        Training.__init__(self)
        self._symbols: list[Node] = []
        self._output: Any = None
        if (inputs is None) != (outputs is None):
            raise GraphError("Model takes inputs and outputs together, or neither (in a subclass)")
        if inputs is not None:
            self._symbols = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            self._many_outputs = isinstance(outputs, (list, tuple))
            self._ends = list(outputs) if self._many_outputs else [outputs]
            self._check_functional()
            self.layers_in_order = _layers_of(self._ends)
            self._layers.extend(self.layers_in_order)
            self._finish()

    # -------------------------------------------------- structure

    def _check_functional(self) -> None:
        for node in self._symbols:
            if not isinstance(node, Node) or node.op.name != "tensor":
                raise GraphError(f"a model's input is made by gd.layers.Input, got {node!r:.60}")
        if len(set(self._symbols)) != len(self._symbols):
            raise GraphError("an input is listed twice; list each input once")
        given = set(self._symbols)
        for end in self._ends:
            if not isinstance(end, Node):
                raise GraphError(f"a model's output is a node, got {type(end).__name__}")
        needed = [n for n in walk(self._ends) if n.op.name == "tensor"]
        for node in needed:
            if node not in given:
                raise GraphError(
                    f"the outputs depend on the input {node.attrs['name']!r} (declared at "
                    f"{node.origin}), which is not among the model's inputs"
                )
        for node in self._symbols:
            if node not in needed:
                raise GraphError(f"the outputs do not depend on the input {node.attrs['name']!r}")

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order data passes them."""
        return list(getattr(self, "layers_in_order", self.sublayers))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not self._symbols:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        value = dict(zip(self._symbols, given, strict=True))
        for node in walk(self._ends, stop=set(self._symbols)):
            if node in value:
                continue
            arguments = [value[i] for i in node.inputs]
            if node.op.name == "layer_call":
                many = node.attrs["options"]
                value[node] = node.attrs["layer"](arguments if many else arguments[0])
            else:
                value[node] = rebuild(node, tuple(arguments))
        ends = [value[e] for e in self._ends]
        return ends if self._many_outputs else ends[0]

    def on_nodes(self, inputs: Sequence[Node], training: bool) -> Any:
        """The output nodes for input nodes, in the trace that is open; the prediction is named ŷ."""
        many = len(self._symbols) > 1
        trace = _trace.get()
        if trace is not None:
            trace.suffix = trace.suffix or "·"
        output = self.traced(list(inputs) if many else inputs[0], training)
        return output.named("ŷ") if isinstance(output, Node) else output

    def _finish(self) -> None:
        """Names counted within this model, and the output's type."""
        self._name_layers()
        with tracing(Trace(training=False)):
            self._output = self.on_nodes(self._symbols, False)
        self._name_layers()
        self.built = True

    def _name_layers(self) -> None:
        """dense, dense_1, …: a name that was not given is counted within the model."""
        taken: dict[str, int] = {}
        used = {layer._given_name for layer in self.layers if layer._given_name}
        seen: set[str] = set()
        for layer in self.layers:
            base = layer._given_name or _kind(layer)
            if layer._given_name is None:
                while True:
                    count = taken.get(base, 0)
                    taken[base] = count + 1
                    layer.name = f"{base}_{count}" if count else base
                    if layer.name not in used:
                        break
            elif layer._given_name in seen:
                raise GraphError(f"two layers of the model are called {layer.name!r}; rename one")
            seen.add(layer.name)
            for weight in layer.weights:
                rename(weight, f"{layer.name}/{weight.name.rpartition('/')[2]}")

    def build_for(self, x: Any) -> None:
        """Create the weights for data like `x`, where the model does not know its input yet."""
        if self.built:
            return
        arrays = [np.asarray(a) for a in x] if isinstance(x, (list, tuple)) and all(
            isinstance(a, np.ndarray) for a in x
        ) else [np.asarray(x)]
        for a in arrays:
            if a.ndim < 2:
                raise ShapeError(f"x has shape {a.shape}; the model expects one row an example")
        names = ["x"] if len(arrays) == 1 else [f"x{k + 1}" for k in range(len(arrays))]
        self._symbols = [
            tensor(n, (BATCH, *a.shape[1:]), floatx() if a.dtype.kind == "f" else None)
            for n, a in zip(names, arrays, strict=True)
        ]
        self._finish()

    # -------------------------------------------------- reading

    def summary(self, print_fn: Any = None) -> None:
        """Print layers, output shapes and numbers of parameters."""
        (print_fn or print)(self.summary_text())

    def summary_text(self) -> str:
        """What `summary` prints."""
        if not self.built:
            raise NotBuiltError(
                f"{self.name!r} is not built: its input is unknown. Start it with "
                "gd.layers.Input(shape=…), or call fit first"
            )
        rows = []
        shape: Any = self._symbols[0].shape if self._symbols else ()
        shapes = self._layer_shapes()
        for layer in self.layers:
            shape = shapes.get(layer, shape)
            count = sum(w.storage.size for w in layer.weights)
            text = f"({', '.join('None' if d == self._batch() else str(d) for d in shape)})"
            rows.append((f"{layer.name} ({type(layer).__name__})", text, count))
        total = sum(w.storage.size for w in self.weights)
        trainable = sum(w.storage.size for w in self.trainable_weights)
        size = lambda ws: sum(w.storage.nbytes for w in ws)  # noqa: E731
        footer = [
            table.total("Total params", total, size(self.weights)),
            table.total("Trainable params", trainable, size(self.trainable_weights)),
            table.total("Non-trainable params", total - trainable, size(self.non_trainable_weights)),
        ]
        return table.render(
            f'Model: "{self.name}"', ("Layer (type)", "Output Shape", "Param #"), rows, footer
        )

    def _batch(self) -> Any:
        return self._symbols[0].shape[0]

    def _layer_shapes(self) -> dict[Layer, tuple]:
        return {
            n.attrs["layer"]: n.shape for n in walk(getattr(self, "_ends", [])) if n.op.name == "layer_call"
        }

    @property
    def output_shape(self) -> tuple:
        """The shape of the prediction; the number of examples is a named size."""
        self._require_built()
        return self._output.shape

    def _require_built(self) -> None:
        if not self.built:
            raise NotBuiltError(
                f"{self.name!r} has no weights yet: start it with gd.layers.Input(shape=…), or "
                "call fit first"
            )

    def _require_compiled(self, what: str) -> None:
        if self.optimizer is None:
            raise NotCompiledError(f"call model.compile(optimizer, loss) before model.{what}")

    def weight(self, name: str) -> Variable:
        """A weight by its name, such as "dense/kernel"."""
        self._require_built()
        by_name = {w.name: w for w in self.weights}
        if name not in by_name:
            raise GraphError(f"no weight is called {name!r}; there are {', '.join(by_name)}")
        return by_name[name]

    # -------------------------------------------------- compiling

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
        *,
        target: str = "cpu",
        check_finite: bool = True,
    ) -> None:
        """Choose how the model is trained. Nothing is compiled before data comes.

        check_finite: refuse a step whose loss or gradient is not finite (NonFiniteError).
        """
        if loss is None:
            raise ValueError("compile needs a loss, such as loss='binary_crossentropy'")
        chosen = optimizers.get(optimizer), losses.get(loss)
        for metric in (*(metrics or ()), *(weighted_metrics or ())):
            _known_metric(metric)
        self._configure(
            *chosen, list(metrics or ()), list(weighted_metrics or ()), target, check_finite
        )


class Sequential(Model):
    """Layers one after the other. The first item may be gd.layers.Input(shape=…)."""

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers_in_order: list[Layer] = []
        self._shapes: dict[Layer, tuple] = {}
        for item in layers or ():
            self.add(item)
        if self._symbols and self.layers_in_order:
            self._finish()

    def add(self, layer: Any) -> None:
        """Append a layer."""
        if isinstance(layer, Node):
            if self.layers_in_order or self._symbols or layer.op.name != "tensor":
                raise GraphError("Input stands first in a Sequential, once")
            self._symbols = [layer]
            return
        if not isinstance(layer, Layer):
            raise GraphError(f"a Sequential holds layers, got {type(layer).__name__} {layer!r:.60}")
        if layer in self.layers_in_order:
            raise GraphError(f"the layer {layer.name!r} is used twice; make a second one")
        self.layers_in_order.append(layer)
        self._layers.append(layer)
        if self.built:
            self.built = False
            self._finish()

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not self.layers_in_order:
            raise GraphError(f"{self.name!r} has no layers; add one before using it")
        trace, number, node = _trace.get(), 0, inputs
        for layer in self.layers_in_order:
            outer = trace.suffix if trace else ""
            if trace is not None and outer:
                number += 1
                trace.suffix = str(number) if outer == "·" else ""
            node = layer(node)
            self._shapes[layer] = node.shape
            if trace is not None:
                if trace.suffix and layer is not self.layers_in_order[-1]:
                    node = node.named(f"h{trace.suffix}")
                trace.suffix = outer
        return node

    def _layer_shapes(self) -> dict[Layer, tuple]:
        return self._shapes


def _layers_of(ends: Sequence[Node]) -> list[Layer]:
    calls = [n.attrs["layer"] for n in walk(ends) if n.op.name == "layer_call"]
    return list(dict.fromkeys(calls))


def _kind(layer: Layer) -> str:
    name = type(layer).__name__
    return "".join("_" + c.lower() if c.isupper() and k else c.lower() for k, c in enumerate(name))


def _known_metric(metric: Any) -> None:
    """Refuse an unknown name at once; the form of "accuracy" is chosen when data comes."""
    if isinstance(metric, str) and metric.lower() not in ("accuracy", "acc"):
        metrics.lookup_name(metric)
