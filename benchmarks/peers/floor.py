"""The limit: a step's matrix products alone, and the optimizer's one pass over its memory.

The products go through SciPy's OpenBLAS, called from compiled code so that no Python is counted, with
matrices as they lie: x·W, xᵀ·D and D·Wᵀ. The optimizer's pass is one loop, or one a thread where that
is faster; OpenBLAS itself decides which products are worth its threads. There is no shuffle, bias,
activation, loss or metric: nothing trains, the rate is zero. The first layer passes no gradient to the
data, as in a good implementation. Where a product has a few rows or columns, calling BLAS costs more
than the product, and a plain loop goes below this floor.
"""

import ctypes
import time
from itertools import accumulate, pairwise
from typing import NamedTuple

import numba
import numpy as np
import scipy
from numba.extending import get_cython_function_address

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Workload

VERSION = f"numba {numba.__version__}, scipy {scipy.__version__}"
FAST = {"contract", "arcp", "nsz", "reassoc", "afn"}
THREADS = numba.config.NUMBA_NUM_THREADS
STEP = 4  # bytes of a float32

# Every argument of sgemm is a pointer; as whole numbers, one table of addresses holds any call
ARGUMENTS = 13
LEFT = 8  # the place of the first factor among the arguments: row order is column order, transposed
_sgemm = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * ARGUMENTS)(
    get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
)
NO_TRANSPOSE, TRANSPOSE = np.frombuffer(b"N", np.int8), np.frombuffer(b"T", np.int8)
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)


def prepare(workload: Workload, data: Data) -> "Floor":
    return Floor(workload, data)


class Floor:
    def __init__(self, workload: Workload, data: Data):
        self.workload, self.x = workload, data.x
        shapes = [kernel.shape for kernel, _ in data.parameters]
        starts = [0, *accumulate((fan_in + 1) * fan_out for fan_in, fan_out in shapes)]
        self.arena = np.zeros((4, starts[-1]), np.float32)  # parameters, gradients, m, v
        self.arena[0] = np.concatenate([part.ravel() for pair in data.parameters for part in pair])
        self.starts = [STEP * start for start in starts]
        rest = workload.rows - workload.full_batches * workload.batch
        self.full = Batch(self, workload.batch)
        self.last = Batch(self, rest) if rest else None
        self.update = self._fastest_update()

    def train(self, epochs: int) -> int:
        address, count = self.x.ctypes.data, self.workload.full_batches
        for _ in range(epochs):
            self._steps(self.full, address, count)
            if self.last:
                self._steps(self.last, address + count * self.full.x_bytes, 1)
        return epochs * self.workload.steps

    def parameters(self) -> None:
        return None

    def _steps(self, batch: "Batch", address: int, count: int) -> None:
        _epoch(address, count, batch.x_bytes, batch.calls, batch.reads_x, self.arena, self.update)

    def _fastest_update(self) -> int:
        """The number of the update: optimizer, and one loop or one a thread."""
        alone = 0 if self.workload.optimizer == "adam" else 1
        if THREADS == 1:
            return alone
        return min((alone, alone + 2), key=lambda which: _seconds(_update, (which, self.arena), 5))


class Batch:
    """The calls of one step on so many rows, as a table of addresses."""

    def __init__(self, floor: Floor, rows: int):
        sizes = floor.workload.sizes
        rng = np.random.default_rng(0)
        self.x_bytes = rows * sizes[0] * STEP
        # what lies here is never read by us: only sizes and addresses count
        self.buffers = [rng.standard_normal((2, rows, n), dtype=np.float32) for n in sizes[1:]]
        parameters, gradients = (floor.arena[k].ctypes.data for k in (0, 1))
        outputs = [floor.x.ctypes.data, *(b[0].ctypes.data for b in self.buffers)]
        deltas = [0, *(b[1].ctypes.data for b in self.buffers)]
        products = []
        for k, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            kernel = parameters + floor.starts[k]
            products.append(Product(rows, fan_out, fan_in, outputs[k], kernel, outputs[k + 1]))
        for k, (fan_in, fan_out) in reversed(list(enumerate(pairwise(sizes)))):
            kernel, gradient = (at + floor.starts[k] for at in (parameters, gradients))
            products.append(
                Product(fan_in, fan_out, rows, outputs[k], deltas[k + 1], gradient, True)
            )
            if k:
                products.append(
                    Product(rows, fan_in, fan_out, deltas[k + 1], kernel, deltas[k], False, True)
                )
        self.sizes = [product.sizes() for product in products]  # the calls hold their addresses
        self.calls = np.array([p.call(s) for p, s in zip(products, self.sizes, strict=True)])
        self.reads_x = np.array([product.a == floor.x.ctypes.data for product in products])


class Product(NamedTuple):
    """C = A·B in row order, m × n from m × k and k × n: addresses, and which factor lies transposed."""

    m: int
    n: int
    k: int
    a: int
    b: int
    c: int
    a_lies: bool = False
    b_lies: bool = False

    def sizes(self) -> np.ndarray:
        """What sgemm's arguments point to. To BLAS, whose order is by columns, C is Cᵀ = Bᵀ·Aᵀ."""
        m, n, k = self[:3]
        return np.array([n, m, k, k if self.b_lies else n, m if self.a_lies else k, n], np.int32)

    def call(self, sizes: np.ndarray) -> tuple[int, ...]:
        """sgemm's arguments, addresses all."""
        n, m, k, ldb, lda, ldc = sizes.ctypes.data + sizes.itemsize * np.arange(6)
        no_yes = (NO_TRANSPOSE.ctypes.data, TRANSPOSE.ctypes.data)
        alpha, beta = ONE.ctypes.data, ZERO.ctypes.data
        return (
            no_yes[self.b_lies], no_yes[self.a_lies], n, m, k, alpha, self.b, ldb, self.a, lda,
            beta, self.c, ldc,
        )  # fmt: skip


def _seconds(function, arguments: tuple, times: int) -> float:
    """The shortest of so many calls, after one that compiles."""
    function(*arguments)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - began)
    return min(taken)


@numba.njit
def _call(t):
    _sgemm(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12])


@numba.njit
def _epoch(address, count, x_bytes, calls, reads_x, arena, update):
    for step in range(count):
        for product in range(len(calls)):
            if reads_x[product]:
                calls[product, LEFT] = address + step * x_bytes
            _call(calls[product])
        _update(update, arena)


@numba.njit(fastmath=FAST, error_model="numpy")
def _adam(rate, parameters, gradients, m, v):
    epsilon = np.float32(EPSILON)
    beta_1, beta_2, one = np.float32(BETA_1), np.float32(BETA_2), np.float32(1)
    for i in range(len(parameters)):
        gradient = gradients[i]
        m_i = beta_1 * m[i] + (one - beta_1) * gradient
        v_i = beta_2 * v[i] + (one - beta_2) * gradient * gradient
        m[i], v[i] = m_i, v_i
        parameters[i] -= rate * m_i / (np.sqrt(v_i) + epsilon)


@numba.njit(fastmath=FAST, error_model="numpy")
def _sgd(rate, parameters, gradients):
    for i in range(len(parameters)):
        parameters[i] -= rate * gradients[i]


@numba.njit
def _part(adam, rate, arena):
    if adam:
        _adam(rate, arena[0], arena[1], arena[2], arena[3])
    else:
        _sgd(rate, arena[0], arena[1])


@numba.njit(parallel=THREADS > 1)
def _parts(adam, rate, arena):
    share = -(-arena.shape[1] // THREADS)
    for k in numba.prange(THREADS):
        _part(adam, rate, arena[:, k * share : (k + 1) * share])


@numba.njit
def _update(which, arena):
    rate = np.float32(0) * arena[0, 0]  # 0, which the compiler cannot know
    if which < 2:
        _part(which == 0, rate, arena)
    else:
        _parts(which == 2, rate, arena)
