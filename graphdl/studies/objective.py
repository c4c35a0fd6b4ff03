"""J as a function of the weights alone: the data are given once, the weights are copies.

A study moves weights about. It does so on copies, so what it studies is left to the bit as it was:
weights, optimizer state, learning rate, metrics, random streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError, ShapeError
from graphdl.core.graph import Node, Variable, replace, walk
from graphdl.differentiate.chain_rule import grad
from graphdl.function import function
from graphdl.studies.copies import copied, examples
from graphdl.training import step as steps


@dataclass(frozen=True)
class Objective:
    """A scalar J, the weights it is a function of (copies), and the data it is taken on."""

    loss: Node
    weights: tuple[Variable, ...]
    originals: tuple[Variable, ...]
    symbols: tuple[Node, ...]
    arrays: tuple[np.ndarray, ...]
    target: str

    @cached_property
    def gradients(self) -> list[Node]:
        """∂J/∂w for each weight"""
        return grad(self.loss, list(self.weights))

    @property
    def size(self) -> int:
        """The number of elements of all weights."""
        return sum(w.storage.size for w in self.weights)

    def reset(self) -> None:
        """Give the copies the values of the originals again."""
        for copy, original in zip(self.weights, self.originals, strict=True):
            copy.assign(original.storage)

    def compile(
        self, inputs: Sequence[Node], outputs: Any, updates: Mapping[Variable, Any] | None = None
    ) -> Callable[..., Any]:
        """A compiled function of `inputs` alone; the data are passed along."""
        made = function(
            [*inputs, *self.symbols], outputs, updates, target=self.target, check_finite=False
        )
        return lambda *values: made(*values, *self.arrays)


def objective(
    subject: Any, x: Any = None, y: Any = None, *, wrt: Any = None,
    data: Mapping[Node, Any] | None = None, target: str | None = None,
) -> Objective:  # fmt: skip
    """The objective of a compiled model on (x, y), or of a scalar node on `data`.

    wrt: the variables J is a function of; all that train (model) or occur (node) by default.
    data: symbol → array, for a node that depends on symbols.
    """
    if isinstance(subject, Node):
        loss, symbols, arrays = _of_node(subject, data or {})
        found = [n for n in walk([loss]) if isinstance(n, Variable) and n.type.is_float]
        target = target or "cpu"
    else:
        loss, symbols, arrays = _of_model(subject, x, y)
        found, target = subject.trainable_weights, target or str(subject._target)
    chosen = _chosen(wrt, found, loss)
    copies = [copied(w) for w in chosen]
    loss = replace([loss], dict(zip(chosen, copies, strict=True)))[0]
    return Objective(loss, tuple(copies), tuple(chosen), symbols, arrays, target)


def _of_node(loss: Node, data: Mapping[Node, Any]) -> tuple[Node, tuple, tuple]:
    if loss.rank:
        raise ShapeError(f"J is a single number, got {loss.type}; take its mean or its sum")
    missing = [n for n in walk([loss]) if n.op.name == "tensor" and n not in data]
    if missing:
        name = missing[0].attrs["name"]
        raise GraphError(f"J depends on {name!r}: give its values, data={{{name}: array, …}}")
    return loss, tuple(data), tuple(np.asarray(a) for a in data.values())


def _of_model(model: Any, x: Any, y: Any) -> tuple[Node, tuple, tuple]:
    """The loss on all examples at once, layers behaving as in inference."""
    given = examples(model, x, y)
    assert given.target is not None
    form = (given.target.shape[1:], given.target.dtype.name)
    s = steps.symbols(model._symbols, form, False)
    loss, _, _ = steps.batch_loss(model, s, model.loss, training=False)
    return loss, s.all, (*given.inputs, given.target)


def _chosen(wrt: Any, found: list[Variable], loss: Node) -> list[Variable]:
    chosen = found if wrt is None else list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    inside = set(walk([loss]))
    for w in chosen:
        if not isinstance(w, Variable):
            raise GraphError(f"wrt holds variables, such as model.weight(name), got {w!r:.60}")
    if not chosen or not inside.intersection(chosen):
        raise GraphError("the objective does not depend on any of the variables")
    return chosen
