"""`Layer`: weights, and a `call` that is traced as mathematics, not run.

A layer is called on nodes and gives a node; `call` runs once for each mode (training or not) that a
model compiles. Called on arrays it gives numbers.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl import config, constraints, initializers, memory, regularizers
from graphdl.configuration import Configured
from graphdl.core.errors import GraphError, NotBuiltError, ShapeError
from graphdl.core.graph import Node, Variable, apply, fresh_identity
from graphdl.core.interpret import interpret
from graphdl.core.tensor import Tensor, recording
from graphdl.core.types import FLOATS, Type, dtype_name
from graphdl.layers.trace import Trace, _trace, call_op, current, tracing
from graphdl.ops.build import cast, constant, variable
from graphdl.ops.reduce import size_of


class Layer(Configured):
    """Base of all layers.

    A subclass creates weights with `add_weight` (in `__init__`, or in `build(input_shape)` when they
    depend on the input) and says in `call(inputs, training=False)` what comes out.
    """

    def __init__(
        self,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
    ) -> None:
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"a layer's name is a string, got {name!r}")
        self._weights: list[Variable] = []
        self._frozen: set[Variable] = set()
        self._layers: list[Layer] = []
        self._penalties: list[tuple[Any, Variable]] = []
        self._given_name = name
        self.name = name or snake(type(self).__name__)
        self.dtype = dtype_name(dtype)
        self.trainable = trainable
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.called_on: Type | list[Type] | None = None  # what the weights were made for

    def __setattr__(self, key: str, value: Any) -> None:
        """Layers that are attributes belong to this one; so do those in lists."""
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, Layer) and key != "_layers":
                self._tracked().append(item)
        super().__setattr__(key, value)

    @property
    def trainable(self) -> bool:
        """Are its weights trained? Setting it sets that of the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.sublayers:
            layer.trainable = value

    def modes(self) -> tuple:
        """Which layers are trained, this one and those inside: what a trace depends on."""
        return (self.trainable, *(layer.modes() for layer in self.sublayers))

    def _tracked(self) -> list[Layer]:
        layers = self.__dict__.get("_layers")
        if layers is None:
            raise GraphError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it sets layers"
            )
        return layers

    # -------------------------------------------------- weights

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A weight of whole-number sizes, filled by the initializer (default: Glorot uniform).

        regularizer: its penalty joins the loss; constraint: what each step brings the weight to.
        """
        if "_weights" not in self.__dict__:
            raise GraphError(
                f"{type(self).__name__}.__init__ must call super().__init__() before add_weight"
            )
        size = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        for n in size:
            if isinstance(n, bool) or not hasattr(n, "__index__") or n < 0:
                raise ShapeError(
                    f"{self.name!r}, add_weight: sizes are whole numbers, got {shape!r}; a size that "
                    "depends on the input is known in build(input_shape)"
                )
        label = name or f"weight{len(self._weights) or ''}"
        memory.require(
            f"the weight {label!r} of {self.name!r}",
            math.prod(int(n) for n in size) * np.dtype(dtype or self.dtype).itemsize,
        )
        value = initializers.evaluate(initializer or "glorot_uniform", size, dtype or self.dtype)
        weight = variable(
            value, f"{self.name}/{label}", dtype or self.dtype, constraints.get(constraint)
        )
        self._weights.append(weight)
        if not trainable:
            self._frozen.add(weight)
        if regularizer is not None:
            self._penalties.append((regularizers.get(regularizer), weight))
        return weight

    def add_update(self, target: Variable, value: Node) -> None:
        """While training, `target` becomes `value` at the end of each step."""
        trace = current("add_update")
        if trace.training:
            trace.updates[target] = value

    def add_loss(self, value: Node) -> None:
        """Add a scalar to the loss that training minimises."""
        current("add_loss").losses.append(value)

    def label(self, node: Node, letter: str) -> Node:
        """Name an intermediate for printing and derivations, numbered by the layer."""
        trace = _trace.get()
        return node.named(f"{letter}{trace.suffix}") if trace and trace.suffix else node  # type: ignore[attr-defined]

    # -------------------------------------------------- calling

    def build(self, input_shape: Any) -> None:
        """Create the weights that depend on the shape of the input."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What comes out, as mathematics of what goes in."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        tape = recording.get()
        if tape is not None:
            return tape.call_layer(self, inputs, training)  # it comes back off the tape
        if not _is_nodes(inputs):
            return self._on_arrays(inputs, training)
        self._ensure_built(inputs)
        trace = _trace.get()
        if trace is not None:
            return self._numbered(inputs, trace)
        probe = Trace(training=False)
        with tracing(probe):
            output = self.traced(inputs, False)
        if not isinstance(output, Node):
            return output
        nodes = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        return apply(
            call_op,
            *nodes,
            layer=self,
            output=output.type,
            identity=fresh_identity(),
            options=isinstance(inputs, (list, tuple)),
        )

    def _numbered(self, inputs: Any, trace: Trace) -> Any:
        """The call in a trace; a model's own call() leaves it to us to number its layers."""
        outer = trace.suffix
        if outer == "·":
            trace.calls += 1
            trace.suffix = str(trace.calls)
        output = self.traced(inputs, trace.training)
        trace.suffix = outer
        return output

    def traced(self, inputs: Any, training: bool) -> Any:
        """`call` on nodes, with `training` only where the subclass takes it."""
        takes = _takes_training(getattr(self.call, "__func__", self.call))
        output = self.call(inputs, training=training) if takes else self.call(inputs)
        trace = _trace.get()
        if trace is not None:
            if self not in trace.shapes:  # a layer used twice is penalised once
                trace.losses += self._own_penalties()
            if self.activity_regularizer is not None:
                trace.losses += map(self._activity_penalty, flat(output))
            trace.shapes[self] = output.shape if isinstance(output, Node) else ()
        return output

    def _own_penalties(self) -> list[Node]:
        """The penalties on weights that are trained: those of others are constant."""
        trained = set(self.trainable_weights)
        return [regularizer(w) for regularizer, w in self._penalties if w in trained]

    def _activity_penalty(self, output: Node) -> Node:
        """The regularizer's value for one example, on average."""
        total = self.activity_regularizer(output)
        return total / cast(size_of(output, (0,)), total.dtype) if output.rank else total

    @property
    def losses(self) -> list[Node]:
        """The penalties on weights, those of inner layers included, as expressions of the weights."""
        return self._own_penalties() + [p for layer in self.sublayers for p in layer.losses]

    def _ensure_built(self, inputs: Any) -> None:
        """Create the weights for inputs like these nodes, if there are none yet."""
        if not self.built:
            shapes = (
                [n.shape for n in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape
            )
            self.build(shapes)
            self.built, self.called_on = True, _types(inputs)

    def _on_arrays(self, inputs: Any, training: bool) -> Any:
        with tracing(Trace(training, at_once=True)):
            arrays = inputs if _holds_arrays(inputs) else (inputs,)
            nodes = [constant(np.asarray(a), self._float_of(a)) for a in arrays]
            output = self(nodes[0] if len(nodes) == 1 else nodes, training=training)
        values = interpret(flat(output), {}, seed=config.seed())
        if any(
            isinstance(a, Tensor) for a in arrays
        ):  # as with operations: tensors in, tensors out
            values = [Tensor(value) for value in values]
        return values if isinstance(output, (list, tuple)) else values[0]

    def _float_of(self, value: Any) -> str | None:
        kind = np.asarray(value).dtype.name
        return self.dtype if np.asarray(value).dtype.kind == "f" or kind in FLOATS else None

    # -------------------------------------------------- what it holds

    @property
    def sublayers(self) -> list[Layer]:
        """The layers inside this one, each once."""
        return list(dict.fromkeys(self._layers))

    @property
    def weights(self) -> list[Variable]:
        """All weights, those of inner layers included."""
        own = list(self._weights)
        return list(dict.fromkeys(own + [w for layer in self.sublayers for w in layer.weights]))

    @property
    def trainable_weights(self) -> list[Variable]:
        if not self.trainable:
            return []
        own = [w for w in self._weights if w not in self._frozen]
        inner = [w for layer in self.sublayers for w in layer.trainable_weights]
        return list(dict.fromkeys(own + inner))

    @property
    def non_trainable_weights(self) -> list[Variable]:
        trainable = set(self.trainable_weights)
        return [w for w in self.weights if w not in trainable]

    variables = weights
    trainable_variables = trainable_weights

    def count_params(self) -> int:
        """The number of elements of all weights."""
        if not self.built and not self._weights:
            raise NotBuiltError(f"{self.name!r} has no weights yet: call it on an input first")
        return sum(w.storage.size for w in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights."""
        return [w.value for w in self.weights]

    def set_weights(self, values: Sequence[Any]) -> None:
        """Give all weights other values, checked before the first one changes."""
        weights = self.weights
        if len(values) != len(weights):
            raise ShapeError(f"{self.name!r} has {len(weights)} weights, got {len(values)} arrays")
        arrays = [np.asarray(v) for v in values]
        for w, a in zip(weights, arrays, strict=True):
            if a.shape != w.storage.shape or a.dtype.kind not in "fiub":
                raise ShapeError(
                    f"weight {w.name!r} has shape {w.storage.shape}, got {a.shape} {a.dtype}"
                )
        for w, a in zip(weights, arrays, strict=True):
            w.assign(a)


@functools.lru_cache(1024)
def _takes_training(call: Any) -> bool:
    """Has a layer's `call` a parameter `training`? (To ask its signature takes 10 µs.)"""
    return "training" in inspect.signature(call).parameters


def _types(inputs: Any) -> Type | list[Type]:
    if isinstance(inputs, (list, tuple)):
        return [Type(n.shape, n.dtype) for n in inputs]
    return Type(inputs.shape, inputs.dtype)


def _is_nodes(inputs: Any) -> bool:
    many = isinstance(inputs, (list, tuple))
    return isinstance(inputs, Node) or (
        many and len(inputs) > 0 and all(isinstance(i, Node) for i in inputs)
    )


def _holds_arrays(inputs: Any) -> bool:
    """Several inputs: a tuple, or a list of arrays."""
    return isinstance(inputs, tuple) or (
        isinstance(inputs, list) and bool(inputs) and all(isinstance(a, np.ndarray) for a in inputs)
    )


def flat(output: Any) -> list[Any]:
    """The outputs of a layer as a list, be there one or several."""
    return list(output) if isinstance(output, (list, tuple)) else [output]


def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() and k else c.lower() for k, c in enumerate(name))
