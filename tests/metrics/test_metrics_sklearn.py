"""Where the definitions coincide, scikit-learn gives the same numbers."""

import numpy as np
import pytest
from sklearn import metrics as theirs

import graphdl as gd

M = gd.metrics
DRAW = np.random.default_rng(4)
Y = (DRAW.uniform(size=300) > 0.4).astype(float)
P = np.round(np.clip(0.35 * Y + 0.65 * DRAW.uniform(size=300), 0, 1), 2)
W = DRAW.uniform(0.1, 2, 300)
HOT = np.eye(4)[DRAW.integers(0, 4, 300)]
ROWS = DRAW.uniform(size=(300, 4)) + HOT


@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
def test_area_under_the_roc_curve(weight):
    """Exact where thresholds lie between all predictions, here multiples of 1/100."""
    auc = M.AUC(thresholds=list(np.arange(100) / 100 + 0.005))
    assert auc(Y, P, weight) == pytest.approx(
        theirs.roc_auc_score(Y, P, sample_weight=weight), rel=1e-12
    )


@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
def test_precision_recall_and_f(weight):
    hard = P > 0.5
    for ours, reference in (
        (M.Precision(), theirs.precision_score),
        (M.Recall(), theirs.recall_score),
        (M.BinaryAccuracy(), theirs.accuracy_score),
    ):
        assert ours(Y, P, weight) == pytest.approx(reference(Y, hard, sample_weight=weight))
    for average in ("micro", "macro", "weighted", None):
        got = M.FBetaScore(average, beta=2.0)(HOT, ROWS, weight)
        wanted = theirs.fbeta_score(
            HOT.argmax(1), ROWS.argmax(1), beta=2.0, average=average, sample_weight=weight
        )
        np.testing.assert_allclose(got, wanted, rtol=1e-6)  # ε = 1e-7 in Keras's quotients


@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
def test_r2_and_errors(weight):
    y, p = HOT + ROWS, HOT + 1.1 * ROWS[::-1]
    names = {
        "uniform_average": "uniform_average",
        "variance_weighted_average": "variance_weighted",
        None: "raw_values",
    }
    for ours, reference in names.items():
        wanted = theirs.r2_score(y, p, sample_weight=weight, multioutput=reference)
        np.testing.assert_allclose(M.R2Score(ours)(y, p, weight), wanted, rtol=1e-12)
    assert M.MeanAbsoluteError()(y, p, weight) == pytest.approx(
        theirs.mean_absolute_error(y, p, sample_weight=weight), rel=1e-12
    )
    assert M.RootMeanSquaredError()(y, p, weight) == pytest.approx(
        np.sqrt(theirs.mean_squared_error(y, p, sample_weight=weight)), rel=1e-12
    )


@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
def test_confusion_and_overlap(weight):
    truth, said = HOT.argmax(1), ROWS.argmax(1)
    np.testing.assert_allclose(
        M.ConfusionMatrix(4)(truth, ROWS, weight),
        theirs.confusion_matrix(truth, said, sample_weight=weight), rtol=1e-12,
    )  # fmt: skip
    assert M.MeanIoU(4)(truth, said, weight) == pytest.approx(
        theirs.jaccard_score(truth, said, average="macro", sample_weight=weight), rel=1e-6
    )


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k(k):
    wanted = theirs.top_k_accuracy_score(HOT.argmax(1), ROWS, k=k)
    assert M.TopKCategoricalAccuracy(k)(HOT, ROWS) == pytest.approx(wanted)
    assert M.SparseTopKCategoricalAccuracy(k)(HOT.argmax(1), ROWS) == pytest.approx(wanted)
