"""The limit: a step's matrix products alone, and the optimizer's one pass over its memory.

The products go through SciPy's BLAS, called from compiled code so that no Python is counted.
There is no shuffle, bias, activation, loss or metric: nothing trains. The first layer passes no
gradient to the data, as in a good implementation. Where a product has a few rows or columns,
calling BLAS costs more than the product, and a plain loop goes below this floor.
"""

from itertools import pairwise

import numba
import numpy as np

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Workload

VERSION = f"numba {numba.__version__}, numpy {np.__version__}"
FAST = {"contract", "arcp", "nsz", "reassoc", "afn"}


def prepare(workload: Workload, data: Data) -> "Floor":
    return Floor(workload, data)


class Floor:
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.x = workload, data.x
        count = sum(kernel.size + bias.size for kernel, bias in data.parameters)
        self.arena = np.zeros((4, count), np.float32)  # parameters, gradients, m, v
        self.kernels = _views(self.arena[0], workload.sizes)
        self.gradients = _views(self.arena[1], workload.sizes)
        for kernel, (given, _) in zip(self.kernels, data.parameters, strict=True):
            kernel[...] = given

    def train(self, epochs: int) -> int:
        workload = self.workload
        full = workload.full_batches * workload.batch
        for _ in range(epochs):
            self._run(self.x[:full], workload.batch)
            if full < workload.rows:
                self._run(self.x[full:], workload.rows - full)
        return epochs * workload.steps

    def _run(self, x: np.ndarray, batch: int) -> None:
        sizes = self.workload.sizes[1:]
        outputs = tuple(np.zeros((batch, size), np.float32) for size in sizes)
        deltas = tuple(np.zeros((batch, size), np.float32) for size in sizes)
        adam = self.workload.optimizer == "adam"
        _steps(x, batch, self.kernels, self.gradients, outputs, deltas, self.arena, adam)

    def parameters(self) -> None:
        return None


def _views(flat: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The kernels in `flat`, in which each is followed by its bias."""
    views, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        views.append(flat[start : start + fan_in * fan_out].reshape(fan_in, fan_out))
        start += (fan_in + 1) * fan_out
    return tuple(views)


@numba.njit(fastmath=FAST, error_model="numpy", cache=True)
def _steps(x, batch, kernels, gradients, outputs, deltas, arena, adam):
    for start in range(0, len(x), batch):
        rows = x[start : start + batch]
        _products(rows, kernels, gradients, outputs, deltas)
        if adam:
            _adam(arena[0], arena[1], arena[2], arena[3])
        else:
            _sgd(arena[0], arena[1])


@numba.njit(cache=True)
def _products(x, kernels, gradients, outputs, deltas):
    last = len(kernels) - 1
    np.dot(x, kernels[0], outputs[0])
    for layer in range(1, last + 1):
        np.dot(outputs[layer - 1], kernels[layer], outputs[layer])
    for layer in range(last, 0, -1):
        np.dot(outputs[layer - 1].T, deltas[layer], gradients[layer])
        np.dot(deltas[layer], kernels[layer].T, deltas[layer - 1])
    np.dot(x.T, deltas[0], gradients[0])


@numba.njit(fastmath=FAST, error_model="numpy", cache=True)
def _adam(parameters, gradients, m, v):
    rate, epsilon = np.float32(1e-3), np.float32(EPSILON)
    beta_1, beta_2, one = np.float32(BETA_1), np.float32(BETA_2), np.float32(1)
    for i in range(len(parameters)):
        gradient = gradients[i]
        m_i = beta_1 * m[i] + (one - beta_1) * gradient
        v_i = beta_2 * v[i] + (one - beta_2) * gradient * gradient
        m[i], v[i] = m_i, v_i
        parameters[i] -= rate * m_i / (np.sqrt(v_i) + epsilon)


@numba.njit(fastmath=FAST, error_model="numpy", cache=True)
def _sgd(parameters, gradients):
    for i in range(len(parameters)):
        parameters[i] -= np.float32(1e-2) * gradients[i]
