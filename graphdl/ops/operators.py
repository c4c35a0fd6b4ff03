"""Python's operators on nodes. Importing this module installs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphdl.core.graph import Node
from graphdl.ops import arithmetic as a
from graphdl.ops.build import label
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
    """Give `Node` its operators. `==` stays identity: a node is a key of dictionaries."""
    for name, function in _BINARY.items():
        setattr(Node, f"__{name}__", lambda x, y, f=function: f(x, y))
        setattr(Node, f"__r{name}__", _swapped(function))
    for name, function in _COMPARE.items():
        setattr(Node, f"__{name}__", lambda x, y, f=function: f(x, y))
    Node.__neg__ = lambda x: a.negative(x)  # type: ignore[attr-defined]
    Node.__abs__ = lambda x: a.absolute(x)  # type: ignore[attr-defined]
    Node.__invert__ = lambda x: a.logical_not(x)  # type: ignore[attr-defined]
    Node.__getitem__ = getitem  # type: ignore[attr-defined]
    Node.T = property(transpose)  # type: ignore[attr-defined]
    Node.named = label  # type: ignore[attr-defined]


install()
