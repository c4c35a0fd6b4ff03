"""Targets at the door: which values a loss can learn from, and in which form it takes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.device import surely_within
from graphdl.door import in_form


@dataclass(frozen=True)
class Domain:
    """The values that targets may have. `outside` finds the others."""

    outside: Callable[[np.ndarray], np.ndarray]
    what: str  # what a value outside is
    takes: str  # what the loss takes instead
    inside: tuple[float, float] | None = None  # no number from here to there is outside

    def check(self, target: Any, name: str) -> None:
        """Raise ValueError at the first row with a target outside the domain."""
        if self.inside is not None and surely_within(target, *self.inside):
            return
        values = np.asarray(target)
        outside = self.outside(values)
        if outside.any():
            row = int(np.argwhere(outside)[0][0])
            raise ValueError(
                f"y: {values[outside][0]:g} in row {row} {self.what}; {name} takes {self.takes}"
            )


def _no_sign(y: np.ndarray) -> np.ndarray:
    """Neither −1 or 1, nor 0 or 1 throughout: 0 beside −1 has no meaning."""
    strange = (y != 0) & (y != 1) & (y != -1)
    return strange | (y == 0) if (y == -1).any() else strange


PROBABILITIES = Domain(
    lambda y: (y < 0) | (y > 1), "is not a probability", "targets from 0 to 1", (0, 1)
)  # fmt: skip
NOT_NEGATIVE = Domain(lambda y: y < 0, "is negative", "targets of 0 or more", (0, math.inf))
SIGNS = Domain(_no_sign, "is not a class", "labels -1 and 1, or 0 and 1")


def like_output(y: Any, output: Node, hint: str = "") -> Any:
    """Targets of the shape of the model's output; a vector stands for a column."""
    target = in_form(y, output.dtype, "y")
    if target.ndim == 1 and output.rank == 2 and output.shape[1] == 1:
        target = target.reshape((len(target), 1))
    expected = output.shape
    if target.ndim == len(expected) and all(
        isinstance(d, Size) or d == n for d, n in zip(expected[1:], target.shape[1:], strict=True)
    ):
        return target
    said = hint if target.ndim < len(expected) else ""
    text = ", ".join(map(str, expected))
    raise ShapeError(f"y has shape {target.shape}, the model's output is ({text}){said}")


def class_numbers(y: Any, output: Node, axis: int, ignored: int | None = None) -> Any:
    """Targets as numbers of classes, one for each row of the output along `axis`."""
    shape, rank, classes = np.shape(y), output.rank, output.shape[axis]
    if len(shape) == rank and shape[axis] == classes and classes != 1:
        raise ShapeError(
            f"y has shape {shape}: it looks one-hot. 'sparse_categorical_crossentropy' takes "
            "class numbers; for one-hot rows use 'categorical_crossentropy'"
        )
    try:
        labels = in_form(y, "int64", "y")
    except DTypeError as error:
        raise ValueError(f"{error}. Class labels are whole numbers from 0") from None
    if labels.ndim == rank and labels.shape[axis] == 1:
        labels = labels.reshape([n for k, n in enumerate(shape) if k != axis % rank])
    if labels.ndim != rank - 1:
        raise ShapeError(
            f"y has shape {labels.shape}; class numbers of {output.type} have {rank - 1} axes"
        )
    if not surely_within(labels, 0, classes - 1):
        _check_classes(np.asarray(labels), classes, ignored)
    return labels


def _check_classes(labels: np.ndarray, classes: int, ignored: int | None) -> None:
    """Raise ValueError at the first row whose label is no class."""
    outside = ((labels < 0) | (labels >= classes)) & (labels != ignored)
    if outside.any():
        row = int(np.argwhere(outside)[0][0])
        raise ValueError(
            f"y: the label {labels[outside][0]} in row {row} is not one of the {classes} classes "
            f"0 … {classes - 1}"
        )
