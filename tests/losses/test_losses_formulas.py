"""Each loss against its formula in NumPy (float64, 1e-12), its gradient against differences (1e-8)."""

import numpy as np
import pytest

import graphdl as gd
from tests.losses.data import data, weights

E = 1e-7
SHAPES = [(6, 1), (6, 4), (3, 5, 4)]


def sigmoid(z):
    return 0.5 * (1 + np.tanh(z / 2))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def bce(y, p):
    p = np.clip(p, E, 1 - E)
    return -y * np.log(p) - (1 - y) * np.log(1 - p)


def share(p):
    return np.clip(p / p.sum(-1, keepdims=True), E, 1 - E)


def unit(a):
    return a / np.sqrt((a * a).sum(-1, keepdims=True))


def focal(y, p, alpha=None, gamma=2.0):
    right = y * p + (1 - y) * (1 - p)
    balance = 1 if alpha is None else y * alpha + (1 - y) * (1 - alpha)
    return (balance * (1 - right) ** gamma * bce(y, p)).mean(-1)


def categorical_focal(y, q, alpha, gamma):
    return (-alpha * y * (1 - q) ** gamma * np.log(q)).sum(-1)


def huber(y, p, delta):
    size = np.abs(p - y)
    return np.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2).mean(-1)


def tversky(y, p, alpha, beta):
    both = (y * p).sum()
    return 1 - both / (both + alpha * (y * (1 - p)).sum() + beta * (p * (1 - y)).sum() + E)


L = gd.losses
FORMULAS = {  # (loss, kind of data, formula: one number an example)
    "mse": (L.MeanSquaredError(), "numbers", lambda y, p: ((p - y) ** 2).mean(-1)),
    "mae": (L.MeanAbsoluteError(), "numbers", lambda y, p: np.abs(p - y).mean(-1)),
    "mape": (L.MeanAbsolutePercentageError(), "numbers",
             lambda y, p: 100 * (np.abs(p - y) / np.abs(y)).mean(-1)),
    "msle": (L.MeanSquaredLogarithmicError(), "counts",
             lambda y, p: ((np.log(1 + p) - np.log(1 + y)) ** 2).mean(-1)),
    "huber": (L.Huber(0.3), "numbers", lambda y, p: huber(y, p, 0.3)),
    "log_cosh": (L.LogCosh(), "numbers", lambda y, p: np.log(np.cosh(p - y)).mean(-1)),
    "cosine": (L.CosineSimilarity(), "numbers", lambda y, p: -(unit(y) * unit(p)).sum(-1)),
    "hinge": (L.Hinge(), "bits, logits",
              lambda y, p: np.maximum(1 - (2 * y - 1) * p, 0).mean(-1)),
    "squared_hinge": (L.SquaredHinge(), "bits, logits",
                      lambda y, p: (np.maximum(1 - (2 * y - 1) * p, 0) ** 2).mean(-1)),
    "categorical_hinge": (L.CategoricalHinge(), "one-hot", lambda y, p: np.maximum(
        ((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0)),
    "kl_divergence": (L.KLDivergence(), "shares", lambda y, p: (y * np.log(y / p)).sum(-1)),
    "poisson": (L.Poisson(), "counts", lambda y, p: (p - y * np.log(p + E)).mean(-1)),
    "bce": (L.BinaryCrossentropy(label_smoothing=0.2), "shares",
            lambda y, p: bce(0.8 * y + 0.1, p).mean(-1)),
    "bce, logits": (L.BinaryCrossentropy(from_logits=True, label_smoothing=0.2), "bits, logits",
                    lambda y, z: bce(0.8 * y + 0.1, sigmoid(z)).mean(-1)),
    "cce": (L.CategoricalCrossentropy(label_smoothing=0.2), "shares", lambda y, p: -(
        (0.8 * y + 0.2 / y.shape[-1]) * np.log(share(p))).sum(-1)),
    "cce, logits": (L.CategoricalCrossentropy(from_logits=True), "shares, logits",
                    lambda y, z: -(y * np.log(softmax(z))).sum(-1)),
    "sparse": (L.SparseCategoricalCrossentropy(), "classes", lambda y, p: -np.log(
        np.take_along_axis(share(p), y[..., None], -1)[..., 0])),
    "binary focal": (L.BinaryFocalCrossentropy(True, 0.3, 1.5), "shares",
                     lambda y, p: focal(y, p, 0.3, 1.5)),
    "binary focal, logits": (L.BinaryFocalCrossentropy(from_logits=True), "bits, logits",
                             lambda y, z: focal(y, sigmoid(z))),
    "categorical focal": (L.CategoricalFocalCrossentropy(0.4, 1.5), "shares",
                          lambda y, p: categorical_focal(y, share(p), 0.4, 1.5)),
    "categorical focal, logits": (
        L.CategoricalFocalCrossentropy(from_logits=True), "shares, logits",
        lambda y, z: categorical_focal(y, softmax(z), 0.25, 2.0)),
    "dice": (L.Dice(), "shares",
             lambda y, p: 1 - 2 * (y * p).sum() / (y.sum() + p.sum() + E)),
    "tversky": (L.Tversky(0.3, 0.8), "shares", lambda y, p: tversky(y, p, 0.3, 0.8)),
}  # fmt: skip
CLASSES = {"cce", "cce, logits", "sparse", "categorical focal", "categorical focal, logits",
           "categorical_hinge"}  # fmt: skip
WHOLE_BATCH = {"dice", "tversky"}
CASES = [(n, s) for n in FORMULAS for s in SHAPES if s[-1] > 1 or n not in CLASSES]


@pytest.fixture(autouse=True)
def double_precision():
    gd.set_floatx("float64")
    yield
    gd.set_floatx("float32")


def weighted(name, loss, y, p, shape):
    return loss(y, p) if name in WHOLE_BATCH else loss(y, p, weights(shape))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_value_and_reductions(name, shape):
    loss, kind, formula = FORMULAS[name]
    y, p = data(kind, shape)
    each = formula(y, p)
    np.testing.assert_allclose(loss(y, p), each.mean(), rtol=1e-12, atol=1e-14)
    w = weights(shape) if name not in WHOLE_BATCH else np.ones(())
    np.testing.assert_allclose(
        weighted(name, loss, y, p, shape), (each * w).mean(), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_gradient(name, shape):
    """Five-point differences along a random direction, for each example's row."""
    loss, kind, formula = FORMULAS[name]
    y, p = data(kind, shape)
    p = 0.9 * p if kind == "shares" else p  # away from 1, where the differences see the clip
    symbols = gd.tensor("y", y.shape, str(y.dtype)), gd.tensor("p", p.shape)
    slope = gd.grad(loss(*symbols), symbols[1])
    gradient = gd.function(symbols, slope, target="python")(y, p)
    interpreted = gd.interpret([slope], dict(zip(symbols, (y, p), strict=True)))[0]
    np.testing.assert_allclose(gradient, interpreted, rtol=1e-10, atol=1e-12)
    draw, h = np.random.default_rng(1), 1e-4
    for _ in range(4):
        direction = draw.normal(size=shape)
        value = lambda t, d=direction: formula(y, p + t * h * d).mean()  # noqa: E731
        slope_along = (value(-2) - 8 * value(-1) + 8 * value(1) - value(2)) / (12 * h)
        np.testing.assert_allclose((gradient * direction).sum(), slope_along, rtol=1e-8, atol=1e-9)
