"""The order of the examples in an epoch: a permutation that belongs to (seed, step)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from codegen import cache, random
from codegen.optimisations import on

SHUFFLE_STREAM = 2**31  # apart from the streams of random nodes

_SHUFFLE = '''"""The order of the examples in one epoch."""
import math

from numba import njit
from numpy import float32, float64, uint64

from codegen.pipeline import INNER, OUTER

jit = njit(error_model="numpy", forceinline=True, **INNER)
entry = njit(error_model="numpy", nogil=True, **OUTER)

{source}

@entry
def run(order, seed, stream, step):
    shuffle(order, seed, stream, step)
    return 0


ENTRY = {{"run": "int64(int64[::1], int64, int64, int64)"}}
'''


WORTH_COMPILING = 50_000  # indices: the reference takes 10 ms for them, compiling half a second
_shuffled = 0


def shuffle(order: np.ndarray, seed: int, step: int, epochs: int = 1, jit: bool = True) -> None:
    """Fill `order` with the permutation that belongs to (seed, step).

    The NumPy reference and the compiled function give the same bits; the latter is made only when
    there is enough to shuffle, now or in the `epochs` to come.
    """
    global _shuffled
    _shuffled += order.size
    if jit and on("shuffle") and max(_shuffled, order.size * epochs) > WORTH_COMPILING:
        _shuffler()(order, seed, SHUFFLE_STREAM, step)
    else:
        order[:] = random.permutation(seed, SHUFFLE_STREAM, step, order.size)


def shuffler_address() -> int:
    """Where the machine code begins that fills an order: of (order, seed, SHUFFLE_STREAM, step)."""
    return cache.machine_code(_shuffler())


@functools.cache
def _shuffler() -> Callable[..., int]:
    return cache.load(_SHUFFLE.format(source=random.source("shuffle")), "shuffle").run
