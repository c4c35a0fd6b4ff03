"""The workload's sizes with tanh, layer normalisation and dropout, its gradients clipped."""

import graphdl as gd
from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlLayers":
    return GraphdlLayers(workload, data)


class GraphdlLayers(GraphdlFit):
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.data = workload, data
        *hidden, last = workload.sizes[1:]
        layers = [gd.layers.Input(shape=(workload.sizes[0],))]
        for size in hidden:
            layers.append(gd.layers.Dense(size, activation="tanh"))
            layers.append(gd.layers.LayerNormalization())
            layers.append(gd.layers.Dropout(0.1))
        layers.append(gd.layers.Dense(last, activation="sigmoid" if workload.binary else "softmax"))
        self.model = gd.Sequential(layers)
        loss = "binary_crossentropy" if workload.binary else "sparse_categorical_crossentropy"
        optimizer = gd.optimizers.Adam(workload.learning_rate, global_clipnorm=1.0)
        self.model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])

    def parameters(self) -> None:
        """Not those of the workload's own network."""
        return
