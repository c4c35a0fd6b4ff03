"""The leaves of recordings: the same node for the same place and shape class, turn after turn."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import DTypeError
from graphdl.core.graph import Node, Variable
from graphdl.core.sizes import Size, named
from graphdl.core.tensor import Tensor
from graphdl.core.types import DTYPES, FLOATS, floatx
from graphdl.ops.build import tensor
from graphdl.prediction import Prediction

_NAMES = {np.dtype(name): name for name in DTYPES}  # dtype.name is slow


@functools.lru_cache(4096)
def place(number: int, shape: tuple, dtype: str) -> Node:
    """The leaf of the array that enters as number `number`."""
    return tensor(f"x{number + 1}", shape, dtype)


_stand_ins: weakref.WeakKeyDictionary[Variable, list[Node]] = weakref.WeakKeyDictionary()


def stand_in(variable: Variable, number: int) -> Node:
    """The leaf for a former value of a variable."""
    known = _stand_ins.setdefault(variable, [])
    if number == len(known):
        known.append(tensor(variable.name, variable.type.shape, variable.dtype))
    return known[number]


@functools.lru_cache(256)
def size(name: str) -> Size:
    """The size of that name."""
    return named(name)


def copied(value: Any, dtype: str) -> np.ndarray:
    """An array of our own in the form that programs take."""
    array = np.asarray(value)
    if _NAMES.get(array.dtype) == dtype:
        return np.array(array, order="C")
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"a tape records numbers, got an array of {array.dtype}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        return np.array(array, dtype, order="C")


def float_dtype(values: Sequence[Any]) -> str | None:
    """The float dtype that arrays take over: that of a node or tensor among them."""
    for v in values:
        if isinstance(v, (Node, Tensor, Prediction)):
            if v.dtype in FLOATS:
                return str(v.dtype)
        elif isinstance(v, (list, tuple)) and (found := float_dtype(v)):
            return found
    return None


def dtype_of(value: Any, floats: str | None) -> str:
    """The dtype of an array's leaf; a float array follows the floats that it meets."""
    dtype = value.dtype
    if dtype.kind == "f":
        return floats or _NAMES.get(dtype, floatx())
    return _NAMES.get(dtype, "int64")
