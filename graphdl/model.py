"""Models: layers put together, compiled, trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphdl import losses, metrics, optimizers, table
from graphdl.compile import Compiled, require_target
from graphdl.core.errors import GraphError, NotBuiltError, NotCompiledError, ShapeError
from graphdl.core.graph import Node, Variable, rebuild, walk
from graphdl.core.types import floatx
from graphdl.door import in_form, is_array
from graphdl.files.save import Saving
from graphdl.function import with_names
from graphdl.layers.base import Layer
from graphdl.layers.core import BATCH
from graphdl.layers.order import layers_of, name_within
from graphdl.layers.trace import Lookup, Trace, _trace, tracing
from graphdl.lint import Report, lint
from graphdl.ops.build import tensor
from graphdl.prediction import prediction
from graphdl.show.pictured import Pictured
from graphdl.training import step
from graphdl.training.data import check_finite
from graphdl.training.fit import Training

if TYPE_CHECKING:
    from graphdl.derivation.derivation import Derivation

_LETTERS = {"kernel": "W", "bias": "b", "gamma": "γ", "beta": "β", "embeddings": "E", "alpha": "α"}


class Model(Training, Saving, Pictured, Layer):
    """A network from input nodes to output nodes: `Model(inputs, outputs)`.

    Or a subclass that defines `call(inputs, training=False)` over layers it holds as attributes.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None) -> None:
        Layer.__init__(self, name)
        Training.__init__(self)
        self._symbols: list[Node] = []
        self._output: Any = None
        self._shapes: dict[Layer, tuple] = {}  # what comes out of each layer
        self._lookups: list[Lookup] = []  # indices in the data, to be checked at the door
        if (inputs is None) != (outputs is None):
            raise GraphError("Model takes inputs and outputs together, or neither (in a subclass)")
        if inputs is not None:
            self._symbols = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            self._ends = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
            self._many_outputs = len(self._ends) > 1
            self._check_functional()
            self.layers_in_order = layers_of(self._ends)
            self._layers.extend(self.layers_in_order)
            self._finish()

    # -------------------------------------------------- structure

    def _check_functional(self) -> None:
        if not self._symbols or not self._ends:
            raise GraphError("a model needs at least one input and one output")
        for node in self._symbols:
            if not isinstance(node, Node) or node.op.name != "tensor":
                raise GraphError(f"a model's input is made by gd.layers.Input, got {node!r:.60}")
        if len(set(self._symbols)) != len(self._symbols):
            raise GraphError("an input is listed twice; list each input once")
        given = set(self._symbols)
        for end in self._ends:
            if not isinstance(end, Node):
                raise GraphError(f"a model's output is a node, got {type(end).__name__}")
            if not end.rank:
                raise GraphError(
                    "a model's output has one row for each example, got a single number; to add "
                    "it to the loss use add_loss in a layer"
                )
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
        """The layers, in the order data passes them, which is that of their weights."""
        return list(getattr(self, "layers_in_order", self.sublayers))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not self._symbols:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        value = dict(zip(self._symbols, given, strict=True))
        trace, number = _trace.get(), 0
        outer = trace.suffix if trace else ""
        for node in walk(self._ends, stop=set(self._symbols)):
            if node in value:
                continue
            arguments = [value[i] for i in node.inputs]
            if node.op.name == "layer_call":
                number += 1
                if trace is not None:
                    trace.suffix = str(number) if outer == "·" else ""
                many = node.attrs["options"]
                made = node.attrs["layer"](arguments if many else arguments[0])
                inner = trace is not None and trace.suffix and node not in self._ends
                value[node] = made.named(f"h{trace.suffix}") if inner else made  # type: ignore[union-attr]
            else:
                value[node] = rebuild(node, tuple(arguments))
        if trace is not None:
            trace.suffix = outer
        ends = [value[e] for e in self._ends]
        return ends if self._many_outputs else ends[0]

    def _on_arrays(self, inputs: Any, training: bool) -> Any:
        """Numbers, which remember where they come from: see `Prediction`."""
        output = super()._on_arrays(inputs, training)
        return output if isinstance(output, list) else prediction(output, self, inputs, training)

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
        name_within(self.layers)
        trace = Trace(training=False)
        with tracing(trace):
            self._output = self.on_nodes(self._symbols, False)
        self._shapes, self._lookups = trace.shapes, trace.lookups
        name_within(self.layers)
        self.built = True

    def _count_names(self) -> None:
        """Count the names again: a layer that two models share has that of the last one built."""
        name_within(self.layers)

    def build_for(self, x: Any) -> None:
        """Create the weights for data like `x`, where the model does not know its input yet."""
        if self.built and self._symbols:  # one that was called by hand has weights, but no inputs
            return
        many = isinstance(x, (list, tuple)) and all(map(is_array, x))
        arrays = [in_form(a, floatx(), "x") for a in (x if many else [x])]
        for a in arrays:
            if a.ndim < 2:
                raise ShapeError(f"x has shape {a.shape}; the model expects one row an example")
            check_finite(a, "x")
        self._build_on([(a.shape, floatx()) for a in arrays])

    def _ensure_built(self, inputs: Any) -> None:
        """Create the weights for inputs like these nodes, if there are none yet."""
        if not self.built:
            many = isinstance(inputs, (list, tuple))
            self._build_on([(n.shape, n.dtype) for n in (inputs if many else [inputs])])

    def _build_on(self, types: Sequence[tuple[tuple, str]]) -> None:
        names = ["x"] if len(types) == 1 else [f"x{k + 1}" for k in range(len(types))]
        self._symbols = [
            tensor(n, (BATCH, *shape[1:]), dtype)
            for n, (shape, dtype) in zip(names, types, strict=True)
        ]
        self._finish()

    # -------------------------------------------------- reading

    def summary(self, print_fn: Any = None) -> None:
        """Print layers, output shapes and numbers of parameters."""
        (print_fn or print)(self.summary_text())

    def summary_text(self) -> str:
        """What `summary` prints."""
        return table.render(*self.summary_table())

    def summary_table(self) -> tuple[str, Sequence[str], Sequence[Sequence[object]], Sequence[str]]:
        """What `summary` says: a title, the columns, a row for each layer, the totals."""
        if not self.built:
            raise NotBuiltError(
                f"{self.name!r} is not built: its input is unknown. Start it with "
                "gd.layers.Input(shape=…), or call fit first"
            )
        rows = []
        shape: Any = self._symbols[0].shape if self._symbols else ()
        for layer in self.layers:
            shape = self._shapes.get(layer, shape)
            count = sum(w.storage.size for w in layer.weights)
            text = f"({', '.join('None' if d == self._batch() else str(d) for d in shape)})"
            rows.append((f"{layer.name} ({type(layer).__name__})", text, count))
        total = sum(w.storage.size for w in self.weights)
        trainable = sum(w.storage.size for w in self.trainable_weights)
        size = lambda ws: sum(w.storage.nbytes for w in ws)  # noqa: E731
        footer = [
            table.total("Total params", total, size(self.weights)),
            table.total("Trainable params", trainable, size(self.trainable_weights)),
            table.total(
                "Non-trainable params", total - trainable, size(self.non_trainable_weights)
            ),
        ]
        return f'Model: "{self.name}"', ("Layer (type)", "Output Shape", "Param #"), rows, footer

    def _batch(self) -> Any:
        return self._symbols[0].shape[0]

    @property
    def output_shape(self) -> Any:
        """The shape of the prediction (a list for several); the number of examples is a named size."""
        self._require_built()
        many = isinstance(self._output, list)
        return [o.shape for o in self._output] if many else self._output.shape

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
            raise GraphError(
                f"no weight is called {name!r}; there are {', '.join(map(repr, by_name))}"
            )
        return by_name[name]

    def derive(self, name: str, unit: Sequence[int] | int | None = None) -> Derivation:
        """The derivation of ∂loss/∂weight for one batch, the weight by its name: "dense/kernel".

        `unit` is the index of one element of the weight. The derivation is that of the training step:
        its code form names the lines of `model.source`, its last step is the optimizer's.
        """
        from graphdl.derivation.of_model import derivation  # noqa: PLC0415  (it stands above models)

        self._require_compiled("derive")
        return derivation(self, self.weight(name), unit)

    def explore(self, x: Any, y: Any, path: Any = "explore.html", **settings: Any) -> Any:
        """Write a page on where each gradient comes from, in this batch's numbers: see
        `graphdl.explorer.explore`, whose settings these are."""
        from graphdl.explorer import explore  # noqa: PLC0415  (it stands above models)

        return explore(self, x, y, path, **settings)

    def symbolic_outputs(self) -> list[Node]:
        """The predictions, as in inference, as nodes of the model's weights and symbols."""
        self._require_built()
        with tracing(Trace(training=False)):
            answer = self.on_nodes(self._symbols, False)
        return list(answer) if isinstance(answer, (list, tuple)) else [answer]

    def symbolic_loss(self, training: bool) -> Node:
        """The loss of one batch, penalties included, as a node of the model's weights and symbols."""
        self._require_built()
        self._require_compiled("symbolic_loss")
        assert self.loss is not None
        batch = step.symbols(self._symbols, self.loss.target_type(self._output), weighted=False)
        return step.batch_loss(self, batch, self.loss, training)[0]

    def lint(self) -> Report:
        """What can be proved before training: layers that collapse, a constant loss, weights without
        effect, a log or division that may meet 0. Each finding has its proof and its cure."""
        return lint(self)

    def short_names(self) -> dict[Node, str]:
        """W1, b1, W2, …: what the lecture calls the weights of the layers, in their order."""
        names: dict[Node, str] = {}
        with_weights = (layer for layer in self.layers if layer.weights)
        for number, layer in enumerate(with_weights, 1):
            for weight in layer.weights:
                short = f"{_letter(weight)}{number}"
                names[weight] = short if short not in names.values() else weight.name
        return names

    @property
    def compiled_step(self) -> Compiled:
        """The newest training step, at each station of its way: graph, program, executable."""
        programs = [r for (kind, *_), r in self._runners.items() if kind == "train"]
        if not programs:
            raise NotCompiledError(
                "the training step is compiled when the first data comes: call fit, or train_on_batch"
            )
        return programs[-1].compiled

    @property
    def source(self) -> str:
        """The generated module of the training step, with the user's names for its arrays in front."""
        made = self.compiled_step
        return with_names(made.executable.source, made.lowered.labels)

    @property
    def source_file(self) -> str:
        """Where the generated module of the training step lies."""
        return self.compiled_step.executable.source_file

    # -------------------------------------------------- compiling

    @property
    def compiled_target(self) -> str:
        """What programs are compiled for; where "auto" was asked for, what that picks."""
        self._require_compiled("compiled_target")
        return require_target(self._target).name

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
        *,
        run_eagerly: bool = False,
        jit_compile: bool | str = "auto",
        target: str = "cpu",
        check_finite: bool = True,
        matmul_precision: str = "float32",
    ) -> None:
        """Choose how the model is trained. Nothing is compiled before data comes.

        target: "cpu", "python" (the generated module un-jitted), "cuda", for which TargetError says
        what is missing (see docs/cuda.md), or "auto": cuda where it can be used, else cpu;
        `compiled_target` says which.
        run_eagerly: the same as target="python", the generated module run un-jitted, for debugging.
        check_finite: refuse a step whose loss or gradient is not finite (NonFiniteError).
        matmul_precision: products of float32 matrices are at least so precise: "float32", or on
        target "cuda", where they then may be faster, of factors rounded to 10 ("tf32") or 7 ("bf16")
        bits after the point and added up in float32. TargetError where a library for that is missing.
        """
        if loss is None:
            raise ValueError("compile needs a loss, such as loss='binary_crossentropy'")
        target = "python" if _eager(run_eagerly, jit_compile) else target
        require_target(target, matmul_precision)
        chosen = optimizers.get(optimizer), losses.get(loss)
        for given in (metrics, weighted_metrics):
            _known_metrics(given)
        self._configure(
            *chosen, list(metrics or ()), list(weighted_metrics or ()), target, check_finite,
            matmul_precision,
        )  # fmt: skip


def _letter(weight: Variable) -> str:
    """By what the layer calls it, else by its shape: b is a vector, or one row."""
    shape = weight.storage.shape
    by_shape = "W" if len(shape) == 2 and shape[0] > 1 else "b" if 0 < len(shape) < 3 else "w"
    return _LETTERS.get(weight.name.rpartition("/")[2], by_shape)


def _eager(run_eagerly: Any, jit_compile: Any) -> bool:
    if jit_compile not in ("auto", True, False) or run_eagerly not in (True, False, None):
        raise ValueError(
            f'jit_compile is "auto" or a bool, run_eagerly a bool, got {jit_compile!r:.60} and '
            f"{run_eagerly!r:.60}"
        )
    if jit_compile is bool(run_eagerly):
        raise ValueError(
            f"jit_compile={jit_compile} with run_eagerly={run_eagerly}: training is either compiled, "
            "or with run_eagerly=True runs un-jitted"
        )
    return bool(run_eagerly)


def _known_metrics(given: Any) -> None:
    """Refuse an unknown name at once; the form of "accuracy" is chosen when data comes."""
    if given is not None and not isinstance(given, (list, tuple)):
        raise TypeError(f"metrics are given in a list, such as ['accuracy'], got {given!r:.60}")
    for metric in given or ():
        named_accuracy = isinstance(metric, str) and metric.lower() in ("accuracy", "acc")
        if not named_accuracy and not callable(metric):
            metrics.lookup_name(metric)
