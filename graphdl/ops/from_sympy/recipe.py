"""A formula as a list of primitive steps: run on nodes it builds a graph, on arrays it computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.op import Op
from graphdl.ops import arithmetic as a
from graphdl.ops.build import constant


@dataclass(frozen=True)
class Ref:
    """The value with this number: the arguments come first, then the steps."""

    index: int


Value = Ref | float


@dataclass(frozen=True)
class Recipe:
    """Steps on `arity` arguments; the last value is the result."""

    arity: int
    steps: tuple[tuple[Op, tuple[Value, ...]], ...]
    result: Ref

    def __call__(self, *nodes: Node) -> Node:
        """The formula on nodes: its body."""
        return self._run(nodes, apply, lambda number: constant(number, nodes[0].dtype))

    def evaluate(self, *arrays: Any) -> Any:
        """The formula on arrays of one dtype: its meaning in NumPy."""
        dtype = np.asarray(arrays[0]).dtype.type
        with np.errstate(all="ignore"):
            return self._run(arrays, lambda op, *args: op.reference(*args), dtype)

    def _run(self, inputs: Sequence[Any], run: Callable, number: Callable[[float], Any]) -> Any:
        values = list(inputs)
        for op, operands in self.steps:
            found = [values[o.index] if isinstance(o, Ref) else number(o) for o in operands]
            values.append(run(op, *found))
        return values[self.result.index]


class Writer:
    """Writes a recipe, each step once. Numbers are folded where nothing else is left to do."""

    def __init__(self, arity: int) -> None:
        self.arity = arity
        self._steps: dict[tuple, tuple[Op, tuple[Value, ...]]] = {}
        self._known: dict[tuple, Ref] = {}

    def recipe(self, result: Ref) -> Recipe:
        return Recipe(self.arity, tuple(self._steps.values()), result)

    def emit(self, op: Op, *operands: Value) -> Ref:
        key = (op.name, *(o if isinstance(o, Ref) else o.hex() for o in operands))
        if key not in self._known:
            self._known[key] = Ref(self.arity + len(self._steps))
            self._steps[key] = (op, operands)
        return self._known[key]

    def add(self, x: Value, y: Value) -> Value:
        if isinstance(x, float) and isinstance(y, float):
            return x + y
        if 0.0 in (x, y):
            return y if x == 0.0 else x
        return self.emit(a.add_op, x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        if isinstance(x, float) and isinstance(y, float):
            return x - y
        if y == 0.0:
            return x
        return self.negative(y) if x == 0.0 else self.emit(a.sub_op, x, y)

    def negative(self, x: Value) -> Value:
        return -x if isinstance(x, float) else self.emit(a.neg_op, x)

    def times(self, x: Value, y: Value) -> Value:
        if isinstance(x, float) and isinstance(y, float):
            return x * y
        if 1.0 in (x, y):
            return y if x == 1.0 else x
        if -1.0 in (x, y):
            return self.negative(y if x == -1.0 else x)
        return self.emit(a.mul_op, x, y)

    def over(self, x: Value, y: Value) -> Value:
        if y == 1.0:
            return x
        return x / y if isinstance(x, float) and isinstance(y, float) else self.emit(a.div_op, x, y)

    def maximum(self, x: Value, y: Value) -> Value:
        """The larger; max(x, 0) is relu."""
        if isinstance(x, float) and isinstance(y, float):
            return max(x, y)
        if 0.0 in (x, y):
            return self.emit(a.relu_op, y if x == 0.0 else x)
        return self.emit(a.maximum_op, x, y)

    def power(self, x: Value, exponent: float) -> Value:
        """x to a positive power; whole ones by squaring, the half by the root."""
        if isinstance(x, float):
            return x**exponent
        if exponent == 0.5:
            return self.emit(a.sqrt_op, x)
        if not exponent.is_integer() or not 1 <= exponent <= 64:
            return self.emit(a.pow_op, x, exponent)
        half, odd = divmod(int(exponent), 2)
        if half == 0:
            return x
        square = self.emit(a.square_op, self.power(x, float(half)))
        return self.times(x, square) if odd else square
