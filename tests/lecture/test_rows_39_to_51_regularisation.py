"""The lecture's items on adaptive optimizers, dropout and early stopping: each row's number."""

import numpy as np
import pytest

import graphdl as gd

layers, studies = gd.layers, gd.studies


def after_one_step(optimizer):
    w = gd.Variable(1.0, "w", "float64")
    optimizer.apply_gradients([(np.float64(0.1), w)])
    return float(w.value)


def test_row_39_adadelta_one_step():
    assert after_one_step(gd.optimizers.Adadelta()) == pytest.approx(0.99999858593, abs=1e-11)


def test_row_40_adagrad_one_step():
    assert after_one_step(gd.optimizers.Adagrad()) == pytest.approx(0.99969849, abs=1e-8)


def test_row_41_rmsprop_one_step():
    assert after_one_step(gd.optimizers.RMSprop()) == pytest.approx(0.99683788, abs=1e-8)


def wave(rows, seed):
    draw = np.random.default_rng(seed)
    x = draw.uniform(-3, 3, (rows, 1))
    return x, np.sin(2 * x) + 0.3 * draw.normal(size=(rows, 1))


def build(extra):
    hidden = [layers.Dense(32, "tanh"), *extra]
    model = gd.Sequential([layers.Input(shape=(1,)), *hidden, layers.Dense(1)])
    model.compile(gd.optimizers.Adam(0.02), "mse", target="python")
    return model


def test_row_50_dropout_keeps_the_mean_and_is_off_at_inference():
    x = np.ones((2000, 4), np.float32)
    layer = layers.Dropout(0.5)
    dropped = np.asarray(layer(x, training=True))
    assert set(np.unique(dropped)) == {0.0, 2.0}  # 1/(1 − p) of what stays
    assert dropped.mean() == pytest.approx(1, abs=0.05)
    assert np.array_equal(layer(x), x)
    assert np.array_equal(layers.Dropout(0.0)(x, training=True), x)


def test_row_51_early_stopping_keeps_the_weights_of_the_least_test_loss():
    train, test = wave(24, 0), wave(100, 1)
    patience = 15
    seen = studies.regularisation(
        train, test, build=build, epochs=250, patience=patience, batch_size=24, seed=1
    )
    plain, stopped = seen["plain"], seen["early stopping"]
    assert len(stopped.test) == stopped.best_epoch + patience < len(plain.test) == 250
    assert stopped.kept == pytest.approx(stopped.test.min(), rel=1e-5)
    assert plain.test[: len(stopped.test)] == pytest.approx(stopped.test)  # the same training
    assert seen["dropout"].train[-1] > plain.train[-1]  # less is learnt by heart
    assert [r.name for r in seen.runs] == ["plain", "dropout", "early stopping", "both"]
    assert "kept test" in str(seen)
