"""graphdl as a hand-written loop: a tape, its gradient, a step of the optimizer, turn after turn."""

import numpy as np

import graphdl as gd
from benchmarks.peers.graphdl_fit import GraphdlFit
from benchmarks.workloads import Data, Workload

VERSION = f"graphdl {gd.__version__}, tape"


def prepare(workload: Workload, data: Data) -> "GraphdlTape":
    return GraphdlTape(workload, data)


class GraphdlTape(GraphdlFit):
    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            order, size = np.random.permutation(self.workload.rows), self.workload.batch
            x, y = self.data.x[order], self.data.labels[order]
            for k in range(0, len(x), size):
                self.step(x[k : k + size], y[k : k + size])
        return epochs * self.workload.steps

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        weights = self.model.trainable_variables
        with gd.GradientTape() as tape:
            loss = self.model.loss(y, self.model(x, training=True))
        self.model.optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
