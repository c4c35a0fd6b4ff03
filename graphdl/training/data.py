"""Data at the door of fit, evaluate and predict: checked and brought to one form before all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.device import surely_within
from graphdl.door import in_form, is_array
from graphdl.losses import Loss
from graphdl.registry import number

Array = Any  # of NumPy's, or on the device (`DeviceArray`): what is asked of one, both have


@dataclass(frozen=True)
class Data:
    """Examples in the model's form: inputs, targets, one weight an example."""

    inputs: tuple[Array, ...]
    target: Array | None = None
    weights: Array | None = None

    @property
    def rows(self) -> int:
        return len(self.inputs[0])

    @property
    def arrays(self) -> list[Array]:
        """All that there is, in the order in which a step takes it."""
        return [*self.inputs, *(a for a in (self.target, self.weights) if a is not None)]

    def part(self, first: int, last: int) -> Data:
        """Some of the rows, without copying."""
        cut = lambda a: None if a is None else a[first:last]  # noqa: E731
        return Data(tuple(a[first:last] for a in self.inputs), cut(self.target), cut(self.weights))


def check_inputs(
    x: Any, symbols: list[Node], what: str = "x", finite: bool = True
) -> tuple[Array, ...]:
    """The inputs of a model, one array for each symbol, all with the same number of rows.

    finite=False: NaN and infinity are left for the compiled step to find.
    """
    many = len(symbols) > 1 or (isinstance(x, (list, tuple)) and _holds_arrays(x))
    values = list(x) if many and isinstance(x, (list, tuple)) else [x]
    if len(values) != len(symbols):
        raise ShapeError(
            f"the model has {len(symbols)} inputs, got {len(values)} arrays for {what}"
        )
    if any(v is None for v in values):
        raise ValueError(f"{what} is missing: give the examples, one a row")
    arrays = tuple(_input(v, s, what, finite) for v, s in zip(values, symbols, strict=True))
    rows = {len(a) for a in arrays}
    if len(rows) > 1:
        raise ShapeError(f"{what}: the inputs have different numbers of rows: {sorted(rows)}")
    return arrays


def _holds_arrays(values: Any) -> bool:
    return len(values) > 0 and all(is_array(v) and v.ndim > 0 for v in values)


def _input(value: Any, symbol: Node, what: str, finite: bool) -> Array:
    array = in_form(value, symbol.dtype, what)
    expected = symbol.shape
    fits = array.ndim == len(expected) and all(
        isinstance(d, Size) or d == n for d, n in zip(expected[1:], array.shape[1:], strict=True)
    )
    if not fits:
        text = ", ".join(map(str, expected))
        hint = ""
        if array.ndim == len(expected) - 1 and array.shape == expected[1:]:
            hint = f". For one example write {what}[None, ...]"
        raise ShapeError(f"{what} has shape {array.shape}, the model expects ({text}){hint}")
    if finite:
        check_finite(array, what)
    return array


def check_finite(array: Array, what: str) -> None:
    """Raise ValueError on NaN and infinity, telling where."""
    if array.dtype.kind != "f" or surely_within(array):
        return
    values = np.asarray(array)
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values)
        row = int(np.argwhere(bad)[0][0])
        raise ValueError(
            f"{what} has {np.count_nonzero(bad)} values that are NaN or infinite, the first in row "
            f"{row} (in {array.dtype}); remove, fill or scale them first"
        )


def check_target(y: Any, output: Node, loss: Loss, rows: int) -> Array:
    """Targets in the form that the loss takes: a column, one-hot rows, or class numbers."""
    if y is None:
        raise ValueError("y is missing: training and evaluation need the targets")
    target = loss.check_target(y, output)
    if len(target) != rows:
        raise ShapeError(f"x has {rows} rows, y has {len(target)}: each example needs one target")
    check_finite(target, "y")
    if loss.domain is not None:
        loss.domain.check(target, loss.name)
    return target


def check_weights(
    sample_weight: Any, class_weight: Mapping[int, float] | None, target: Array, dtype: str
) -> Array | None:
    """One weight an example, from weights by example, by class, or both.

    Classes are looked up on the host, from a copy of targets that lie on the device.
    """
    weights = None
    rows = len(target)
    if sample_weight is not None:
        weights = in_form(sample_weight, dtype, "sample_weight")
        if weights.ndim == 2 and weights.shape[1] == 1:
            weights = weights.reshape(len(weights))
        if weights.shape != (rows,):
            raise ShapeError(f"sample_weight has shape {weights.shape}, expected ({rows},)")
        check_finite(weights, "sample_weight")
        if not surely_within(weights, 0) and (np.asarray(weights) < 0).any():
            raise ValueError("sample_weight: a weight cannot be negative")
    if class_weight is not None:
        by_class = _by_class(class_weight, np.asarray(target)).astype(dtype)
        weights = by_class if weights is None else np.asarray(weights) * by_class
    return weights


def _by_class(class_weight: Mapping[int, float], target: np.ndarray) -> np.ndarray:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight maps class numbers to weights, got {class_weight!r:.60}")
    checked = {c: number(f"class_weight of class {c!r}", w) for c, w in class_weight.items()}
    one_hot = target.ndim == 2 and target.shape[1] > 1
    labels = target.argmax(-1) if one_hot else target.reshape(len(target))
    if (labels != np.floor(labels)).any():
        bad = labels[labels != np.floor(labels)][0]
        raise ValueError(f"class_weight needs targets that are classes, y holds {bad:g}")
    weights = np.ones(len(target))
    for label in np.unique(labels):
        weights[labels == label] = checked.get(int(label), 1.0)
    return weights
