"""One optimizer's step on an objective, compiled, on copies of the weights and of its own state."""

from __future__ import annotations

import numpy as np

from graphdl.core.graph import Graph
from graphdl.optimizers import Optimizer
from graphdl.studies.copies import apart, untouched
from graphdl.studies.objective import Objective


class Stepper:
    """`step()` moves `weights`, the copies, once; `reset()` puts everything back to the start."""

    def __init__(self, j: Objective, optimizer: Optimizer) -> None:
        self.name = type(optimizer).__name__
        with untouched(optimizer):
            updates = optimizer.updates(list(j.weights), j.gradients)
        graph, copies = apart(Graph(j.symbols, [j.loss, *j.gradients], updates))
        self.weights = [copies[w] for w in j.weights]
        self.rate = copies.get(optimizer.learning_rate)
        self.start = [(v, v.value) for v in copies.values()]
        self._step = j.compile([], list(graph.outputs), graph.updates)

    def reset(self, rate: float | None) -> None:
        for v, value in self.start:
            v.assign(value)
        if rate is not None:
            if self.rate is None:
                raise ValueError(
                    f"{self.name}: its rate follows a schedule; give the object itself"
                )
            self.rate.assign(rate)

    def step(self) -> list[np.ndarray]:
        """[J, ∂J/∂w, …] before the step that it makes"""
        return self._step()
