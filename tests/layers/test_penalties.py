"""Penalties and constraints: in the loss, in the gradient, in the step; settings that are refused."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import X, compiled

L2 = 0.05


def dense(units=2, **settings):
    return gd.Sequential([gd.layers.Input((3,)), gd.layers.Dense(units, **settings)])


def plain_gradient(W, b):
    """∂J/∂W of the mean squared error of X·W + b against the first two columns."""
    return X.T @ (2 * (X @ W + b - X[:, :2]) / X[:, :2].size)


def test_penalty_is_seen_in_loss_and_gradient():
    W = gd.Variable(np.ones((3, 2)), name="W")
    text = str(gd.derive(gd.regularizers.L2(0.25)(W).named("R"), W))
    assert text.startswith("∂R/∂W = ") and "0.5*W" in text
    model = compiled(dense(kernel_regularizer=gd.regularizers.L2(L2)))
    assert "0.1*W1" in str(model.derive("dense/kernel"))
    assert str(model.losses[0]).endswith("0.05*sum(‹dense/kernel›**2)")


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_gradient_has_twice_lambda_w(target):
    model = compiled(dense(kernel_regularizer=gd.regularizers.L2(L2)), target=target)
    W, b = model.get_weights()
    model.train_on_batch(X, X[:, :2])
    expected = W - 0.01 * (plain_gradient(W, b) + 2 * L2 * W)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5, atol=1e-6)


def test_penalty_counts_in_evaluation_and_not_when_frozen():
    model = compiled(dense(kernel_regularizer="l2"))
    W, b = model.get_weights()
    error = ((X @ W + b - X[:, :2]) ** 2).mean()
    loss = model.evaluate(X, X[:, :2], verbose=0)
    np.testing.assert_allclose(loss, error + 0.01 * (W**2).sum(), rtol=1e-5)
    model.layers[0].trainable = False
    np.testing.assert_allclose(model.evaluate(X, X[:, :2], verbose=0), error, rtol=1e-5)


def test_activity_is_penalised_for_one_example_on_average():
    for settings in ({"activity_regularizer": "l1"}, {}):
        model = dense(**settings)
        if not settings:
            model.add(gd.layers.ActivityRegularization(l1=0.01))
        compiled(model)
        W, b = model.get_weights()
        out = X @ W + b
        expected = ((out - X[:, :2]) ** 2).mean() + 0.01 * np.abs(out).sum() / len(X)
        loss = model.evaluate(X, X[:, :2], batch_size=len(X), verbose=0)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_constraint_holds_after_each_step(target):
    limit = gd.constraints.MaxNorm(0.3)
    model = compiled(dense(kernel_constraint=limit, bias_constraint="non_neg"), target=target)
    W, b = model.get_weights()
    model.train_on_batch(X, X[:, :2])
    new = W - 0.01 * plain_gradient(W, b)
    length = np.sqrt((new**2).sum(0))
    expected = new * (np.clip(length, 0, 0.3) / (1e-7 + length))
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5, atol=1e-6)
    model.fit(X, X[:, :2], epochs=3, verbose=0)
    W, b = model.get_weights()
    assert (np.sqrt((W**2).sum(0)) <= 0.3 + 1e-6).all() and (b >= 0).all()


def test_constraint_holds_by_hand_too():
    w = gd.Variable([1.0, -2.0], constraint=gd.constraints.NonNeg())
    gd.optimizers.SGD(0.1).apply_gradients([(np.array([20.0, 1.0]), w)])
    assert (w.value == 0).all()


REFUSED = [
    (gd.regularizers.L2, {"l2": -0.1}, "l2"),
    (gd.regularizers.OrthogonalRegularizer, {"mode": "diagonal"}, "mode"),
    (gd.regularizers.OrthogonalRegularizer, {"factor": -1}, "factor"),
    (gd.constraints.MaxNorm, {"max_value": -1}, "max_value"),
    (gd.constraints.MinMaxNorm, {"rate": 2}, "rate"),
    (gd.constraints.MinMaxNorm, {"min_value": 3}, "above"),
    (gd.constraints.UnitNorm, {"axis": "rows"}, "axis"),
    (gd.initializers.RandomNormal, {"stddev": -1}, "stddev"),
    (gd.initializers.RandomUniform, {"minval": 1, "maxval": 0}, "maxval"),
    (gd.initializers.VarianceScaling, {"scale": 0}, "scale"),
    (gd.initializers.VarianceScaling, {"mode": "fan"}, "mode"),
    (gd.initializers.VarianceScaling, {"distribution": "cauchy"}, "distribution"),
    (gd.initializers.Constant, {"value": float("nan")}, "value"),
    (gd.layers.LeakyReLU, {"negative_slope": -1}, "negative_slope"),
    (gd.layers.ReLU, {"max_value": -1}, "max_value"),
    (gd.layers.RepeatVector, {"n": 0}, "n must be"),
    (gd.layers.Permute, {"dims": (1, 3)}, "dims"),
    (gd.layers.Reshape, {"target_shape": (-1, -1)}, "one size"),
    (gd.layers.Dot, {"axes": (1, 2, 3)}, "pair"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "says"), REFUSED)
def test_settings_that_are_refused(kind, settings, says):
    with pytest.raises((ValueError, TypeError), match=says):
        kind(**settings)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (gd.layers.Softmax(axis=3), "no axis 3"),
        (gd.layers.Reshape((2, 2)), "do not fill"),
        (gd.layers.Permute((2, 1)), "2 axes"),
        (gd.layers.PReLU(shared_axes=[4]), "no axis 4"),
        (gd.layers.Add(), "at least two"),
        (gd.layers.RepeatVector(2), None),
    ],
)
def test_inputs_that_do_not_fit(layer, says):
    data = X if says else X[:, :, None]
    with pytest.raises(gd.errors.ShapeError, match=says or "examples, features"):
        layer(data)


def test_merging_layers_that_do_not_fit():
    with pytest.raises(gd.errors.ShapeError, match="two inputs"):
        gd.layers.Subtract()([X, X, X])
    with pytest.raises(gd.errors.ShapeError, match="examples"):
        gd.layers.Concatenate(axis=0)([X, X])
    with pytest.raises(gd.errors.ShapeError, match="examples"):
        gd.layers.Dot(axes=0)([X, X])


@pytest.mark.parametrize("module", [gd.constraints, gd.regularizers, gd.initializers])
def test_objects_are_found_by_name_and_by_class(module):
    for name, kind in module.KNOWN.items():
        assert type(module.get(name)) is kind and type(module.get(kind)) is kind
        assert type(module.get(kind.__name__)) is kind
    with pytest.raises(ValueError, match="unknown"):
        module.get("nothing_of_the_kind")
