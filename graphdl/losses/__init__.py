"""Losses: one number for each example (functions), one for the batch (classes). Formulas are Keras's.

A function takes targets and predictions, nodes or arrays, and reduces the last axis. A class adds the
reduction over the batch: by default Σ loss·weight / number of examples.
"""

# ruff: noqa: F401  (the public face)
from __future__ import annotations

from typing import Any

from graphdl.losses.base import Loss, Wrapped, same_form, weight_of
from graphdl.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from graphdl.losses.distribution import KLDivergence, Poisson, kl_divergence, poisson
from graphdl.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from graphdl.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from graphdl.losses.overlap import Dice, Tversky, dice, tversky
from graphdl.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from graphdl.registry import lookup

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kl_divergence
bce = BCE = binary_crossentropy
logcosh = log_cosh

#: Each class by the name of its function.
_CLASSES: dict[str, type[Loss]] = {
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "cosine_similarity": CosineSimilarity,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "kl_divergence": KLDivergence,
    "poisson": Poisson,
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "dice": Dice,
    "tversky": Tversky,
}
ALIASES = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "kld": KLDivergence,
    "bce": BinaryCrossentropy,
    "logcosh": LogCosh,
    "huber_loss": Huber,
}
KNOWN: dict[str, type[Loss]] = _CLASSES | ALIASES
_OF_FUNCTION = {globals()[name]: loss for name, loss in _CLASSES.items()}


def get(loss: Any) -> Loss:
    """A loss from its name, its class, or a function of targets and predictions."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    if callable(loss):
        known = _OF_FUNCTION.get(loss)
        return Wrapped(loss) if known is None else known()
    return lookup_name(loss)()


def lookup_name(name: Any) -> type[Loss]:
    """The loss of a name, in any case; raises ValueError that lists what there is."""
    return lookup("loss", name, KNOWN | {c.__name__: c for c in KNOWN.values()})
