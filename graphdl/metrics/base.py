"""What all metrics share: state that is written as nodes, so that it is updated inside the epoch.

State is kept in float64; `result()` of a metric that has seen nothing is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.graph import Node, Variable
from graphdl.core.interpret import interpret
from graphdl.core.tensor import off_tape
from graphdl.core.types import dtype_name
from graphdl.door import as_array
from graphdl.losses.base import snake
from graphdl.ops.build import cast, constant, variable

Result = float | np.ndarray


class Metric:
    """Base. A subclass declares its state with `add_variable` and says how it is updated.

    dtype: the dtype in which values are computed (default: that of the predictions).
    direction: whether less ("min") or more ("max") of it is better, for callbacks that watch it.
    """

    direction: str | None = None

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake(type(self).__name__)
        self.dtype = None if dtype is None else dtype_name(dtype)
        self.variables: list[Variable] = []

    def add_variable(self, name: str, shape: tuple[int, ...] = ()) -> Variable:
        """A state of zeros, float64."""
        state = variable(np.zeros(shape), f"{self.name}/{name}", "float64")
        self.variables.append(state)
        return state

    def build(self, y_true: Node, y_pred: Node) -> None:
        """Check that targets and predictions fit; declare the state whose shape they decide."""

    def updates(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        """The new state, from the old one and a batch."""
        raise NotImplementedError

    def fitted(self, y_true: Node, y_pred: Node, weight: Node | None) -> dict[Variable, Node]:
        """The updates; raises an error that names the metric where a batch does not fit."""
        if self.dtype is not None:
            y_pred = cast(y_pred, self.dtype)
            y_true = cast(y_true, self.dtype) if y_true.type.is_float else y_true
        try:
            self.build(y_true, y_pred)
            return self.updates(y_true, y_pred, weight)
        except (ShapeError, DTypeError) as error:
            raise type(error)(
                f"the metric {self.name!r} does not fit predictions of shape "
                f"{_text(y_pred)} and targets of shape {_text(y_true)}: {error}"
            ) from None

    def result(self) -> Result:
        """The metric of all that was seen since the last reset."""
        raise NotImplementedError

    def results(self, states: Sequence[np.ndarray]) -> Sequence[Result]:
        """`result()` at several times: states[k] holds what the k-th variable was at each of them."""
        found = []
        for values in zip(*states, strict=True):
            for state, value in zip(self.variables, values, strict=True):
                state.storage[...] = value
            found.append(self.result())
        return found

    def targets(self, y_true: Any) -> Any:
        """Targets that are given as an array, in the form that the metric takes."""
        return y_true

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch of arrays into account; a mask is a weight of 0 or 1 for each example."""
        y, p = nodes(self.targets(y_true), y_pred)
        weight = None if sample_weight is None else nodes(sample_weight)[0]
        with off_tape():
            self.assign(self.fitted(y, p, weight))

    def assign(self, updates: dict[Variable, Node]) -> None:
        """Compute the new state and keep it."""
        new = interpret(updates.values(), {})
        for state, value in zip(updates, new, strict=True):
            state.assign(value)

    def reset_state(self) -> None:
        """Forget everything."""
        for state in self.variables:
            state.storage[...] = 0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Result:
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


def nodes(*values: Any) -> list[Node]:
    """Arrays as constants; those of floats in the dtype of the last such, the predictions.

    Not in the widest: a prediction of 0.4 in float32 is above a threshold of 0.4 in float64.
    """
    arrays = [np.asarray(v) for v in values]
    floats = [a.dtype.name for a in arrays if a.dtype.name in ("float32", "float64")]
    chosen = floats[-1] if floats else None
    return [constant(a, chosen if a.dtype.kind == "f" else None) for a in arrays]


def whole_numbers(y_true: Any, name: str) -> np.ndarray:
    """Class numbers given as an array of any dtype; raises ValueError where one is not whole."""
    try:
        return as_array(y_true, "int64", "y_true")
    except TypeError as error:
        raise ValueError(f"the metric {name!r} takes class numbers. {error}") from None


def scalar(value: Any) -> Result:
    """A float for one number, an array for several."""
    array = np.asarray(value, np.float64)
    return float(array) if array.ndim == 0 else array


def ratio(part: Any, whole: Any) -> np.ndarray:
    """part / whole, and 0 where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole != 0)


def _text(node: Node) -> str:
    return f"({', '.join(map(str, node.shape))})"
