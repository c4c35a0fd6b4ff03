"""Validation data: given, or split off the training data."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.door import is_array
from graphdl.training.streams import is_stream


def split_off(
    x: Any, y: Any, weight: Any, split: float, validation: Any
) -> tuple[Any, Any, Any, tuple | None]:
    """(x, y, weight) to train on and the validation data: given, or the last rows, or None.

    Validation data from an iterable of batches is (iterable,).
    """
    if validation is not None:
        if is_stream(validation, pairs=isinstance(validation, list)):
            return x, y, weight, (validation,)
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise ValueError(
                "validation_data is (x, y), (x, y, sample_weight) or an iterable of batches"
            )
        return x, y, weight, tuple(validation)
    if isinstance(split, bool) or not isinstance(split, (int, float)) or not 0 <= split < 1:
        raise ValueError(f"validation_split is a share from 0 to below 1, got {split!r}")
    if not split:
        return x, y, weight, None
    if y is None and is_stream(x, pairs=True):
        raise ValueError(
            "validation_split needs arrays; beside an iterable of batches give validation_data"
        )
    many = isinstance(x, (list, tuple)) and all(map(is_array, x))
    arrays = [_array(a) for a in (x if many else [x])]
    rows = len(arrays[0])
    at = int(rows * (1 - split))
    if at == 0 or at == rows:
        raise ValueError(f"validation_split={split} of {rows} examples leaves one part empty")
    pack = lambda part: list(part) if many else part[0]  # noqa: E731
    targets, weights = _array(y), None if weight is None else _array(weight)
    tail = None if weights is None else weights[at:]
    held = (pack([a[at:] for a in arrays]), targets[at:], *([tail] if tail is not None else []))
    head = None if weights is None else weights[:at]
    return pack([a[:at] for a in arrays]), targets[:at], head, held


def _array(value: Any) -> Any:
    """Rows of it can be taken: an array on the GPU as it lies, all else as one of NumPy's."""
    return value if is_array(value) else np.asarray(value)
