"""Callbacks that watch a quantity decide as Keras 3.15 was seen to decide."""

import math

import numpy as np
import pytest

import graphdl as gd
from graphdl.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint, ReduceLROnPlateau
from tests.training import keras_callbacks as keras
from tests.training.nets import LABEL, SUM, X, classifier, compiled, dense, same


@pytest.fixture(scope="module")
def model():
    return compiled(dense(1), optimizer=gd.optimizers.SGD(1.0), metrics=[closeness])


def closeness(y, p):
    return -gd.abs(y - p)


def forced(values, name="loss"):
    """A callback that puts these values into the logs, epoch by epoch."""
    callback = LambdaCallback(on_epoch_end=lambda e, logs: logs.update({name: float(values[e])}))
    callback.log_names = (name,)
    return callback


def run(model, losses, *callbacks, **rest):
    given = [forced(losses), *callbacks]
    return model.fit(0 * X, 0 * SUM, 16, epochs=len(losses), verbose=0, callbacks=given, **rest)


# ------------------------------------------------------------------ decisions


@pytest.mark.parametrize(("losses", "settings", "expected"), keras.EARLY_STOPPING)
def test_early_stopping(model, losses, settings, expected):
    stop = EarlyStopping("loss", restore_best_weights=True, **settings)
    history = run(model, keras.LOSSES[losses], stop)
    assert (len(history.epoch), stop.stopped_epoch, stop.best_epoch, stop.best) == expected


@pytest.mark.parametrize(("losses", "settings", "rates"), keras.PLATEAU)
def test_plateau(model, losses, settings, rates):
    model.optimizer.learning_rate = 1.0
    history = run(model, keras.LOSSES[losses], ReduceLROnPlateau("loss", **settings))
    assert history.history["learning_rate"] == pytest.approx(rates, abs=1e-8)


class Saved:
    """Stands for a model's `save`: notes the paths."""

    def __init__(self, model, monkeypatch):
        self.paths, self.weights = [], []
        monkeypatch.setattr(model, "save", self.paths.append, raising=False)
        monkeypatch.setattr(model, "save_weights", self.weights.append, raising=False)


@pytest.mark.parametrize(("losses", "settings", "epochs"), keras.CHECKPOINT)
def test_checkpoints_of_the_best(model, monkeypatch, losses, settings, epochs):
    saved = Saved(model, monkeypatch)
    save = ModelCheckpoint("{epoch:02d}-{loss:.3f}", "loss", save_best_only=True, **settings)
    values = keras.LOSSES[losses]
    run(model, values, save)
    assert saved.paths == [f"{e:02d}-{values[e - 1]:.3f}" for e in epochs]


@pytest.mark.parametrize(("frequency", "places"), keras.EVERY_SO_MANY)
def test_checkpoints_after_batches(model, monkeypatch, frequency, places):
    saved = Saved(model, monkeypatch)
    save = ModelCheckpoint("{epoch:02d}-{batch:02d}", save_freq=frequency, save_weights_only=True)
    model.fit(X, SUM, 16, epochs=3, verbose=0, callbacks=save)
    assert saved.weights == [f"{e:02d}-{b:02d}" for e, b in places] and not saved.paths


def test_a_checkpoint_makes_its_folder(model, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "save", lambda path: open(path, "x").close(), raising=False)
    path = tmp_path / "runs" / "of {{today}}" / "{epoch}.model"
    model.fit(X, SUM, epochs=2, verbose=0, callbacks=ModelCheckpoint(path))
    folder = tmp_path / "runs" / "of {today}"
    assert sorted(f.name for f in folder.iterdir()) == ["1.model", "2.model"]


def test_an_epoch_without_validation_is_not_looked_at(model, monkeypatch):
    saved = Saved(model, monkeypatch)
    stop = EarlyStopping("val_loss", patience=2)
    several = [stop, ReduceLROnPlateau(patience=2), ModelCheckpoint("{epoch} {val_loss:.1f}")]
    weights = iter([1.0, 2.0, 3.0])
    each = LambdaCallback(
        on_test_begin=lambda _: model.set_weights([np.full((3, 1), next(weights)), np.zeros(1)])
    )
    model.optimizer.learning_rate = 0.0
    history = model.fit(
        X, 0 * SUM, epochs=9, verbose=0, validation_data=(X, 0 * SUM), validation_freq=2,
        callbacks=[each, *several],
    )  # fmt: skip
    assert history.epoch == list(range(6))  # best in epoch 1, looked at again in 3 and 5
    assert [path.split()[0] for path in saved.paths] == ["2", "4", "6"]


# ------------------------------------------------------------------ weights


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_the_weights_of_the_best_epoch_come_back_bit_by_bit(target):
    gd.set_seed(2)
    model = classifier(target)
    weights, patience = [], 3
    keep = LambdaCallback(on_epoch_end=lambda *_: weights.append(model.get_weights()))
    stop = EarlyStopping("loss", patience=patience, restore_best_weights=True)
    values = [3.0, 2.0, 1.0, 0.5, 0.7, 0.6, 0.9, 0.1, 0.1]
    history = model.fit(
        X, LABEL, 16, epochs=9, verbose=0, callbacks=[forced(values), keep, stop]
    ).history
    best = int(np.argmin(history["loss"]))
    assert best == stop.best_epoch == 3 and stop.stopped_epoch == best + patience
    assert len(history["loss"]) == best + patience + 1
    assert same(model.get_weights(), weights[best])
    assert not same(model.get_weights(), weights[-1])


def test_without_restoring_the_weights_are_the_last():
    model, weights = classifier(), []
    keep = LambdaCallback(on_epoch_end=lambda *_: weights.append(model.get_weights()))
    stop = EarlyStopping("loss", patience=1)
    model.fit(X, LABEL, epochs=5, verbose=0, callbacks=[forced([1, 2, 3, 4, 5]), keep, stop])
    assert len(weights) == 2 and same(model.get_weights(), weights[-1])


def test_early_stopping_on_validation_data():
    """A real course: the validation loss of an overfitting model has a minimum, found again."""
    gd.set_seed(0)
    draw = np.random.default_rng(1)
    x, noise = draw.normal(size=(24, 3)).astype("f4"), draw.normal(size=(24, 1))
    model = compiled(dense(32, 1), optimizer=gd.optimizers.Adam(0.05))
    stop = EarlyStopping(patience=4, restore_best_weights=True)
    history = model.fit(
        x[:12], noise[:12], epochs=200, verbose=0, validation_data=(x[12:], noise[12:]),
        callbacks=stop,
    ).history["val_loss"]  # fmt: skip
    assert len(history) < 200
    assert len(history) - 1 == int(np.argmin(history)) + 4 == stop.stopped_epoch
    assert model.evaluate(x[12:], noise[12:], verbose=0) == min(history)


def test_nan_is_never_the_best(model):
    stop = EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = run(model, [math.nan, 3.0, 2.0, math.nan, math.nan, 1.0], stop)
    assert len(history.epoch) == 5 and stop.best == 2.0 and stop.best_epoch == 2


def test_a_second_fit_starts_anew(model):
    stop = EarlyStopping("loss", patience=1)
    for _ in range(2):
        assert len(run(model, [1, 2, 3], stop).epoch) == 2


# ------------------------------------------------------------------ refused before anything changes


def refused(model, callback, message, **rest):
    before = [*model.get_weights(), model.optimizer.iterations.value]
    touched = []
    first = LambdaCallback(on_train_begin=touched.append)
    with pytest.raises(ValueError, match=message):
        model.fit(X, SUM, verbose=0, callbacks=[first, callback], **rest)
    assert same([*model.get_weights(), model.optimizer.iterations.value], before)
    assert not touched


VALIDATED = {"validation_data": (X, SUM)}


@pytest.mark.parametrize(
    ("callback", "message", "rest"),
    [
        (EarlyStopping(), "'val_loss' is not among the logs without validation", {}),
        (EarlyStopping("los"), r"did you mean 'loss'\? There are loss, closeness$", {}),
        (EarlyStopping("val_los"), "did you mean 'val_loss'", VALIDATED),
        (ReduceLROnPlateau("f1"), r"stands before this one .* log_names = \('f1',\)", {}),
        (ModelCheckpoint("a", "f1", save_best_only=True), "ModelCheckpoint: 'f1' is not", {}),
        (ModelCheckpoint("{f1}"), "ModelCheckpoint: filepath: 'f1' is not", {}),
        (ModelCheckpoint("{val_loss}"), "'val_loss' is not among the logs without", {}),
        (ModelCheckpoint("{val_loss}", save_freq=2), "known when an epoch ends", VALIDATED),
        (ModelCheckpoint("a", save_freq=2, save_best_only=True), "when an epoch ends", VALIDATED),
        (ModelCheckpoint("{epoch} {batch}"), "'batch' is not among", {}),
        (ModelCheckpoint("{loss:d}"), "filepath '{loss:d}'", {}),
        (EarlyStopping("closeness"), 'mode="min" or mode="max"', {}),
        (ReduceLROnPlateau("val_closeness"), 'mode="min" or mode="max"', VALIDATED),
    ],
)
def test_what_a_fit_does_not_report(model, callback, message, rest):
    refused(model, callback, message, **rest)


def test_a_checkpoint_of_every_epoch_needs_no_monitor(model, monkeypatch):
    saved = Saved(model, monkeypatch)
    model.fit(X, SUM, epochs=2, verbose=0, callbacks=ModelCheckpoint("m{epoch}"))
    assert saved.paths == ["m1", "m2"]


def test_what_another_callback_adds_can_be_watched(model):
    for names in ((), ("f1",)):
        add = LambdaCallback(on_epoch_end=lambda e, logs: logs.update(f1=-e))
        add.log_names = names
        watch = EarlyStopping("f1", patience=1, mode="max")
        if names:
            assert model.fit(X, SUM, epochs=5, verbose=0, callbacks=[add, watch]).epoch == [0, 1]
            refused(model, [watch, add], "stands before")
        else:
            refused(model, [add, watch], "log_names")


def test_the_rate_of_a_schedule_cannot_be_set():
    class Scheduled(gd.optimizers.SGD):
        learning_rate = property(lambda self: lambda step: 0.1)

    model = compiled(dense(1), optimizer=Scheduled())
    refused(model, ReduceLROnPlateau("loss"), "follows a schedule")
    refused(model, gd.callbacks.LearningRateScheduler(lambda e: 0.1), "follows a schedule")


BAD_SETTINGS = {
    "mode": (lambda: EarlyStopping(mode="down"), 'EarlyStopping: mode must be "auto"'),
    "two modes": (lambda: ReduceLROnPlateau(mode=("min", "max")), "ReduceLROnPlateau: mode"),
    "monitor": (lambda: EarlyStopping(3), "EarlyStopping: monitor"),
    "patience": (lambda: EarlyStopping(patience=-1), "EarlyStopping: patience"),
    "half an epoch": (lambda: ReduceLROnPlateau(patience=0.5), "patience"),
    "min_delta": (lambda: EarlyStopping(min_delta=math.nan), "min_delta"),
    "negative change": (lambda: EarlyStopping(min_delta=-1), "min_delta"),
    "baseline": (lambda: EarlyStopping(baseline=math.nan), "baseline"),
    "start": (lambda: EarlyStopping(start_from_epoch=-1), "start_from_epoch"),
    "factor": (lambda: ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau: factor"),
    "negative factor": (lambda: ReduceLROnPlateau(factor=-0.1), "factor"),
    "cooldown": (lambda: ReduceLROnPlateau(cooldown=-1), "cooldown"),
    "min_lr": (lambda: ReduceLROnPlateau(min_lr=-1), "min_lr"),
    "save_freq": (lambda: ModelCheckpoint("a", save_freq="batch"), "save_freq"),
    "no batches": (lambda: ModelCheckpoint("a", save_freq=0), "save_freq"),
    "path": (lambda: ModelCheckpoint(3), "filepath"),
    "field": (lambda: ModelCheckpoint("{}"), "filepath"),
    "inside": (lambda: ModelCheckpoint("{loss.real}"), "is no name of a log"),
    "brace": (lambda: ModelCheckpoint("{loss"), "filepath '{loss'"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings(case):
    make, message = BAD_SETTINGS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        make()


# ------------------------------------------------------------------ which direction is better


@pytest.mark.parametrize(
    ("name", "falls"),
    [("loss", True), ("mse", True), ("mean_absolute_error", True), ("auc", False), ("acc", False),
     ("binary_accuracy", False), ("precision", False), ("f1_score", False)],
)  # fmt: skip
def test_direction_from_the_name(name, falls):
    stop = EarlyStopping("val_" + name)
    assert stop.improves(0.4, 0.5) == falls
    assert stop.improves(0.6, 0.5) == (not falls)
    assert EarlyStopping(name, mode="max" if falls else "min").improves(0.4, 0.5) != falls


def test_a_metric_says_its_direction():
    class Distance(gd.metrics.BinaryAccuracy):
        direction = "min"

    model = compiled(dense(1), metrics=[Distance(name="my_score")])
    stop = EarlyStopping("my_score", patience=1)
    rising = forced([1, 2, 3, 4], "my_score")
    assert model.fit(X, SUM, epochs=4, verbose=0, callbacks=[rising, stop]).epoch == [0, 1]
