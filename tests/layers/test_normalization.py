"""Batch normalisation in training, in use and frozen; settings that are refused."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import X, compiled, same

RATE, MOMENTUM, EPSILON, ROWS = 0.05, 0.9, 1e-3, 8


@pytest.fixture
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


def network(**settings):
    return gd.Sequential(
        [
            gd.layers.Input((3,)),
            gd.layers.Dense(4, use_bias=False),
            gd.layers.BatchNormalization(momentum=MOMENTUM, **settings),
            gd.layers.Activation("tanh"),
            gd.layers.Dense(1),
        ]
    )


def by_hand(weights, x, y, steps):
    """The same network, forward and back, written out; one step of gradient descent a batch."""
    W, gamma, beta, moving_mean, moving_variance, V, c = weights
    batches = [slice(k, k + ROWS) for k in range(0, len(x), ROWS)]
    for step in range(steps):
        a, t = x[batches[step % len(batches)]], y[batches[step % len(batches)]]
        z = a @ W
        mu, variance = z.mean(0), z.var(0)
        root = np.sqrt(variance + EPSILON)
        n = (z - mu) / root
        h = np.tanh(n * gamma + beta)
        d = 2 * (h @ V + c - t) / len(a)
        dh = (d @ V.T) * (1 - h**2)
        dn = dh * gamma
        dz = (dn - dn.mean(0) - n * (dn * n).mean(0)) / root
        moving_mean = MOMENTUM * moving_mean + (1 - MOMENTUM) * mu
        moving_variance = MOMENTUM * moving_variance + (1 - MOMENTUM) * variance
        gamma, beta = gamma - RATE * (dh * n).sum(0), beta - RATE * dh.sum(0)
        W, V, c = W - RATE * a.T @ dz, V - RATE * h.T @ d, c - RATE * d.sum(0)
    return [W, gamma, beta, moving_mean, moving_variance, V, c]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_fifty_steps_in_double_precision(double_precision, target):
    """Five batches an epoch, ten epochs: every weight as written out by hand, to 1e-9."""
    model = compiled(network(), optimizer=gd.optimizers.SGD(RATE), target=target)
    x = X.astype("float64")
    y = np.sin(x[:, :1] + x[:, 1:2])
    expected = by_hand(model.get_weights(), x, y, 50)
    model.fit(x, y, batch_size=ROWS, epochs=10, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_in_use_the_running_numbers_stand_in():
    model = compiled(network())
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    before = model.get_weights()
    W, gamma, beta, mean, variance, V, c = before
    h = np.tanh((X @ W - mean) / np.sqrt(variance + EPSILON) * gamma + beta)
    np.testing.assert_allclose(model.predict(X), h @ V + c, rtol=1e-4, atol=1e-5)
    model.evaluate(X, X[:, :1], verbose=0)
    assert same(before, model.get_weights())


@pytest.mark.parametrize("settings", [{}, {"center": False, "scale": False}])
def test_frozen_layer_keeps_its_numbers(settings):
    model = compiled(network(**settings))
    model.fit(X, X[:, :1], verbose=0)
    layer = model.layers[1]
    layer.trainable = False
    before = layer.get_weights()
    model.fit(X, X[:, :1], verbose=0)
    assert same(before, layer.get_weights())
    layer.trainable = True
    model.fit(X, X[:, :1], verbose=0)
    assert not same(before, layer.get_weights())


def test_freezing_a_model_freezes_what_is_inside():
    model = network()
    model.trainable = False
    assert not model.layers[1].trainable and not model.trainable_weights
    assert len(model.non_trainable_weights) == 7


def test_layer_used_twice_follows_both_batches():
    layer = gd.layers.BatchNormalization(momentum=0.5)
    a, b = gd.layers.Input((2,)), gd.layers.Input((2,), name="b")
    model = compiled(gd.Model([a, b], gd.layers.Add()([layer(a), layer(b)])))
    one, two = X[:, :2], 3 + X[:, 1:]
    model.train_on_batch([one, two], one)
    expected = 0.5 * (0.5 * 0 + 0.5 * one.mean(0)) + 0.5 * two.mean(0)
    np.testing.assert_allclose(layer.moving_mean.value, expected, rtol=1e-5)


def test_adapt_takes_over_mean_and_variance():
    layer = gd.layers.Normalization()
    layer.adapt(X)
    scaled = layer(X)
    np.testing.assert_allclose(scaled, (X - X.mean(0)) / X.std(0), rtol=1e-4, atol=1e-6)
    back = gd.layers.Normalization(mean=X.mean(0), variance=X.var(0), invert=True)
    np.testing.assert_allclose(back(scaled), X, rtol=1e-4, atol=1e-5)
    model = compiled(gd.Sequential([gd.layers.Input((3,)), layer, gd.layers.Dense(1)]))
    model.fit(X, X[:, :1], verbose=0)
    np.testing.assert_allclose(layer.adapt_mean.value, X.mean(0), rtol=1e-5, atol=1e-6)


REFUSED = [
    ("BatchNormalization", {"momentum": 1.5}, "momentum"),
    ("BatchNormalization", {"epsilon": -1}, "BatchNormalization epsilon"),
    ("LayerNormalization", {"epsilon": float("nan")}, "LayerNormalization epsilon"),
    ("RMSNormalization", {"epsilon": -1e-3}, "RMSNormalization epsilon"),
    ("GroupNormalization", {"groups": 0}, "groups"),
    ("Normalization", {"mean": 1.0}, "together"),
    ("Normalization", {"mean": 1.0, "variance": -1.0}, "negative"),
    ("Rescaling", {"scale": float("inf")}, "scale"),
    ("BatchNormalization", {"axis": 2}, "no axis 2"),
    ("BatchNormalization", {"axis": 0}, "axes of features"),
    ("LayerNormalization", {"axis": [1, -1]}, "named twice"),
    ("UnitNormalization", {"axis": -3}, "no axis -3"),
    ("GroupNormalization", {"groups": 2}, "3 channels"),
    ("Normalization", {"axis": 0}, "axes of features"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "says"), REFUSED)
def test_settings_that_are_refused(name, settings, says):
    with pytest.raises((ValueError, gd.errors.ShapeError), match=says):
        getattr(gd.layers, name)(**settings)(X)
