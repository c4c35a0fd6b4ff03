"""What comes in from outside: any array a user has, in the one form that programs take.

C order, native byte order, aligned, one dtype. A copy is made only where the form differs, and no
array of the user's is ever written to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.cuda.arrays import DeviceArray
from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.interpret import Sizes
from graphdl.core.sizes import Dim


def as_array(value: Any, dtype: str | None, what: str) -> np.ndarray:
    """The value as a C-ordered array of `dtype`, or of its own; DTypeError on what is not numbers."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"{what}: cannot be read as an array: {error}") from None
    if array.dtype.kind not in "fiub":
        kind = "complex numbers" if array.dtype.kind == "c" else f"dtype {array.dtype}"
        raise DTypeError(f"{what}: expected numbers for {dtype or 'an array'}, got {kind}")
    if dtype is None:
        dtype = array.dtype.newbyteorder("=").name
    if np.dtype(dtype).kind in "iu" and array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(array))
        if not whole.all():
            bad = array[~whole].flat[0]
            raise DTypeError(f"{what}: expected whole numbers ({dtype}), got {bad!r}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which others refuse
        return np.require(array, dtype, ["C", "A"])


def in_form(value: Any, dtype: str, what: str) -> Any:
    """The same, but for an array on the GPU: it stays there, and must have the dtype already."""
    if not isinstance(value, DeviceArray):
        return as_array(value, dtype, what)
    if value.dtype != dtype:
        raise DTypeError(
            f"{what}: expected {dtype}, got {value.dtype} on the GPU; convert it there"
        )
    return value


def is_array(value: Any) -> bool:
    """Is it an array of NumPy's, or one on the GPU?"""
    return isinstance(value, (np.ndarray, DeviceArray))


def check_rank(array: np.ndarray, shape: tuple[Dim, ...], what: str) -> None:
    if array.ndim != len(shape):
        text = ", ".join(map(str, shape))
        hint = "; reshape it to one column: x[:, None]" if array.ndim == 1 == len(shape) - 1 else ""
        raise ShapeError(
            f"{what}: expected shape ({text}) with {len(shape)} axes, got {array.shape}{hint}"
        )


def learn_sizes(sizes: Sizes, shape: tuple[Dim, ...], array: np.ndarray, what: str) -> None:
    """Take over what an array says of named sizes; raises ShapeError where it contradicts."""
    check_rank(array, shape, what)
    for axis, (d, n) in enumerate(zip(shape, array.shape, strict=True)):
        try:
            sizes.facts = sizes.facts.equate(d, n, what)
        except ShapeError as error:
            known = sizes.facts.resolve(d)
            text = ", ".join(map(str, shape))
            raise ShapeError(
                f"{what}: expected shape ({text}), got {array.shape}: "
                f"axis {axis} has {n}, expected {known}\n  ({error})"
            ) from None
