"""Python's operators on nodes. Importing this module installs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.core.tensor import Tensor, recording
from graphdl.ops import arithmetic as a
from graphdl.ops import functions
from graphdl.ops.build import label, public
from graphdl.ops.linalg import matmul
from graphdl.ops.shape import getitem, transpose


def _swapped(function: Callable[[Any, Any], Node]) -> Callable[[Any, Any], Node]:
    return lambda self, other: function(other, self)


_BINARY: dict[str, Callable[[Any, Any], Node]] = {
    "add": a.add,
    "sub": a.subtract,
    "mul": a.multiply,
    "truediv": a.divide,
    "pow": a.power,
    "mod": a.mod,
    "matmul": matmul,
    "and": a.logical_and,
    "or": a.logical_or,
    "xor": a.logical_xor,
}
_COMPARE = {"lt": a.less, "le": a.less_equal, "gt": a.greater, "ge": a.greater_equal}


def install() -> None:
    """Give nodes and tensors their operators. On nodes `==` stays identity: they are keys of dicts."""
    for cls in (Node, Tensor):
        for name, function in _BINARY.items():
            setattr(cls, f"__{name}__", lambda x, y, f=function: f(x, y))
            setattr(cls, f"__r{name}__", _swapped(function))
        for name, function in _COMPARE.items():
            setattr(cls, f"__{name}__", lambda x, y, f=function: f(x, y))
        cls.__neg__ = lambda x: a.negative(x)  # type: ignore[attr-defined]
        cls.__abs__ = lambda x: a.absolute(x)  # type: ignore[attr-defined]
        cls.__invert__ = lambda x: a.logical_not(x)  # type: ignore[attr-defined]
        cls.__getitem__ = public(getitem)  # type: ignore[attr-defined]
        cls.T = property(transpose)  # type: ignore[attr-defined]
        cls.named = public(label)  # type: ignore[attr-defined]
    Tensor.__eq__ = lambda x, y: a.equal(x, y)  # type: ignore[assignment, method-assign]
    Tensor.__ne__ = lambda x, y: a.not_equal(x, y)  # type: ignore[assignment, method-assign]
    Tensor.__array_ufunc__ = lambda _, *args, **kwargs: by_ufunc(*args, **kwargs)  # type: ignore[attr-defined]


def by_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NumPy's function on a tensor: inside a tape ours of that name, else NumPy's, on numbers."""
    name = ufunc.__name__
    ours = getattr(a, name, None) or getattr(functions, name, None)
    ours = matmul if ufunc is np.matmul else ours
    if recording.get() is not None and method == "__call__" and ours is not None and not kwargs:
        return ours(*inputs)
    numbers = [i.array if isinstance(i, Tensor) else i for i in inputs]
    return getattr(ufunc, method)(*numbers, **kwargs)


install()
