"""What `fit`, `evaluate` and `predict` take and return, and when callbacks are called."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import CLASS, LABEL, SUM, X, classifier, compiled, dense, same


def binary_crossentropy(y, p):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


class Recorder(gd.callbacks.Callback):
    """Writes down which hook was called with what."""

    def __init__(self):
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"end {epoch}: {' '.join(logs)}")

    def on_test_begin(self, logs=None):
        self.calls.append("test")

    def on_test_end(self, logs=None):
        self.calls.append("test end")


# ------------------------------------------------------------------ history


def test_history_has_keras_keys():
    history = classifier().fit(X, LABEL, epochs=3, verbose=0, validation_data=(X, LABEL))
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert isinstance(history.model, gd.Model) and history.params["epochs"] == 3


def test_loss_and_accuracy_of_an_epoch_are_those_before_each_step():
    model = classifier()
    weights = model.get_weights()
    history = model.fit(X, LABEL, batch_size=len(X), verbose=0).history
    model.set_weights(weights)
    p = model.predict(X)
    assert history["loss"] == pytest.approx([binary_crossentropy(LABEL, p)], rel=1e-5)
    assert history["accuracy"] == [((p > 0.5) == LABEL).mean()]


def test_validation_comes_after_the_epoch():
    model = classifier()
    history = model.fit(X, LABEL, epochs=2, verbose=0, validation_data=(X[:9], LABEL[:9])).history
    loss, accuracy = model.evaluate(X[:9], LABEL[:9], verbose=0)
    assert history["val_loss"][-1] == loss
    assert history["val_accuracy"][-1] == accuracy


def test_initial_epoch():
    history = classifier().fit(X, LABEL, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]
    assert len(history.history["loss"]) == 2


def test_no_epochs_change_nothing():
    model = classifier()
    weights = model.get_weights()
    history = model.fit(X, LABEL, epochs=0, verbose=0)
    assert history.history == {} and history.epoch == []
    assert same(model.get_weights(), weights)


def test_validation_split_holds_out_the_last_rows():
    model, twin = classifier(), classifier()
    twin.set_weights(model.get_weights())
    gd.set_seed(1)
    split = model.fit(X, LABEL, epochs=2, verbose=0, validation_split=0.25).history
    gd.set_seed(1)
    given = twin.fit(
        X[:30], LABEL[:30], epochs=2, verbose=0, validation_data=(X[30:], LABEL[30:])
    ).history
    assert split == given


def test_validation_data_with_weights():
    weight = np.linspace(0, 1, len(X))
    model = compiled(dense(1), "mse", weighted_metrics=["accuracy"])
    history = model.fit(X, LABEL, verbose=0, validation_data=(X, LABEL, weight)).history
    p = model.predict(X)
    assert history["val_loss"] == pytest.approx([((p - LABEL)[:, 0] ** 2 * weight).mean()], 1e-5)
    hit = (p > 0.5) == LABEL
    assert history["val_accuracy"] == pytest.approx([np.average(hit[:, 0], weights=weight)])


def test_validation_freq():
    history = (
        classifier()
        .fit(X, LABEL, epochs=5, verbose=0, validation_data=(X, LABEL), validation_freq=2)
        .history
    )
    assert (len(history["loss"]), len(history["val_loss"])) == (5, 2)


def test_ragged_batch_counts_by_its_rows():
    model = compiled(dense(1), optimizer=gd.optimizers.SGD(0.0))
    loss = ((model.predict(X) - SUM) ** 2).mean()
    assert model.fit(X, SUM, batch_size=32, verbose=0).history["loss"] == pytest.approx([loss])
    assert model.evaluate(X, SUM, batch_size=7, verbose=0) == pytest.approx(loss)


# ------------------------------------------------------------------ callbacks


def test_order_of_hooks():
    recorder = Recorder()
    classifier().fit(
        X, LABEL, epochs=2, verbose=0, validation_data=(X, LABEL), callbacks=[recorder]
    )
    logs = "loss accuracy val_loss val_accuracy"
    assert recorder.calls == [
        "train",
        "epoch 0", "test", "test end", f"end 0: {logs}",
        "epoch 1", "test", "test end", f"end 1: {logs}",
        "end",
    ]  # fmt: skip


def test_stop_training():
    class Stop(gd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = classifier()
    assert model.fit(X, LABEL, epochs=9, verbose=0, callbacks=[Stop()]).epoch == [0, 1]
    assert model.fit(X, LABEL, epochs=1, verbose=0).epoch == [0]


def test_lambda_callback_of_epochs():
    seen = []
    callback = gd.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    classifier().fit(X, LABEL, epochs=3, verbose=0, callbacks=callback)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("prefix", ["on_train_batch", "on_batch"])
def test_batch_hooks(prefix):
    seen, logs = [], []
    hooks = {
        f"{prefix}_begin": lambda batch, _: seen.append(("begin", batch)),
        f"{prefix}_end": lambda batch, log: (seen.append(("end", batch)), logs.append(log)),
    }
    methods = {name: staticmethod(function) for name, function in hooks.items()}
    callback = type("Batches", (gd.callbacks.Callback,), methods)()
    history = classifier().fit(X, LABEL, batch_size=16, verbose=0, callbacks=[callback]).history
    assert seen == [(what, batch) for batch in range(3) for what in ("begin", "end")]
    assert logs[-1] == {name: values[0] for name, values in history.items()}


def test_what_a_callback_adds_to_the_logs_is_history():
    add = gd.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: logs.update(double=2.0))
    assert classifier().fit(X, LABEL, verbose=0, callbacks=[add]).history["double"] == [2.0]


# ------------------------------------------------------------------ evaluate, predict, one batch


def test_evaluate_returns_in_the_order_of_names():
    model = classifier()
    values = model.evaluate(X, LABEL, verbose=0)
    assert model.metrics_names == ["loss", "accuracy"]
    assert model.evaluate(X, LABEL, verbose=0, return_dict=True) == dict(
        zip(model.metrics_names, values, strict=True)
    )
    assert isinstance(compiled(dense(1)).evaluate(X, SUM, verbose=0), float)


def test_evaluate_with_sample_weight():
    model = compiled(dense(1))
    weight = np.linspace(0, 3, len(X))
    loss = ((model.predict(X) - SUM)[:, 0] ** 2 * weight).sum() / len(X)
    got = model.evaluate(X, SUM, batch_size=11, sample_weight=weight, verbose=0)
    assert got == pytest.approx(loss, rel=1e-5)


def test_predict_keeps_the_order_of_rows():
    model = dense(5, 2)
    w, b, v, c = model.get_weights()
    expected = np.tanh(X @ w + b) @ v + c
    for batch in (1, 7, 32, 40, 100):
        np.testing.assert_allclose(
            model.predict(X, batch_size=batch), expected, rtol=2e-5, atol=1e-6
        )


def test_predict_of_nothing():
    assert dense(2).predict(X[:0]).shape == (0, 2)


def test_lists_and_other_layouts_give_the_same_bits():
    model = dense(4, 2)
    expected = model.predict(X)
    column = np.asfortranarray(X)
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    frozen = X.copy()
    frozen.setflags(write=False)
    for form in (X.tolist(), column, wide, frozen, X.astype(">f4"), X.astype("f8")):
        assert np.array_equal(model.predict(form), expected)
    assert np.array_equal(model.predict(np.ones((2, 3), int)), model.predict(np.ones((2, 3))))


def test_the_users_arrays_stay_as_they_are():
    x, y, weight = X.copy(), LABEL.copy(), np.ones(len(X))
    classifier().fit(x, y, verbose=0, sample_weight=weight, epochs=2)
    assert same([x, y, weight], [X, LABEL, np.ones(len(X))])


def test_one_batch():
    model, twin = classifier(), classifier()
    twin.set_weights(model.get_weights())
    logs = model.train_on_batch(X, LABEL, return_dict=True)
    fitted = twin.fit(X, LABEL, batch_size=len(X), shuffle=False, verbose=0).history
    assert logs == {name: values[0] for name, values in fitted.items()}
    assert same(model.get_weights(), twin.get_weights())
    assert model.test_on_batch(X, LABEL) == twin.evaluate(X, LABEL, len(X), verbose=0)


def test_what_one_batch_reports_is_its_own():
    model = compiled(dense(1), metrics=["accuracy"])
    first = model.test_on_batch(X[:10], LABEL[:10])
    model.test_on_batch(X[10:], LABEL[10:])
    assert model.test_on_batch(X[:10], LABEL[:10]) == first
    assert model.train_on_batch(X[:10], LABEL[:10]) == first  # measured before the step


def test_class_numbers_as_a_column_or_a_row():
    model = compiled(dense(3, last="softmax"), "sparse_categorical_crossentropy")
    flat = model.evaluate(X, CLASS, verbose=0)
    for form in (CLASS[:, None], CLASS.astype(float), CLASS.tolist(), CLASS.astype("u1")):
        assert model.evaluate(X, form, verbose=0) == flat


# ------------------------------------------------------------------ optimizers


def test_learning_rate_may_change_at_any_time():
    model = compiled(dense(1))
    model.train_on_batch(X, SUM)
    weights = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(X, SUM)
    assert same(model.get_weights(), weights)
    with pytest.raises(ValueError, match="learning_rate"):
        model.optimizer.learning_rate = float("nan")


@pytest.mark.parametrize("make", [gd.optimizers.Adam, lambda: gd.optimizers.SGD(0.1, 0.9)])
def test_apply_gradients_is_the_step_of_fit(make):
    model, twin = compiled(dense(4, 1), optimizer=make()), compiled(dense(4, 1), optimizer=make())
    twin.set_weights(model.get_weights())
    optimizer = make()
    for _ in range(3):
        gradients = model.gradients(X, SUM)
        optimizer.apply_gradients([(gradients[w.name], w) for w in model.weights])
        twin.train_on_batch(X, SUM)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
