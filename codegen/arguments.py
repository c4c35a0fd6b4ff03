"""A program's arrays as one argument: a table of where they lie and how long their axes are.

Handing an array to compiled code costs 0.15 µs, and a training step has fifty of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


class Table:
    """Address and shape of each array, in a row; the arrays must outlive the table."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.words = np.array([w for a in arrays for w in (_address(a), *a.shape)], np.int64)
        self.starts = [0, *itertools.accumulate(1 + a.ndim for a in arrays)]

    def put(self, at: int, array: np.ndarray) -> None:
        """Another array in the place of one with as many axes."""
        start = self.starts[at]
        self.words[start] = _address(array)
        self.words[start + 1 : self.starts[at + 1]] = array.shape


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def kinds(arrays: Sequence[tuple[str, int]]) -> str:
    """What `codegen.unpacking` is to find: the dtype and the number of axes of each array."""
    return ", ".join(f"{dtype} {axes}" for dtype, axes in arrays)
