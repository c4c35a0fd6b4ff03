"""The matrix products of a step alone, each by itself through SciPy's BLAS: what sorts the networks."""

import time

import numba
import numpy as np

from benchmarks.random_networks.draw import Network

SECONDS = 0.01  # that a product is repeated for


def products_time(network: Network) -> float:
    """Microseconds. The first layer passes no gradient to the data."""
    total = 0.0
    for layer, (fan_in, fan_out) in enumerate(network.kernels):
        x, kernel, z = (
            np.ones(shape, np.float32)
            for shape in ((network.batch, fan_in), (fan_in, fan_out), (network.batch, fan_out))
        )
        total += _seconds(x, kernel, z) + _seconds(x.T, z, kernel)
        total += _seconds(z, kernel.T, x) if layer else 0.0
    return total * 1e6


def _seconds(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> float:
    """The best of three."""
    _repeat(a, b, out, 1)
    started = time.process_time()
    _repeat(a, b, out, 1)
    count = max(1, round(SECONDS / (time.process_time() - started)))
    times = []
    for _ in range(3):
        started = time.process_time()
        _repeat(a, b, out, count)
        times.append((time.process_time() - started) / count)
    return min(times)


@numba.njit(cache=True)
def _repeat(a, b, out, count):
    for _ in range(count):
        np.dot(a, b, out)
