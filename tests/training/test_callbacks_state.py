"""Callbacks that change or record training: rates, weights, NaN, CSV files."""

import csv
import math

import numpy as np
import pytest

import graphdl as gd
from graphdl.callbacks import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN
from graphdl.core.errors import NonFiniteError
from tests.training.nets import SUM, X, compiled, dense, same

# ------------------------------------------------------------------ the learning rate


@pytest.mark.parametrize(
    "schedule", [lambda epoch, rate: rate / 2, lambda epoch: 0.5 ** (epoch + 1)]
)
def test_learning_rate_scheduler(schedule):
    model = compiled(dense(1), optimizer=gd.optimizers.SGD(1.0))
    history = model.fit(
        0 * X, 0 * SUM, epochs=4, verbose=0, callbacks=LearningRateScheduler(schedule)
    )
    assert history.history["learning_rate"] == [0.5, 0.25, 0.125, 0.0625]  # as Keras gives


@pytest.mark.parametrize("bad", [-0.1, math.nan, None, "fast"])
def test_a_bad_rate_stops_before_its_epoch(bad):
    model = compiled(dense(1), optimizer=gd.optimizers.SGD(0.125))
    rates = [0.25, bad]
    scheduler = LearningRateScheduler(lambda epoch: rates[epoch])
    with pytest.raises((ValueError, TypeError), match="for epoch 1"):
        model.fit(X, SUM, len(X), epochs=3, verbose=0, callbacks=scheduler)
    assert model.optimizer.iterations.value == 1
    assert model.optimizer.learning_rate.value == 0.25


def test_the_schedule_is_a_function():
    with pytest.raises(TypeError, match="LearningRateScheduler: schedule"):
        LearningRateScheduler(0.1)


def test_rates_and_weights_set_between_epochs_count_and_nothing_compiles_again():
    """Compiled, against the same steps made one by one in NumPy."""
    model = compiled(dense(1), optimizer=gd.optimizers.SGD(0.1), target="cpu")
    start, rates = [np.full((3, 1), 0.5), np.ones(1)], [0.1, 0.02, 0.3]
    spent = []

    def begin(epoch, logs):
        spent.append(model.compile_seconds)
        assert float(model.optimizer.learning_rate.value) == pytest.approx(([0.1, *rates])[epoch])
        model.optimizer.learning_rate = rates[epoch]
        if epoch != 1:
            model.set_weights(start)

    model.fit(X, SUM, len(X), 3, verbose=0, callbacks=LambdaCallback(on_epoch_begin=begin))
    w, b = start
    gradient = 2 * (X @ w + b - SUM) / len(X)
    for one, other in zip(
        model.get_weights(), [w - 0.3 * X.T @ gradient, b - 0.3 * gradient.sum(0)], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert spent[0] == spent[-1] == model.compile_seconds


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_training_goes_on_from_the_weights_that_a_callback_sets(target):
    def trained(callback, epochs):
        gd.set_seed(1)
        model = compiled(dense(4, 1), optimizer="sgd", target=target)
        model.set_weights(weights)
        model.fit(X, SUM, 16, epochs=epochs, verbose=0, callbacks=callback, shuffle=False)
        return model.get_weights()

    weights = [w * 0 + 0.25 for w in dense(4, 1).get_weights()]
    back = LambdaCallback(on_epoch_end=lambda epoch, _: epoch == 1 and _set(back, weights))
    assert same(trained(back, 5), trained(None, 3))


def _set(callback, weights):
    callback.model.set_weights(weights)


# ------------------------------------------------------------------ NaN


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_terminate_on_nan(target, capsys):
    model = compiled(
        dense(4, 1, activation="relu"), "mse", gd.optimizers.SGD(1e4), target, check_finite=False
    )
    end = []
    callbacks = [TerminateOnNaN(), LambdaCallback(on_train_end=end.append)]
    assert not callbacks[0].wants_batches
    history = model.fit(X, SUM, 8, epochs=50, verbose=0, callbacks=callbacks).history["loss"]
    assert len(history) < 50 and not math.isfinite(history[-1])
    assert all(map(math.isfinite, history[:-1]))
    assert "invalid loss" in capsys.readouterr().out and len(end) == 1


def test_terminate_on_nan_ends_the_epoch_it_stands_in():
    model = compiled(dense(1), "mse", gd.optimizers.SGD(1e30), check_finite=False)
    seen = LambdaCallback(on_batch_end=lambda *_: None)  # step by step
    history = model.fit(X, SUM, 4, epochs=4, verbose=0, callbacks=[seen, TerminateOnNaN()])
    assert history.epoch == [0] and model.optimizer.iterations.value < 10


def test_terminate_on_nan_may_raise():
    model = compiled(dense(1), "mse", gd.optimizers.SGD(1e30), check_finite=False)
    with pytest.raises(NonFiniteError, match="the loss is"):
        model.fit(X, SUM, 4, epochs=4, verbose=0, callbacks=TerminateOnNaN(raise_error=True))


def test_terminate_on_nan_lets_a_good_loss_pass():
    model = compiled(dense(1), check_finite=False)
    assert model.fit(X, SUM, epochs=3, verbose=0, callbacks=TerminateOnNaN()).epoch == [0, 1, 2]


# ------------------------------------------------------------------ CSV files


def lines(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def fitted(path, epochs=2, first=0, model=None, callbacks=(), separator=",", append=False, **rest):
    model = model or compiled(dense(1), metrics=["accuracy"])
    logger = CSVLogger(path, separator, append)
    return model.fit(
        X,
        SUM,
        epochs=epochs,
        initial_epoch=first,
        verbose=0,
        callbacks=[*callbacks, logger],
        **rest,
    ).history


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv(tmp_path, separator):
    path = tmp_path / "log.csv"
    path.write_text("old\n")
    history = fitted(path, separator=separator, validation_data=(X, SUM))
    head, *rows = lines(path, separator)
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [r[0] for r in rows] == ["0", "1"]
    for k, name in enumerate(head[1:], 1):
        assert [float(r[k]) for r in rows] == history[name]


def test_csv_without_validation_in_an_epoch(tmp_path):
    path = tmp_path / "log.csv"
    fitted(path, validation_data=(X, SUM), validation_freq=2)
    _, first, second = lines(path)
    assert first[3:] == ["NA", "NA"] and "NA" not in second


def test_csv_takes_what_callbacks_before_it_add(tmp_path):
    path = tmp_path / "log.csv"
    added = LambdaCallback(on_epoch_end=lambda e, logs: logs.update(extra=7.0))
    fitted(path, callbacks=[added, LearningRateScheduler(lambda e: 0.5)])
    head, *rows = lines(path)
    assert head == ["epoch", "accuracy", "extra", "learning_rate", "loss"]
    assert [r[2:4] for r in rows] == [["7.0", "0.5"]] * 2


def test_csv_appends(tmp_path):
    path = tmp_path / "log.csv"
    model = compiled(dense(1))
    for first, last in ((0, 2), (2, 3)):
        fitted(path, last, first, model, append=True)
    assert [r[0] for r in lines(path)] == ["epoch", "0", "1", "2"]
    fitted(path, 1)
    assert [r[0] for r in lines(path)] == ["epoch", "0"]


def test_csv_of_other_columns_is_not_appended_to(tmp_path):
    path = tmp_path / "log.csv"
    fitted(path)
    before = path.read_text()
    with pytest.raises(ValueError, match="none for val_accuracy, val_loss"):
        fitted(path, append=True, validation_data=(X, SUM))
    assert path.read_text() == before


def test_csv_is_whole_when_training_fails(tmp_path):
    path = tmp_path / "log.csv"

    def fail(epoch, logs):
        if epoch == 2:
            raise LookupError

    with pytest.raises(LookupError):
        fitted(path, 5, callbacks=[LambdaCallback(on_epoch_begin=fail)])
    assert [r[0] for r in lines(path)] == ["epoch", "0", "1"]


def test_csv_refuses(tmp_path):
    with pytest.raises(TypeError, match="CSVLogger: filename"):
        CSVLogger(3)
    for separator in ("", "::", '"', None):
        with pytest.raises(ValueError, match="CSVLogger: separator"):
            CSVLogger("a.csv", separator)
    model = compiled(dense(1))
    weights = model.get_weights()
    with pytest.raises(FileNotFoundError, match="no folder"):
        fitted(tmp_path / "nowhere" / "a.csv", model=model)
    assert same(model.get_weights(), weights)
