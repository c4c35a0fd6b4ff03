"""`Layer`: weights, and a `call` that is traced as mathematics, not run.

A layer is called on nodes and gives a node; `call` runs once for each mode (training or not) that a
model compiles. Called on arrays it gives numbers.
"""

from __future__ import annotations

import contextvars
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdl import initializers, memory
from graphdl.core.errors import GraphError, NotBuiltError, ShapeError
from graphdl.core.graph import Node, Variable, apply, fresh_identity
from graphdl.core.interpret import interpret
from graphdl.core.notation import Written, plain
from graphdl.core.op import Op
from graphdl.core.types import FLOATS, dtype_name
from graphdl.ops.build import constant, variable


@dataclass
class Trace:
    """What layers say while a model is traced: updates, extra losses, names of intermediates."""

    training: bool
    updates: dict[Variable, Node] = field(default_factory=dict)
    losses: list[Node] = field(default_factory=list)
    shapes: dict[Layer, tuple] = field(default_factory=dict)  # of what came out of each layer
    suffix: str = ""  # of the names that a layer gives its intermediates
    last: bool = False  # is it the layer whose output is the prediction?


_trace: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("trace", default=None)


class tracing:
    """A context in which layers are traced."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __enter__(self) -> Trace:
        self._token = _trace.set(self.trace)
        return self.trace

    def __exit__(self, *_: object) -> None:
        _trace.reset(self._token)


# A layer's output as the user sees it while a model is put together: the node remembers the layer.
call_op = Op(
    name="layer_call",
    infer=lambda rule, *types, layer, output, identity, options: output,
    reference=lambda *inputs, **_: None,
    text=lambda _, args, attrs: Written(
        f"{plain(attrs['layer'].name)}({', '.join(a.text for a in args)})"
    ),
    why_not="it is the inside of a model; differentiate the model's output instead",
)


class Layer:
    """Base of all layers.

    A subclass creates weights with `add_weight` (in `__init__`, or in `build(input_shape)` when they
    depend on the input) and says in `call(inputs, training=False)` what comes out.
    """

    def __init__(
        self, name: str | None = None, dtype: str | None = None, trainable: bool = True
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
        self.built = False

    def __setattr__(self, key: str, value: Any) -> None:
        """Layers that are attributes belong to this one; so do those in lists."""
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, Layer) and key != "_layers":
                self._tracked().append(item)
        super().__setattr__(key, value)

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
        name: str | None = None,
    ) -> Variable:
        """A weight of whole-number sizes, filled by the initializer (default: Glorot uniform)."""
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
        weight = variable(value, f"{self.name}/{label}", dtype or self.dtype)
        self._weights.append(weight)
        if not trainable:
            self._frozen.add(weight)
        if regularizer is not None:
            self._penalties.append((regularizer, weight))
        return weight

    def add_update(self, target: Variable, value: Node) -> None:
        """While training, `target` becomes `value` at the end of each step."""
        trace = self._traced("add_update")
        if trace.training:
            trace.updates[target] = value

    def add_loss(self, value: Node) -> None:
        """Add a scalar to the loss that training minimises."""
        self._traced("add_loss").losses.append(value)

    def _traced(self, what: str) -> Trace:
        trace = _trace.get()
        if trace is None:
            raise GraphError(f"{what} works inside call(), while a model is traced")
        return trace

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
        if not _is_nodes(inputs):
            return self._on_arrays(inputs, training)
        self._ensure_built(inputs)
        trace = _trace.get()
        if trace is not None:
            return self.traced(inputs, trace.training)
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

    def traced(self, inputs: Any, training: bool) -> Any:
        """`call` on nodes, with `training` only where the subclass takes it."""
        takes = inspect.signature(self.call).parameters
        output = self.call(inputs, training=training) if "training" in takes else self.call(inputs)
        trace = _trace.get()
        if trace is not None:
            if self not in trace.shapes:  # a layer used twice is penalised once
                trace.losses += [regularizer(w) for regularizer, w in self._penalties]
            trace.shapes[self] = output.shape if isinstance(output, Node) else ()
        return output

    def _ensure_built(self, inputs: Any) -> None:
        if not self.built:
            shapes = (
                [n.shape for n in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape
            )
            self.build(shapes)
            self.built = True

    def _on_arrays(self, inputs: Any, training: bool) -> Any:
        with tracing(Trace(training)):
            arrays = inputs if isinstance(inputs, tuple) else (inputs,)
            nodes = [constant(np.asarray(a), self._float_of(a)) for a in arrays]
            output = self(nodes[0] if len(nodes) == 1 else nodes, training=training)
        return interpret([output], {})[0]

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


def _is_nodes(inputs: Any) -> bool:
    many = isinstance(inputs, (list, tuple))
    return isinstance(inputs, Node) or (
        many and len(inputs) > 0 and all(isinstance(i, Node) for i in inputs)
    )


def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() and k else c.lower() for k, c in enumerate(name))
