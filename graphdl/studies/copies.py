"""Copies to train and to move about, so that what is studied stays as it is, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from graphdl.core.errors import NotCompiledError
from graphdl.core.graph import Graph, Node, Variable, replace
from graphdl.metrics import LossTracker
from graphdl.ops.build import variable
from graphdl.training import step as steps
from graphdl.training.data import Data


def copied(w: Variable) -> Variable:
    """Another variable with the same name, type and value."""
    return variable(w.storage, w.name, w.dtype)


def apart(graph: Graph) -> tuple[Graph, dict[Node, Variable]]:
    """The graph over copies of its variables, and which is whose."""
    copies: dict[Node, Variable] = {v: copied(v) for v in graph.variables}
    new = replace(graph.roots, copies)
    mapping = dict(zip(graph.roots, new, strict=True))
    updates = {copies[v]: mapping[n] for v, n in graph.updates.items()}
    outputs, checks = [mapping[n] for n in graph.outputs], [mapping[n] for n in graph.checks]
    return Graph(graph.inputs, outputs, updates, checks, graph.names), copies


def examples(model: Any, x: Any, y: Any, weight: Any = None) -> Data:
    """Data at the door of a study, checked as `fit` checks it."""
    if not hasattr(model, "trainable_weights"):
        raise TypeError(f"a study takes a model (some also a node J), got {type(model).__name__}")
    if getattr(model, "optimizer", None) is None:
        raise NotCompiledError(
            f"{model.name!r} has no loss yet: call model.compile(optimizer, loss) before a study of it"
        )
    return model._data("fit", x, y, weight)


@contextmanager
def untouched(optimizer: Any) -> Iterator[None]:
    """Inside, an optimizer may be asked for updates; it then forgets the slots it made for them."""
    before = {k: dict(v) if type(v) is dict else v for k, v in vars(optimizer).items()}
    try:
        yield
    finally:
        vars(optimizer).clear()
        vars(optimizer).update(before)


@dataclass(frozen=True)
class TrainingCopy:
    """A step over copies of the model's variables, and the copies of its loss's running mean."""

    made: steps.Step
    total: Variable
    count: Variable

    def reset(self) -> None:
        self.total.storage[...] = 0
        self.count.storage[...] = 0

    def loss(self) -> float:
        """The mean loss since the last reset."""
        return float(self.total.storage / self.count.storage)


def training_copy(model: Any, data: Data) -> tuple[TrainingCopy, dict[Node, Variable]]:
    """The model's training step on copies of its weights, its optimizer's state, its layers' state."""
    assert data.target is not None
    form = (data.target.shape[1:], data.target.dtype.name)
    symbols = steps.symbols(model._symbols, form, data.weights is not None)
    tracker = LossTracker()
    with untouched(model.optimizer):
        made = steps.train_step(model, symbols, model.loss, model.optimizer, tracker, [], False)
    graph, copies = apart(made.graph)
    copy = TrainingCopy(
        steps.Step(graph, made.inputs), copies[tracker.total], copies[tracker.count]
    )
    return copy, copies
