"""A metric inside the compiled epoch has the value that it has alone."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import CLASS, LABEL, X, compiled, dense, same

M = gd.metrics
WEIGHT = np.linspace(0, 2, 40, dtype=np.float32)
MANY = np.concatenate([LABEL, 1 - LABEL], axis=1)
BINARY = [
    M.Precision, M.Recall, M.AUC, M.TruePositives, M.FalseNegatives, M.BinaryAccuracy, M.Hinge,
    M.RootMeanSquaredError, M.LogCoshError, M.R2Score, M.BinaryCrossentropy, M.CosineSimilarity,
    lambda: M.Precision([0.2, 0.8]), lambda: M.AUC(curve="PR", num_thresholds=20),
    lambda: M.F1Score("macro", 0.5), lambda: M.SensitivityAtSpecificity(0.5),
    lambda: M.MeanMetricWrapper(gd.losses.huber, "half", delta=0.5),
]  # fmt: skip
SPARSE = [
    M.SparseCategoricalAccuracy, lambda: M.SparseTopKCategoricalAccuracy(2),
    M.SparseCategoricalCrossentropy, lambda: M.ConfusionMatrix(3),
    lambda: M.MeanIoU(3, sparse_y_pred=False),
]  # fmt: skip
ONE_HOT = [
    M.CategoricalAccuracy, lambda: M.TopKCategoricalAccuracy(2), M.CategoricalCrossentropy,
    M.KLDivergence, M.CategoricalHinge, lambda: M.AUC(multi_label=True), M.F1Score,
    lambda: M.Recall(top_k=1), lambda: M.Precision(class_id=2), M.Accuracy,
]  # fmt: skip
NETS = {
    "binary": ("sigmoid", 1, "binary_crossentropy", LABEL, BINARY),
    "sparse": ("softmax", 3, "sparse_categorical_crossentropy", CLASS, SPARSE),
    "one-hot": ("softmax", 3, "categorical_crossentropy", np.eye(3)[CLASS], ONE_HOT),
}


def check(net, kinds, target):
    """evaluate, in batches of 16, 16 and 8, equals the metric on the predictions."""
    last, outputs, loss, y, _ = NETS[net]
    plain, weighted = ([k() for k in kinds] for _ in range(2))
    model = compiled(
        dense(4, outputs, last=last), loss, target=target, metrics=plain, weighted_metrics=weighted
    )
    model.fit(X, y, batch_size=16, epochs=1, sample_weight=WEIGHT, verbose=0)
    logs = model.evaluate(X, y, 16, sample_weight=WEIGHT, return_dict=True, verbose=0)
    p = model.predict(X)
    alone = [(k, None) for k in kinds] + [(k, WEIGHT) for k in kinds]
    for name, (kind, weight) in zip(model.metrics_names[1:], alone, strict=True):
        expected = kind()(y, p, weight)
        np.testing.assert_allclose(logs[name], expected, rtol=2e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("net", NETS)
def test_every_metric_in_evaluate(net):
    check(net, NETS[net][4], "python")


@pytest.mark.parametrize(
    ("net", "kinds"),
    [("binary", [M.AUC, M.Precision, M.R2Score]), ("sparse", [lambda: M.ConfusionMatrix(3)])],
)
def test_some_in_machine_code(net, kinds):
    check(net, kinds, "cpu")


def test_names_and_arrays_in_the_history(capsys):
    model = compiled(
        dense(2, last="sigmoid"), "binary_crossentropy",
        metrics=["mse", "AUC", M.Precision(), M.Precision([0.2, 0.8]), gd.losses.Huber(), "tversky"],
    )  # fmt: skip
    history = model.fit(X, MANY, epochs=2, verbose=2, validation_data=(X, MANY)).history
    names = ["loss", "mse", "AUC", "precision", "precision_1", "huber_loss", "tversky"]
    assert list(history) == [*names, *(f"val_{n}" for n in names)]
    assert all(isinstance(v, float) for n in names if n != "precision_1" for v in history[n])
    assert np.shape(history["precision_1"]) == (2, 2)
    assert "precision_1: [" in capsys.readouterr().out


REFUSED = {
    "precision": ("sparse", "precision", "'precision' does not fit"),
    "k": ("sparse", M.SparseTopKCategoricalAccuracy(4), "4 largest of 3"),
    "sparse": ("one-hot", "sparse_categorical_accuracy", "whole numbers of classes"),
    "mean": ("binary", "mean", "MeanMetricWrapper"),
    "matrix": ("sparse", M.ConfusionMatrix(5, sparse_y_pred=False), "rows of 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_changes(case):
    net, metric, said = REFUSED[case]
    last, outputs, loss, y, _ = NETS[net]
    model = compiled(dense(outputs, last=last), loss, metrics=[metric])
    before = model.get_weights()
    with pytest.raises((ValueError, TypeError), match=said):
        model.fit(X, y, verbose=0)
    assert same(model.get_weights(), before)
