"""PyTensor on Numba, the usual way: one compiled function a step, called from Python."""

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"pytensor {pytensor.__version__}"

pytensor.config.floatX = "float32"


def prepare(workload: Workload, data: Data) -> "PyTensorSteps":
    return PyTensorSteps(workload, data)


class PyTensorSteps:
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.rng = workload, np.random.default_rng(0)
        self.x = pytensor.shared(data.x)
        self.labels = pytensor.shared(data.labels)
        self.weights = [pytensor.shared(array.copy()) for pair in data.parameters for array in pair]
        self.state = self.weights + [pytensor.shared(s) for s in moments(workload, data)]
        self.compiled = self.compile()

    def compile(self):
        rows = pt.lvector("rows")
        new_state = step(self.workload, rows, self.state, self.x, self.labels)
        return numba_function(rows, dict(zip(self.state, new_state, strict=True)))

    def train(self, epochs: int) -> int:
        batch = self.workload.batch
        for _ in range(epochs):
            order = self.rng.permutation(self.workload.rows)
            for start in range(0, len(order), batch):
                self.compiled(order[start : start + batch])
        return epochs * self.workload.steps

    def parameters(self) -> Parameters:
        values = [weight.get_value() for weight in self.weights]
        return list(zip(values[::2], values[1::2], strict=True))


def numba_function(argument, updates):
    return pytensor.function([argument], [], updates=updates, mode="NUMBA", trust_input=True)


def moments(workload: Workload, data: Data) -> list[np.ndarray]:
    """Adam's m and v of every parameter, then its step count; nothing for SGD."""
    if workload.optimizer == "sgd":
        return []
    arrays = [array for pair in data.parameters for array in pair]
    return [np.zeros_like(array) for array in arrays * 2] + [np.zeros((), np.float32)]


def step(workload: Workload, rows, state, x, labels) -> list:
    """The state after one step: kernels and biases, then what `moments` made."""
    count = 2 * (len(workload.sizes) - 1)
    weights, rest = list(state[:count]), list(state[count:])
    gradients = pt.grad(_loss(workload, weights, x[rows], labels[rows]), weights)
    if workload.optimizer == "adam":
        return _adam(np.float32(workload.learning_rate), weights, gradients, rest)
    rate = np.float32(workload.learning_rate)
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


def _loss(workload: Workload, weights, x, labels):
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = pt.maximum(x @ kernel + bias, np.float32(0))
    z = x @ weights[-2] + weights[-1]
    if workload.binary:
        return pt.mean(pt.softplus(z[:, 0]) - labels.astype("float32") * z[:, 0])
    return -pt.mean(pt.special.log_softmax(z, axis=1)[pt.arange(labels.shape[0]), labels])


def _adam(rate, weights, gradients, rest) -> list:
    one, beta_1, beta_2 = np.float32(1), np.float32(BETA_1), np.float32(BETA_2)
    t = rest[-1] + one
    m = [beta_1 * m + (one - beta_1) * g for m, g in zip(rest, gradients, strict=False)]
    v = [
        beta_2 * v + (one - beta_2) * g * g for v, g in zip(rest[len(m) :], gradients, strict=False)
    ]
    scale = rate * pt.sqrt(one - beta_2**t) / (one - beta_1**t)
    moved = [
        w - scale * m / (pt.sqrt(v) + np.float32(EPSILON))
        for w, m, v in zip(weights, m, v, strict=True)
    ]
    return moved + m + v + [t]
