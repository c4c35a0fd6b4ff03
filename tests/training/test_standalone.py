"""Losses and metrics by themselves: numbers in, numbers out, the same as inside `fit`."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import CLASS, LABEL, X, compiled, dense

Y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
P = np.array([[0.9, 0.2], [0.4, 0.6], [0.5, 0.25]])
WEIGHT = np.array([1.0, 0.0, 2.0])
LOGITS = np.log(P / (1 - P))
BCE = -(Y * np.log(P) + (1 - Y) * np.log(1 - P)).mean(axis=1)


@pytest.fixture(autouse=True)
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


def test_losses_of_arrays():
    np.testing.assert_allclose(gd.losses.mean_squared_error(Y, P), ((Y - P) ** 2).mean(axis=1))
    np.testing.assert_allclose(gd.losses.binary_crossentropy(Y, P), BCE)
    loss = gd.losses.BinaryCrossentropy(from_logits=True)
    assert loss(Y, LOGITS) == pytest.approx(BCE.mean())
    assert loss(Y, LOGITS, sample_weight=WEIGHT) == pytest.approx((BCE * WEIGHT).sum() / 3)


def test_losses_of_nodes_are_nodes():
    y, p = gd.tensor("y", ("n", 2), "float64"), gd.tensor("p", ("n", 2), "float64")
    loss = gd.function([y, p], gd.losses.MeanSquaredError()(y, p), target="python")
    assert loss(Y, P) == pytest.approx(((Y - P) ** 2).mean())


def test_categorical_losses():
    p = P / P.sum(axis=1, keepdims=True)
    sparse = gd.losses.sparse_categorical_crossentropy([0, 1, 1], p)
    np.testing.assert_allclose(sparse, -np.log(p[[0, 1, 2], [0, 1, 1]]))
    np.testing.assert_allclose(gd.losses.categorical_crossentropy(np.eye(2)[[0, 1, 1]], p), sparse)
    np.testing.assert_allclose(  # rows that do not add up to 1 are scaled, as Keras does
        gd.losses.sparse_categorical_crossentropy([0, 1, 1], P), sparse
    )


def test_reductions():
    assert gd.losses.MeanSquaredError(reduction="sum")(Y, P) == pytest.approx(
        ((Y - P) ** 2).mean(axis=1).sum()
    )
    each = gd.losses.BinaryCrossentropy(reduction=None)(Y, P, sample_weight=WEIGHT[:, None])
    np.testing.assert_allclose(each, BCE * WEIGHT)


def test_lists():
    loss = gd.losses.BinaryCrossentropy(from_logits=True)
    expected = (np.log1p(np.exp(-2)) + 2 * np.log1p(np.exp(3))) / 2
    assert loss([[1], [0]], [[2.0], [3.0]], sample_weight=[1, 2]) == pytest.approx(expected)
    assert gd.losses.MeanSquaredError()([1, 0], [0.5, 0.5]) == pytest.approx(0.25)
    assert gd.metrics.BinaryAccuracy()([1, 0], [1, 1]) == 0.5


def test_a_row_and_a_column_are_the_same_examples():
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.8, 0.2])
    expected = ((y - p) ** 2).mean()
    mse = gd.losses.MeanSquaredError()
    for targets, predictions in (
        (y, p),
        (y[:, None], p),
        (y, p[:, None]),
        (y[:, None], p[:, None]),
    ):
        assert mse(targets, predictions) == pytest.approx(expected)
        accuracy = gd.metrics.BinaryAccuracy()
        accuracy.update_state(targets, predictions, sample_weight=[1, 1, 2])
        assert accuracy.result() == pytest.approx(1 / 4)
    with pytest.raises(ValueError, match="same shape"):
        mse(np.zeros((3, 2)), np.zeros((3, 1)))


def test_metrics_add_up():
    metric = gd.metrics.BinaryAccuracy(threshold=0.3)
    assert metric.result() == 0.0
    metric.update_state([[1], [0]], [[0.4], [0.4]])
    metric.update_state([[1]], [[0.9]], sample_weight=[2.0])
    assert metric.result() == pytest.approx(3 / 4)
    metric.reset_state()
    assert metric([[0]], [[0.9]]) == 0.0


def test_categorical_metrics():
    logits = np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
    assert gd.metrics.SparseCategoricalAccuracy()([1, 1, 2], logits) == pytest.approx(2 / 3)
    assert gd.metrics.SparseCategoricalAccuracy()([[1], [1], [2]], logits) == pytest.approx(2 / 3)
    assert gd.metrics.CategoricalAccuracy()(np.eye(3)[[1, 1, 2]], logits) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("last", "loss", "target", "kind"),
    [
        ("sigmoid", "binary_crossentropy", LABEL, gd.metrics.BinaryAccuracy),
        ("softmax", "sparse_categorical_crossentropy", CLASS, gd.metrics.SparseCategoricalAccuracy),
        ("softmax", "categorical_crossentropy", np.eye(3)[CLASS], gd.metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_in_fit_is_the_metric_alone(last, loss, target, kind):
    weight = np.linspace(0, 1, len(X))
    model = dense(1 if last == "sigmoid" else 3, last=last)
    compiled(model, loss, metrics=["accuracy"], weighted_metrics=[kind(name="weighted")])
    names = model.evaluate(X, target, 7, sample_weight=weight, verbose=0, return_dict=True)
    p = model.predict(X)
    assert names["accuracy"] == pytest.approx(kind()(target, p))
    assert names["weighted"] == pytest.approx(kind()(target, p, sample_weight=weight))


def test_functions_as_loss_and_metric():
    def absolute_error(y, p):
        return gd.mean(gd.abs(y - p), -1)

    model = compiled(dense(2), absolute_error, metrics=[absolute_error])
    y = X[:, :2]
    expected = abs(model.predict(X) - y).mean()
    values = model.evaluate(X, y, 7, verbose=0, return_dict=True)
    assert values == pytest.approx({"loss": expected, "absolute_error": expected})
