"""Many epochs in one call: what they leave behind is what they leave one by one."""

import signal

import pytest

import graphdl as gd
from codegen.epochs import Epochs
from codegen.optimisations import without
from graphdl.core.errors import NonFiniteError
from graphdl.training import together
from tests.training.nets import CLASS, LABEL, SUM, X, classifier, compiled, dense, same

EPOCHS = 25


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Worth it from the second epoch on, and at most 7 epochs a call; counts the calls."""
    calls, run = [], Epochs.run
    monkeypatch.setattr(together, "WORTH_COMPILING", 0)
    monkeypatch.setattr(together.Together, "fitting", lambda self, left: _fitting(self, left))
    monkeypatch.setattr(Epochs, "run", lambda self: calls.append(self) or run(self))
    return calls


def _fitting(self, left):
    self._count += 1
    return 1 if self._count == 1 else min(left, 7)


def fitted(make, *data, off=(), **settings):
    """History and state after a fit."""
    gd.set_seed(3)
    model = make()
    with without(*off):
        history = model.fit(*data, 16, epochs=EPOCHS, verbose=0, **settings)
    state = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    return model, history, state


def several_metrics():
    """Means, a mean that ends with a root, a matrix of counts."""
    metrics = ["accuracy", gd.metrics.MeanIoU(num_classes=3, sparse_y_pred=False)]
    model = dense(5, 3, last="softmax")
    return compiled(model, "sparse_categorical_crossentropy", "adam", "cpu", metrics=metrics)


def regression():
    model = dense(4, 1)
    return compiled(model, "mse", gd.optimizers.SGD(0.05, momentum=0.9), "cpu",
                    metrics=[gd.metrics.RootMeanSquaredError()])  # fmt: skip


def dropout():
    layers = [gd.layers.Input((3,)), gd.layers.Dense(8, "relu"), gd.layers.Dropout(0.4)]
    model = gd.Sequential([*layers, gd.layers.Dense(1, "sigmoid")])
    optimizer = gd.optimizers.Adam(gd.schedules.ExponentialDecay(0.01, 20, 0.9))
    return compiled(model, "binary_crossentropy", optimizer, "cpu")


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    "make, y",
    [(lambda: classifier("cpu"), LABEL), (several_metrics, CLASS), (regression, SUM),
     (dropout, LABEL)],
)  # fmt: skip
def test_the_same_bits_and_the_same_history(at_once, make, y, shuffle):
    _, ours, state = fitted(make, X, y, shuffle=shuffle)
    assert [len(run._history) for run in at_once] == [7, 7, 7, 3]
    _, theirs, expected = fitted(make, X, y, shuffle=shuffle, off=["epochs"])
    assert len(at_once) == 4
    assert ours.epoch == theirs.epoch == list(range(EPOCHS))
    assert ours.history == theirs.history
    assert same(state, expected)


def test_metrics_stand_where_the_last_epoch_left_them(at_once):
    model, history, _ = fitted(lambda: classifier("cpu"), X, LABEL)
    assert at_once
    assert model._logs() == {name: values[-1] for name, values in history.history.items()}


def test_training_goes_on_where_it_stood(at_once):
    model, _, _ = fitted(lambda: classifier("cpu"), X, LABEL)
    model.fit(X, LABEL, 16, epochs=2 * EPOCHS, initial_epoch=EPOCHS, verbose=0)
    with without("epochs"):
        twin, _, _ = fitted(lambda: classifier("cpu"), X, LABEL)
        history = twin.fit(X, LABEL, 16, epochs=2 * EPOCHS, initial_epoch=EPOCHS, verbose=0)
    assert history.epoch[0] == EPOCHS
    assert same(model.get_weights(), twin.get_weights())


@pytest.mark.parametrize(
    "settings",
    [{"callbacks": gd.callbacks.EarlyStopping("loss", patience=100)},
     {"callbacks": gd.callbacks.LambdaCallback(on_epoch_end=lambda *_: None)},
     {"callbacks": gd.callbacks.LambdaCallback(on_train_batch_end=lambda *_: None)},
     {"validation_data": (X, LABEL)},
     {"steps_per_epoch": 3}],
    ids=["stopping", "epochs", "batches", "validation", "steps"],
)  # fmt: skip
def test_whoever_looks_at_epochs_has_them_one_by_one(at_once, settings):
    fitted(lambda: classifier("cpu"), X, LABEL, **settings)
    assert not at_once


def test_the_last_logs_reach_the_end_of_training(at_once):
    seen = []
    end = gd.callbacks.LambdaCallback(on_train_end=seen.append)
    _, history, _ = fitted(lambda: classifier("cpu"), X, LABEL, callbacks=end)
    assert at_once
    assert seen == [{name: values[-1] for name, values in history.history.items()}]


def test_a_step_that_is_refused_ends_it_with_its_own_epoch(at_once):
    """The rate grows until a product overflows, in the middle of a call."""

    def make():
        grow = gd.schedules.ExponentialDecay(0.01, 1, 3.0)
        return compiled(dense(4, 1), "mse", gd.optimizers.SGD(grow), "cpu")

    def stopped(off):
        gd.set_seed(3)
        model = make()
        with without(*off), pytest.raises(NonFiniteError) as error:
            model.fit(X, SUM, 16, epochs=200, verbose=0)
        return str(error.value), model.history.epoch, model.history.history, model.get_weights()

    ours, theirs = stopped([]), stopped(["epochs"])
    assert at_once
    assert ours[:3] == theirs[:3]
    assert same(ours[3], theirs[3])


def test_ctrl_c_leaves_a_history_of_all_that_was_done(at_once, monkeypatch):
    """It comes while compiled code runs, and is seen when that is done."""
    run = Epochs.run

    def pressed(self):
        status = run(self)
        signal.raise_signal(signal.SIGINT)
        return status

    monkeypatch.setattr(Epochs, "run", pressed)
    model = classifier("cpu")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABEL, 16, epochs=EPOCHS, verbose=0)
    assert len(model.history.epoch) == 8 == len(model.history.history["loss"])
    assert int(model.optimizer.iterations.value) == 8 * 3


def test_one_call_takes_as_many_as_fit_into_its_time(monkeypatch):
    monkeypatch.undo()
    model = classifier("cpu")
    model.fit(X, LABEL, 16, verbose=0)
    ahead = together.Together(model, None, model.history, mix=True)
    monkeypatch.setattr(together, "CHUNK_SECONDS", 0.5)
    clock = iter([1.0, 1.0 + 1 / 64, 1.5 + 1 / 64, 9.5 + 1 / 64])
    monkeypatch.setattr(together.time, "perf_counter", lambda: next(clock))
    # one to begin with, which takes 1/64 s; as many as that allows; again; then each takes 1/4 s
    assert [ahead.fitting(1000) for _ in range(4)] == [1, 32, 32, 2]


def test_what_is_seldom_done_is_not_compiled(monkeypatch):
    monkeypatch.setattr(together, "WORTH_COMPILING", 100)
    monkeypatch.setattr(together, "_epochs", 0)
    assert [together.worth(None, 40) for _ in range(3)] == [False, False, True]
