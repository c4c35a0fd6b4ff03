"""Metrics by themselves: state, weights, names, settings; what does not fit is refused."""

import inspect

import numpy as np
import pytest

import graphdl as gd
from graphdl.metrics import log_names

M = gd.metrics


def test_mean_and_sum_take_values():
    mean, total = M.Mean(), M.Sum()
    for metric in (mean, total):
        metric.update_state([1.0, 3.0], sample_weight=[1.0, 0.5])
        metric.update_state(4.0)
    assert mean.result() == pytest.approx((1 + 1.5 + 4) / 2.5)
    assert total.result() == 6.5
    mean.reset_state()
    assert mean.result() == 0.0 and mean([[1.0, 2.0]]) == 1.5
    with pytest.raises(TypeError, match="MeanMetricWrapper"):
        mean.updates(gd.constant([1.0]), gd.constant([1.0]), None)


def test_the_values_of_one_example_count_once():
    mean = M.Mean()
    mean.update_state([1.0, 2.0, 3.0])
    mean.update_state([[5.0, 6.0], [7.0, 8.0]])
    assert mean.result() == pytest.approx((1 + 2 + 3 + 5.5 + 7.5) / 5)
    mean.update_state([[1.0, 3.0], [5.0, 7.0]], sample_weight=[[1.0, 0.0], [0.5, 0.5]])
    assert mean.result() == pytest.approx((19 + 1 / 2 + 6 / 2) / (5 + 1 / 2 + 1 / 2))


def test_a_threshold_is_compared_in_the_dtype_of_the_predictions():
    at = np.array([[0.4, 0.6]], "float32")  # this 0.4 in float32 is above 0.4 in float64
    for targets in (np.ones((1, 2), kind) for kind in ("float32", "float64", "int64")):
        assert M.F1Score(threshold=0.4)(targets, at) == pytest.approx([0, 1], abs=1e-6)
        assert M.BinaryAccuracy(threshold=0.4)(targets, at) == 0.5
        assert M.Recall(thresholds=0.4)(targets, at) == 0.5


def test_any_function_or_loss_is_a_metric():
    y, p = np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])
    assert M.MeanMetricWrapper(gd.losses.huber, delta=2.0)(y, p) == pytest.approx((0.5 + 4) / 2)
    assert M.LossMetric(gd.losses.Huber(2.0, "sum"))(y, p, [0, 1]) == 4.0
    node_y, node_p = gd.constant(y), gd.constant(p)
    for given in ("huber", gd.losses.Huber, gd.losses.Huber(), gd.losses.huber):
        metric = M.get(given, node_y, node_p)
        assert metric(y, p) == pytest.approx(1.5)
        assert metric.name in ("huber", "huber_loss")


def test_a_mask_leaves_examples_out():
    y, p = np.array([[1.0], [0.0], [1.0]]), np.array([[0.9], [0.8], [0.2]])
    for kind in (M.Precision, M.Recall, M.AUC, M.BinaryAccuracy, M.MeanSquaredError):
        assert kind()(y, p, [1, 1, 0]) == pytest.approx(kind()(y[:2], p[:2]))


def test_names_are_counted_as_in_keras():
    plain = [M.Precision(), M.Precision(), M.AUC(), M.Mean("loss")]
    weighted = [M.Recall(), M.AUC(), M.AUC()]
    assert log_names(plain, weighted) == [
        "precision", "precision_1", "auc", "loss_1", "recall", "weighted_auc", "weighted_auc_1",
    ]  # fmt: skip
    names = [M.R2Score(), M.F1Score(), M.LogCoshError(), M.KLDivergence(), M.MeanIoU(2)]
    assert [m.name for m in names] == [
        "r2_score", "f1_score", "logcosh", "kl_divergence", "mean_io_u",
    ]  # fmt: skip


def test_settings_are_kept_under_their_names():
    for kind in {*M.KNOWN.values(), M.BinaryIoU, M.Accuracy}:
        kept = vars(kind())
        assert set(inspect.signature(kind).parameters) <= set(kept), kind
    at = M.RecallAtPrecision(0.5, 20, class_id=1)
    assert (at.precision, at.num_thresholds, at.class_id) == (0.5, 20, 1)


def test_counts_can_be_read():
    y, p = np.array([1, 1, 0, 0, 1.0]), np.array([0.9, 0.4, 0.6, 0.1, 0.7])
    precision = M.Precision()
    precision.update_state(y, p)
    counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    assert [float(getattr(precision, c)[0]) for c in counts] == [2, 1, 1, 1]


def test_confusion_matrix():
    truth, rows = np.array([0, 2, 1, 2]), np.eye(3)[[0, 2, 2, 1]]
    expected = [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    np.testing.assert_array_equal(M.ConfusionMatrix(3)(truth, rows), expected)
    np.testing.assert_array_equal(M.ConfusionMatrix(3)(truth[:, None], rows), expected)
    np.testing.assert_array_equal(M.ConfusionMatrix(3)(truth, rows.argmax(1)), expected)
    assert M.ConfusionMatrix(3)(truth, rows, [0, 0, 0, 2.0])[2, 1] == 2
    with pytest.raises(ValueError, match=r"3 classes.*to 3"):
        M.ConfusionMatrix(3)([3], [0])


def test_equal_predictions_are_within_the_first_k():
    p = np.array([[0.5, 0.5, 0.5, 0.1]])
    assert M.SparseTopKCategoricalAccuracy(1)([2], p) == 1.0
    assert M.SparseTopKCategoricalAccuracy(3)([3], p) == 0.0


def test_what_was_never_seen_is_0():
    for name, kind in M.KNOWN.items():
        assert kind().result() == 0.0, name


def test_adjusted_r2_needs_more_targets_than_regressors():
    y = np.array([[1.0], [2.0], [4.0]])
    with pytest.warns(UserWarning, match="not adjusted"):
        assert M.R2Score(num_regressors=2)(y, y + [[0.1], [0], [0]]) == M.R2Score()(
            y, y + [[0.1], [0], [0]]
        )


ROWS = np.full((4, 10), 0.1)
COLUMN = np.array([[1.0], [0.0], [1.0], [1.0]])
MISFITS = {  # (metric, targets, predictions, what is said)
    "precision of classes": (M.Precision(), np.arange(4), ROWS, "'precision'"),
    "auc of classes": (M.AUC(), np.arange(4), ROWS, "'auc'"),
    "k": (M.TopKCategoricalAccuracy(11), np.eye(10)[:4], ROWS, "11 largest of 10"),
    "sparse k": (M.SparseTopKCategoricalAccuracy(11), np.arange(4), ROWS, "11 largest of 10"),
    "sparse of halves": (M.SparseCategoricalAccuracy(), [0.5, 1, 2, 3], ROWS, "class numbers"),
    "sparse of rows": (M.SparseCategoricalAccuracy(), np.eye(10)[:4], ROWS, "whole numbers"),
    "one class": (M.CategoricalAccuracy(), COLUMN, COLUMN, "several classes"),
    "class of none": (M.Recall(class_id=10), np.eye(10)[:4], ROWS, "class_id=10"),
    "f1 of sequences": (M.F1Score(), ROWS[None], ROWS[None], "one row an example"),
    "r2 of sequences": (M.R2Score(), ROWS[None], ROWS[None], "one row an example"),
    "label weights": (M.AUC(label_weights=[1, 2]), np.eye(10)[:4], ROWS, "2 label_weights"),
    "multi label": (M.AUC(multi_label=True, num_labels=3), np.eye(10)[:4], ROWS, "3 labels"),
    "mse": (M.MeanSquaredError(), np.arange(4), ROWS, "'mean_squared_error'"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_metric_that_does_not_fit_is_refused_by_name(case):
    metric, y, p, said = MISFITS[case]
    with pytest.raises(ValueError, match=said):
        metric.update_state(y, p)
    assert all((v.value == 0).all() for v in metric.variables)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: M.Precision(thresholds=1.5), "thresholds"),
        (lambda: M.Recall([0.5, float("nan")]), "thresholds"),
        (lambda: M.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: M.AUC(curve="DET"), "curve is one of 'ROC', 'PR'"),
        (lambda: M.AUC(summation_method="simpson"), "summation_method"),
        (lambda: M.AUC(num_labels=3), "multi_label"),
        (lambda: M.F1Score(average="mean"), "average"),
        (lambda: M.FBetaScore(beta=0.0), "beta"),
        (lambda: M.F1Score(threshold=0.0), "threshold"),
        (lambda: M.R2Score("sum"), "class_aggregation"),
        (lambda: M.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: M.TopKCategoricalAccuracy(0), "k must be"),
        (lambda: M.SensitivityAtSpecificity(1.5), "specificity"),
        (lambda: M.IoU(2, [2]), "target_class_ids"),
        (lambda: M.ConfusionMatrix(1), "num_classes"),
    ],
)
def test_bad_settings_are_refused_by_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()
