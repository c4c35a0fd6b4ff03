"""The workload's sizes with tanh, whose derivative is made of its values."""

import graphdl as gd
from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlTanh":
    return GraphdlTanh(workload, data)


class GraphdlTanh(GraphdlFit):
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.data = workload, data
        *hidden, last = workload.sizes[1:]
        self.model = gd.Sequential(
            [
                gd.layers.Input(shape=(workload.sizes[0],)),
                *(gd.layers.Dense(size, activation="tanh") for size in hidden),
                gd.layers.Dense(last, activation="sigmoid" if workload.binary else "softmax"),
            ]
        )
        loss = "binary_crossentropy" if workload.binary else "sparse_categorical_crossentropy"
        self.model.compile(optimizer=workload.optimizer, loss=loss, metrics=["accuracy"])

    def parameters(self) -> None:
        """Not those of the workload's own network."""
        return
