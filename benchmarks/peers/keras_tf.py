"""Keras 3 on TensorFlow: `fit` without metrics, an epoch's full batches in one execution."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"keras {keras.__version__}"


def prepare(workload: Workload, data: Data) -> "KerasFit":
    return KerasFit(workload, data)


class KerasFit:
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.data = workload, data
        *hidden, last = workload.sizes[1:]
        self.model = keras.Sequential(
            [
                keras.layers.Input((workload.sizes[0],)),
                *(keras.layers.Dense(size, activation="relu") for size in hidden),
                keras.layers.Dense(last),
            ]
        )
        self.model.set_weights([array for pair in data.parameters for array in pair])
        loss = "BinaryCrossentropy" if workload.binary else "SparseCategoricalCrossentropy"
        self.model.compile(
            optimizer=_optimizer(workload),
            loss=getattr(keras.losses, loss)(from_logits=True),
            steps_per_execution=workload.full_batches,
        )

    def train(self, epochs: int) -> int:
        batch = self.workload.batch
        self.model.fit(self.data.x, self.data.labels, epochs=epochs, batch_size=batch, verbose=0)
        return epochs * self.workload.steps

    def parameters(self) -> Parameters:
        return [tuple(layer.get_weights()) for layer in self.model.layers]


def _optimizer(workload: Workload) -> keras.optimizers.Optimizer:
    if workload.optimizer == "sgd":
        return keras.optimizers.SGD(workload.learning_rate)
    return keras.optimizers.Adam(
        workload.learning_rate, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON
    )
