"""What a node holds: a shape of whole numbers and named sizes, and a dtype."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.sizes import Dim, Size, dim

FLOATS = ("float32", "float64")
INTEGERS = ("int32", "int64")
DTYPES = (*FLOATS, *INTEGERS, "bool")

_floatx = "float32"


def floatx() -> str:
    """The dtype of values that are given without one."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Make `dtype` ("float32" or "float64") the default of all nodes declared from now on."""
    global _floatx
    if dtype not in FLOATS:
        raise DTypeError(f"set_floatx takes 'float32' or 'float64', got {dtype!r}")
    _floatx = dtype


def dtype_name(dtype: object) -> str:
    """The name of a dtype that graphdl computes with; raises DTypeError on any other."""
    try:
        name = np.dtype(floatx() if dtype is None else dtype).name  # type: ignore[call-overload]
    except TypeError:
        name = None
    if name not in DTYPES:
        raise DTypeError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    return name


@dataclass(frozen=True)
class Type:
    """A shape and a dtype."""

    shape: tuple[Dim, ...]
    dtype: str

    @cached_property
    def _hash(self) -> int:
        return hash((self.shape, self.dtype))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        short = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64"}
        return f"{short.get(self.dtype, self.dtype)}[{', '.join(map(str, self.shape))}]"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    def with_shape(self, shape: tuple[Dim, ...]) -> Type:
        return Type(tuple(shape), self.dtype)


def as_shape(shape: object) -> tuple[Dim, ...]:
    """A user's shape as a tuple of dims: an int, a name or a size alone stands for one axis."""
    if isinstance(shape, (str, int, Size)) or hasattr(shape, "__index__"):
        shape = (shape,)
    try:
        return tuple(dim(d) for d in shape)  # type: ignore[attr-defined]
    except TypeError:
        raise ShapeError(f"a shape is a tuple of sizes, got {shape!r}") from None


def as_axis(axis: object, rank: int, what: str) -> int:
    """`axis` counted from the front; raises ShapeError when there is no such axis."""
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise ShapeError(f"{what}: an axis is a whole number, got {axis!r}")
    number = axis.__index__()
    if not -rank <= number < rank:
        raise ShapeError(f"{what}: there is no axis {number} in a tensor with {rank} axes")
    return number % rank


def as_axes(axis: object, rank: int, what: str) -> tuple[int, ...]:
    """One axis, several, or None for all, as a sorted tuple without repeats."""
    if axis is None:
        return tuple(range(rank))
    items = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(sorted(as_axis(a, rank, what) for a in items))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{what}: an axis is named twice in {axis!r}")
    return axes
