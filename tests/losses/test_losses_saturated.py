"""On a sigmoid or softmax, at |z| = 100, losses and gradients are those of the logits."""

import numpy as np
import pytest

import graphdl as gd

L = gd.losses
SIGN = np.array([[100.0], [-100.0], [100.0], [-100.0]])
TRUTH = np.array([[1.0], [1.0], [0.0], [0.0]])
ROWS, HOT = np.array([[100.0, -100.0, 0.0]] * 2), np.eye(3)[:2]


def sums(loss, last, y, z, dtype="float32"):
    """Σ loss, its gradient by the logits, and the rules that fired."""
    gd.set_floatx(dtype)
    try:
        symbols = gd.tensor("y", y.shape, dtype), gd.tensor("z", z.shape, dtype)
        total = loss(symbols[0], last(symbols[1]))
        step = gd.function(symbols, [total, gd.grad(total, symbols[1])], target="python")
        return *step(y.astype(dtype), z.astype(dtype)), str(step.explain())
    finally:
        gd.set_floatx("float32")


def same(z):
    return z


@pytest.mark.parametrize("last", [same, gd.softmax])
def test_the_loss_of_a_sure_prediction_keeps_its_digits(last):
    """log(1 + e⁻¹²) beside a logit of 100, whose own last digit is 7.6e-6."""
    z, y = np.array([[100, 88, 3]], "float32"), np.eye(3, dtype="float32")[:1]
    loss = sums(L.CategoricalCrossentropy(last is same), last, y, z)[0]
    at_once = L.CategoricalCrossentropy(from_logits=True)(y, z)
    assert loss == pytest.approx(np.log1p(np.exp(-12)), rel=0.02)  # float32's 1 + e⁻¹²
    np.testing.assert_allclose([at_once, -gd.log_softmax(z)[0, 0]], loss, rtol=0.02)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smoothed_labels_keep_the_logits(dtype):
    """y ← 0.8·y + 0.1: the loss of z = 100 is 10 where the label was 1, 90 where it was 0."""
    loss = L.BinaryCrossentropy(label_smoothing=0.2, reduction="sum")
    value, slope, said = sums(loss, gd.sigmoid, TRUTH, SIGN, dtype)
    assert value == pytest.approx(200, rel=1e-6)
    np.testing.assert_allclose(slope, [[0.1], [-0.9], [0.9], [-0.1]], rtol=1e-6)
    assert "bce∘sigmoid" in said
    loss = L.CategoricalCrossentropy(label_smoothing=0.3, reduction="sum")
    value, slope, said = sums(loss, gd.softmax, HOT, ROWS, dtype)
    assert value == pytest.approx(30 + 170, rel=1e-6)  # Σ y·(100 − z), y = 0.8, 0.1, 0.1
    np.testing.assert_allclose(slope, [[0.2, -0.1, -0.1], [0.9, -0.8, -0.1]], rtol=1e-6)
    assert "cce∘softmax" in said


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_focal_losses(gamma, dtype):
    """Where the truth has probability e⁻¹⁰⁰ the factor is 1: loss 100, slope ∓1; else both are 0."""
    for last, logits in ((gd.sigmoid, False), (same, True)):
        loss = L.BinaryFocalCrossentropy(gamma=gamma, from_logits=logits, reduction="sum")
        value, slope, _ = sums(loss, last, TRUTH, SIGN, dtype)
        assert value == pytest.approx(200, rel=1e-6)
        np.testing.assert_allclose(slope, [[0], [-1], [1], [0]], rtol=1e-6, atol=1e-20)
    for last, logits in ((gd.softmax, False), (same, True)):
        loss = L.CategoricalFocalCrossentropy(1.0, gamma, logits, reduction="sum")
        value, slope, _ = sums(loss, last, HOT, ROWS, dtype)
        assert value == pytest.approx(200, rel=1e-6)
        np.testing.assert_allclose(slope, [[0, 0, 0], [1, -1, 0]], rtol=1e-6, atol=1e-20)


def test_kl_divergence():
    value, slope, said = sums(L.KLDivergence("sum"), gd.softmax, HOT, ROWS)
    assert value == pytest.approx(200, rel=1e-5)
    np.testing.assert_allclose(slope, [[0, 0, 0], [1, -1, 0]], atol=1e-6)
    assert "surprisal∘softmax" in said


def test_an_ignored_row_has_no_gradient():
    symbols = gd.tensor("y", (3,), "int64"), gd.tensor("z", (3, 2))
    loss = L.SparseCategoricalCrossentropy(ignore_class=-1)
    total = loss(symbols[0], gd.softmax(symbols[1]))
    step = gd.function(symbols, [total, gd.grad(total, symbols[1])], target="python")
    logits = np.array([[100, 0], [3, 0], [100, 0]], np.float32)
    value, slope = step(np.array([0, -1, 1]), logits)
    assert value == pytest.approx(50)  # two rows count
    np.testing.assert_allclose(slope, [[0, 0], [0, 0], [0.5, -0.5]], rtol=1e-6, atol=1e-40)
    assert loss(np.array([-1, -1]), np.full((2, 2), 0.5)) == 0


def test_log_cosh_neither_overflows_nor_cancels():
    loss = L.LogCosh(reduction=None)
    z = np.array([[3e38], [-3e38], [0.0]], np.float32)
    np.testing.assert_allclose(loss(np.zeros_like(z), z), [3e38, 3e38, 0], rtol=1e-6)
    symbol = gd.tensor("z", (3, 1))
    slope = gd.grad(gd.sum(L.log_cosh(np.zeros((3, 1)), symbol)), symbol)
    np.testing.assert_array_equal(gd.interpret([slope], {symbol: z})[0], [[1], [-1], [0]])
