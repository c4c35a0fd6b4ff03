"""Metrics: objects with state. What they add up is written as nodes, so it runs inside the epoch."""

# ruff: noqa: F401  (the public face)
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphdl import losses
from graphdl.core.graph import Node
from graphdl.losses import Loss, same_form, weight_of
from graphdl.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from graphdl.metrics.base import Metric
from graphdl.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from graphdl.metrics.curves import AUC
from graphdl.metrics.determination import R2Score
from graphdl.metrics.errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from graphdl.metrics.fscore import F1Score, FBetaScore
from graphdl.metrics.matrix import BinaryIoU, ConfusionMatrix, IoU, MeanIoU
from graphdl.metrics.reduction import LossMetric, LossTracker, Mean, MeanMetricWrapper, Sum
from graphdl.registry import lookup

KNOWN: dict[str, type[Metric]] = {
    "mean": Mean,
    "sum": Sum,
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "precision": Precision,
    "recall": Recall,
    "true_positives": TruePositives,
    "true_negatives": TrueNegatives,
    "false_positives": FalsePositives,
    "false_negatives": FalseNegatives,
    "auc": AUC,
    "f1_score": F1Score,
    "fbeta_score": FBetaScore,
    "mean_squared_error": MeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "log_cosh_error": LogCoshError,
    "cosine_similarity": CosineSimilarity,
    "kl_divergence": KLDivergence,
    "poisson": Poisson,
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "r2_score": R2Score,
    "mse": MeanSquaredError,
    "rmse": RootMeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
}


def get(metric: Any, y_true: Node, y_pred: Node) -> Metric:
    """A metric from its name, its class, a loss, or a function of targets and predictions.

    "accuracy" takes the form that fits targets and predictions; a name is kept as it was given.
    """
    if isinstance(metric, type) and issubclass(metric, (Metric, Loss)):
        metric = metric()
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, Loss):
        return LossMetric(metric)
    if isinstance(metric, str) and metric.lower() in ("accuracy", "acc"):
        return _accuracy(y_true, y_pred, metric)
    if callable(metric):
        return MeanMetricWrapper(metric)
    made = lookup_name(metric)()
    return LossMetric(made, name=metric) if isinstance(made, Loss) else _named(made, metric)


def _named(metric: Metric, name: str) -> Metric:
    metric.name = name
    return metric


def lookup_name(name: Any) -> type[Metric] | type[Loss]:
    """The metric, or else the loss, of a name; raises ValueError when there is none."""
    if not isinstance(name, str):
        raise TypeError(f"a metric is a name, an object or a function, got {name!r:.60}")
    known: dict[str, Any] = losses.KNOWN | {c.__name__: c for c in losses.KNOWN.values()}
    return lookup("metric", name, known | KNOWN | {c.__name__: c for c in KNOWN.values()})


def log_names(plain: Iterable[Metric], weighted: Iterable[Metric]) -> list[str]:
    """What each metric is called in the logs, as in Keras: precision, precision_1, …

    A weighted metric whose name is taken becomes weighted_precision.
    """
    names: list[str] = ["loss"]
    for metric, prefix in (*((m, "") for m in plain), *((m, "weighted_") for m in weighted)):
        name = metric.name if metric.name not in names else prefix + metric.name
        tries = (f"{name}_{k}" if k else name for k in range(len(names) + 1))
        names.append(next(n for n in tries if n not in names))
    return names[1:]


def _accuracy(y_true: Node, y_pred: Node, name: str) -> Metric:
    if y_pred.rank < 2 or y_pred.shape[-1] == 1:
        return BinaryAccuracy(name=name)
    if y_true.rank < y_pred.rank or y_true.shape[-1] == 1:
        return SparseCategoricalAccuracy(name=name)
    return CategoricalAccuracy(name=name)
