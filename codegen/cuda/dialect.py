"""What generated modules import: Numba's CUDA, or its simulator; the one place that knows which.

Only generated modules and those that compile or run them import this file: it loads Numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import methodcaller
from types import CodeType
from typing import Any

import numpy as np
from numba import config, cuda

if config.ENABLE_CUDASIM:

    def device(function: Callable) -> Any:
        """A function that kernels call, as it is."""
        return function

    rint32 = rint64 = np.rint
    floor32 = floor64 = np.floor
    sqrt32 = sqrt64 = np.sqrt
    sin64, cos64 = np.sin, np.cos
    as_int32, as_int64 = methodcaller("view", np.int32), methodcaller("view", np.int64)
    as_float32, as_float64 = methodcaller("view", np.float32), methodcaller("view", np.float64)
else:
    from numba.cuda import libdevice

    _jit = cuda.jit(device=True, forceinline=True)
    _known: dict[CodeType, Any] = {}

    def device(function: Callable) -> Any:
        """A function that kernels call, inlined by the compiler behind Numba.

        Modules that hold the same one share it, so that its types are found once in a process: what
        these functions call is told apart by name, and the same in every module.
        """
        text = function.__code__.replace(co_filename="", co_firstlineno=1, co_linetable=b"")
        if text not in _known:
            _known[text] = _jit(function)
        return _known[text]

    rint32, rint64 = libdevice.rintf, libdevice.rint
    floor32, floor64 = libdevice.floorf, libdevice.floor
    sqrt32 = sqrt64 = math.sqrt  # rounded correctly, in the dtype of the argument
    sin64, cos64 = math.sin, math.cos
    as_int32, as_int64 = libdevice.float_as_int, libdevice.double_as_longlong  # the same bits
    as_float32, as_float64 = libdevice.int_as_float, libdevice.longlong_as_double

__all__ = [
    "as_float32", "as_float64", "as_int32", "as_int64", "cos64", "cuda", "device", "floor32", "floor64",
    "rint32", "rint64", "sin64", "sqrt32", "sqrt64",
]  # fmt: skip
