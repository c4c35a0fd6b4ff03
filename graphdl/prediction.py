"""What a model computes at once, outside of any tape, and how a tape may compute it again.

The lecture's last program calls `model(x)` before the tape begins, so that no gradient leads from
the loss to the weights. The array that comes out remembers its model and its input: when it enters
a tape while the weights are still the same, the forward pass is recorded there, with a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.tensor import recording
from graphdl.ops.operators import by_ufunc


class Prediction(np.ndarray):
    """An array that came out of a model. What is computed from it is an array like any other."""

    _source: tuple[Any, Any, bool, tuple[int, ...]] | None = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Inside a tape an operation on it is recorded, as one on a tensor is."""
        if recording.get() is not None and self.source and not kwargs:
            return by_ufunc(ufunc, method, *inputs)
        plain = {k: tuple(map(_plain, v)) if k == "out" else v for k, v in kwargs.items()}
        return getattr(ufunc, method)(*map(_plain, inputs), **plain)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._source = None  # it is not what the model gave any more
        super().__setitem__(key, value)

    def numpy(self) -> np.ndarray:
        """A plain copy."""
        return np.array(self)

    @property
    def source(self) -> tuple[Any, Any, bool] | None:
        """(model, inputs, training) while the model still has the weights that it had."""
        if self._source is None:
            return None
        model, inputs, training, versions = self._source
        return (model, inputs, training) if _versions(model) == versions else None


def prediction(array: np.ndarray, model: Any, inputs: Any, training: bool) -> Prediction:
    """The array as the output of a model."""
    made = np.asarray(array).view(Prediction)
    made._source = (model, inputs, training, _versions(model))
    return made


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Prediction) else value


def _versions(model: Any) -> tuple[int, ...]:
    return tuple(w.changes[0] for w in model.weights)
