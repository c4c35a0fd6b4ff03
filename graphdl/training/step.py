"""One step of training, of evaluation, of prediction, as graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdl.constraints import constrained
from graphdl.core.graph import Graph, Node, Variable
from graphdl.differentiate.chain_rule import grad
from graphdl.layers.core import BATCH
from graphdl.layers.trace import Trace, tracing
from graphdl.losses import Loss
from graphdl.metrics import LossTracker, Metric
from graphdl.ops.build import cast, tensor
from graphdl.ops.reduce import size_of


@dataclass(frozen=True)
class Step:
    """A graph and the symbols that are rows of data."""

    graph: Graph
    inputs: tuple[Node, ...]
    loss: Node | None = None
    gradients: dict[Variable, Node] | None = None


@dataclass(frozen=True)
class Symbols:
    """The symbols of one batch."""

    inputs: tuple[Node, ...]
    target: Node | None
    weight: Node | None

    @property
    def all(self) -> tuple[Node, ...]:
        extra = tuple(n for n in (self.target, self.weight) if n is not None)
        return (*self.inputs, *extra)


def symbols(
    inputs: Sequence[Node], target: tuple[tuple[int, ...], str] | None, weighted: bool
) -> Symbols:
    """Fresh symbols for a batch; `target` is the shape of one target and its dtype."""
    x = tuple(tensor(s.attrs["name"], (BATCH, *s.type.shape[1:]), s.dtype) for s in inputs)
    y = None if target is None else tensor("y", (BATCH, *target[0]), target[1])
    float_dtype = next((n.dtype for n in (*x, y) if n is not None and n.type.is_float), None)
    return Symbols(x, y, tensor("sample_weight", (BATCH,), float_dtype) if weighted else None)


def batch_loss(model, s: Symbols, loss: Loss, training: bool) -> tuple[Node, Node, Trace]:  # type: ignore[no-untyped-def]
    """(loss of the batch with all penalties, prediction, what the layers said)"""
    trace = Trace(training)
    with tracing(trace):
        prediction = model.on_nodes(s.inputs, training)
    total = loss(s.target, prediction, s.weight)
    for penalty in trace.losses:
        total = total + penalty
    return total.named("J"), prediction, trace


def train_step(model, s: Symbols, loss: Loss, optimizer, tracker: LossTracker,
               metrics: Sequence[tuple[Metric, bool]], check_finite: bool) -> Step:  # fmt: skip  # type: ignore[no-untyped-def]
    """Loss, gradients, and every update; the loss and gradients must be finite first."""
    total, prediction, trace = batch_loss(model, s, loss, True)
    weights = model.trainable_weights
    gradients = dict(zip(weights, grad(total, weights), strict=True)) if weights else {}
    updates = constrained(optimizer.updates(weights, list(gradients.values())))
    updates |= trace.updates
    updates |= _seen(s, total, prediction, tracker, metrics)
    # in the order in which backpropagation finds them
    checks = [total, *reversed(gradients.values())] if check_finite else []
    return Step(Graph(s.all, (), updates, checks), s.all, total, gradients)


def test_step(model, s: Symbols, loss: Loss, tracker: LossTracker,
              metrics: Sequence[tuple[Metric, bool]]) -> Step:  # fmt: skip  # type: ignore[no-untyped-def]
    """Loss and metrics of a batch, whose inputs must be finite."""
    total, prediction, _ = batch_loss(model, s, loss, False)
    seen = _seen(s, total, prediction, tracker, metrics)
    return Step(Graph(s.all, (), seen, _floats(s.inputs)), s.all, total)


def predict_step(model, s: Symbols) -> Step:  # type: ignore[no-untyped-def]
    """The predictions of a batch, which must be finite: where it lies near, a look costs little."""
    with tracing(Trace(training=False)):
        output = model.on_nodes(s.inputs, False)
    outputs = output if isinstance(output, (list, tuple)) else [output]
    return Step(Graph(s.inputs, outputs, {}, _floats(s.inputs)), s.inputs)


def _floats(nodes: Sequence[Node]) -> list[Node]:
    """Those that may hold a NaN."""
    return [n for n in nodes if n.type.is_float]


def _seen(
    s: Symbols, total: Node, prediction: Node, tracker: LossTracker,
    metrics: Sequence[tuple[Metric, bool]],
) -> dict[Variable, Node]:  # fmt: skip
    """The new state of the loss tracker and the metrics; only weighted metrics see the weights."""
    examples = cast(size_of(s.inputs[0], (0,)), "float64")
    updates = tracker.loss_updates(total, examples)
    for metric, weighted in metrics:
        updates |= metric.fitted(s.target, prediction, s.weight if weighted else None)
    return updates
