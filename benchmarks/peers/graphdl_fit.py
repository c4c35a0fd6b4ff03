"""graphdl as a user writes it: `compile` and `fit`, without metrics, of which no peer has one."""

import graphdl as gd
from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"graphdl {gd.__version__}"


def prepare(workload: Workload, data: Data) -> "GraphdlFit":
    return GraphdlFit(workload, data)


class GraphdlFit:
    target, matmul_precision = "cpu", "float32"

    def __init__(self, workload: Workload, data: Data):
        self.workload, self.data = workload, data
        *hidden, last = workload.sizes[1:]
        self.model = gd.Sequential(
            [
                gd.layers.Input(shape=(workload.sizes[0],)),
                *(gd.layers.Dense(size, activation="relu") for size in hidden),
                gd.layers.Dense(last, activation="sigmoid" if workload.binary else "softmax"),
            ]
        )
        self.model.set_weights([array for pair in data.parameters for array in pair])
        loss = "binary_crossentropy" if workload.binary else "sparse_categorical_crossentropy"
        self.model.compile(
            optimizer=_optimizer(workload),
            loss=loss,
            target=self.target,
            matmul_precision=self.matmul_precision,
        )

    def train(self, epochs: int) -> int:
        batch = self.workload.batch
        self.model.fit(self.data.x, self.data.labels, epochs=epochs, batch_size=batch, verbose=0)
        return epochs * self.workload.steps

    def parameters(self) -> Parameters:
        arrays = self.model.get_weights()
        return list(zip(arrays[::2], arrays[1::2], strict=True))


def _optimizer(workload: Workload):
    if workload.optimizer == "sgd":
        return gd.optimizers.SGD(workload.learning_rate)
    return gd.optimizers.Adam(workload.learning_rate, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
