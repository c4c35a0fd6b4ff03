"""What generated modules import: Numba's CUDA, or its simulator; the one place that knows which.

Only generated modules and those that compile or run them import this file: it loads Numba.
"""

from __future__ import annotations

import math

import numpy as np
from numba import config, cuda

if config.ENABLE_CUDASIM:

    def device(function):  # kernels call it as it is
        """A function that kernels call."""
        return function

    rint32 = rint64 = np.rint
    floor32 = floor64 = np.floor
    sqrt32 = sqrt64 = np.sqrt
    sin64, cos64 = np.sin, np.cos
else:
    from numba.cuda import libdevice

    device = cuda.jit(device=True, inline="always")
    rint32, rint64 = libdevice.rintf, libdevice.rint
    floor32, floor64 = libdevice.floorf, libdevice.floor
    sqrt32 = sqrt64 = math.sqrt  # rounded correctly, in the dtype of the argument
    sin64, cos64 = math.sin, math.cos

__all__ = [
    "cuda", "device", "rint32", "rint64", "floor32", "floor64", "sqrt32", "sqrt64", "sin64", "cos64",
]  # fmt: skip
