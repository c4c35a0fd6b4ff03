"""Which hook is called when, and with what: the orders are those that Keras 3.15 was seen to give."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.callbacks import several
from graphdl.callbacks.base import INDEXED_HOOKS, PASS_HOOKS
from tests.training.nets import LABEL, X, classifier, compiled, dense, same

TRAIN, VALIDATION = ["accuracy", "loss"], ["accuracy", "loss", "val_accuracy", "val_loss"]
TEST = [
    ("test_begin", []),
    ("test_batch_begin", 0, []),
    ("test_batch_end", 0, TRAIN),
    ("test_batch_begin", 1, []),
    ("test_batch_end", 1, TRAIN),
    ("test_end", TRAIN),
]


def batches(*numbers):
    return [
        call
        for n in numbers
        for call in (("train_batch_begin", n, []), ("train_batch_end", n, TRAIN))
    ]


def recorder(*left_out, stop_after=None):
    """A callback that notes each call, its index, and the names in its logs."""
    calls = []

    def noting(hook):
        def note(self, *given):
            *index, logs = given
            assert all(type(v) is float for k, v in logs.items() if k != "outputs")
            calls.append((hook.removeprefix("on_"), *index, sorted(logs)))
            if calls[-1][:2] == ("train_batch_end", stop_after):
                self.model.stop_training = True

        return note

    hooks = {*PASS_HOOKS, *INDEXED_HOOKS} - {"on_train_chunk_end", "on_batch_begin", "on_batch_end"}
    noted = {hook: noting(hook) for hook in hooks if not hook.startswith(left_out or ("-",))}
    return type("Recorder", (gd.callbacks.Callback,), noted)(), calls


def test_fit():
    callback, calls = recorder()
    classifier().fit(
        X,
        LABEL,
        16,
        epochs=2,
        verbose=0,
        validation_data=(X[:20], LABEL[:20]),
        callbacks=[callback],
    )
    epoch = lambda e: [  # noqa: E731
        ("epoch_begin", e, []),
        *batches(0, 1, 2),
        *TEST,
        ("epoch_end", e, VALIDATION),
    ]
    assert calls == [("train_begin", []), *epoch(0), *epoch(1), ("train_end", VALIDATION)]
    assert callback.params == {"verbose": 0, "epochs": 2, "steps": 3}


def test_stopped_in_the_middle_of_an_epoch_it_is_still_validated():
    callback, calls = recorder(stop_after=1)
    model = classifier()
    history = model.fit(
        X, LABEL, 16, epochs=3, verbose=0, validation_data=(X[:20], LABEL[:20]), callbacks=callback
    )
    assert calls == [
        ("train_begin", []),
        ("epoch_begin", 0, []),
        *batches(0, 1),
        *TEST,
        ("epoch_end", 0, VALIDATION),
        ("train_end", VALIDATION),
    ]
    assert sorted(history.history) == VALIDATION and history.epoch == [0]
    assert model.optimizer.iterations.value == 2


def test_evaluate():
    callback, calls = recorder()
    model = classifier()
    values = model.evaluate(X[:20], LABEL[:20], 16, verbose=0, callbacks=[callback])
    assert calls == TEST
    assert callback.model is model
    assert callback.params == {"verbose": 0, "epochs": 1, "steps": 2}
    assert values == model.evaluate(X[:20], LABEL[:20], 16, verbose=0)


def test_predict():
    callback, calls = recorder()
    model, seen = dense(2), []
    each = gd.callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"].copy())
    )
    found = model.predict(X, 16, callbacks=[callback, each])
    steps = [
        call
        for n in range(3)
        for call in (("predict_batch_begin", n, []), ("predict_batch_end", n, ["outputs"]))
    ]
    assert calls == [("predict_begin", []), *steps, ("predict_end", [])]
    assert [len(part) for part in seen] == [16, 16, 8]
    assert np.array_equal(np.concatenate(seen), found)


# ------------------------------------------------------------------ what leaves compiled code


class Calls:
    """Counts how often the compiled code of a session is entered."""

    def __init__(self, monkeypatch):
        self.spans = []
        run = gd.training.runner.Session.run

        def counted(session, first, last, *rest):
            self.spans.append((first, last))
            return run(session, first, last, *rest)

        monkeypatch.setattr(gd.training.runner.Session, "run", counted)


@pytest.mark.parametrize("kind", ["train", "test", "predict"])
def test_only_the_passes_whose_batches_are_wanted_go_step_by_step(monkeypatch, kind):
    hook = gd.callbacks.LambdaCallback(**{f"on_{kind}_batch_end": lambda batch, logs: None})
    assert hook.wants_batches == {kind}
    model = classifier()
    jobs = {
        "train": lambda: model.fit(X, LABEL, 4, verbose=0, callbacks=hook),
        "test": lambda: model.evaluate(X, LABEL, 4, verbose=0, callbacks=hook),
        "predict": lambda: model.predict(X, 4, callbacks=hook),
    }
    for name, job in jobs.items():
        calls = Calls(monkeypatch)
        job()
        assert (calls.spans == [(k, k + 1) for k in range(10)]) == (name == kind)
        assert calls.spans[0][0] == 0 and calls.spans[-1][1] == 10


def test_no_built_in_callback_wants_batches_unless_it_is_asked_to(tmp_path):
    cb = gd.callbacks
    for callback in (
        cb.EarlyStopping(), cb.ReduceLROnPlateau(), cb.TerminateOnNaN(), cb.History(),
        cb.LearningRateScheduler(lambda e: 0.1), cb.CSVLogger(tmp_path / "a.csv"),
        cb.ModelCheckpoint("a"), cb.LambdaCallback(on_epoch_end=lambda e, logs: None),
    ):  # fmt: skip
        assert not callback.wants_batches
    assert cb.ModelCheckpoint("a", save_freq=3).wants_batches == {"train"}


def test_a_hook_of_batches_changes_no_number():
    def trained(callback):
        gd.set_seed(3)
        model = classifier()
        history = model.fit(X, LABEL, 8, epochs=3, verbose=0, callbacks=callback)
        return model.get_weights(), history.history

    plain, plain_history = trained(None)
    stepwise, history = trained(recorder()[0])
    assert same(plain, stepwise) and history == plain_history


def test_the_hook_of_pieces_sees_the_last_batch():
    seen = []
    hook = gd.callbacks.LambdaCallback(
        on_train_chunk_end=lambda batch, logs: seen.append((batch, logs["loss"]))
    )
    history = classifier().fit(X, LABEL, 4, verbose=0, callbacks=hook)
    assert seen[-1] == (9, history.history["loss"][0])


def test_the_cost_of_batch_hooks_is_said_once(capsys, monkeypatch):
    monkeypatch.setattr(several, "_told", set())
    for verbose in (0, 2, 2):
        classifier().fit(X, LABEL, verbose=verbose, callbacks=recorder()[0])
    assert capsys.readouterr().out.count("Recorder has a hook for every batch") == 1


# ------------------------------------------------------------------ lists


def test_lists_of_lists_and_a_history_of_the_users():
    seen, mine = [], gd.callbacks.History()
    note = lambda k: gd.callbacks.LambdaCallback(  # noqa: E731
        on_epoch_end=lambda *_: seen.append(k)
    )
    model = classifier()
    callbacks = gd.callbacks.CallbackList([note(1), [note(2), (note(3), None)], mine])
    assert model.fit(X, LABEL, verbose=0, callbacks=callbacks) is mine
    assert model.history is mine and mine.epoch == [0]
    assert seen == [1, 2, 3]


def test_a_list_can_be_called_by_hand():
    callback, calls = recorder()
    model = classifier()
    several_ = gd.callbacks.CallbackList([callback], add_history=True, model=model, epochs=1)
    several_.on_train_begin()
    several_.on_train_batch_begin(0)
    several_.on_epoch_end(0, {"loss": 1.0})
    assert calls == [("train_begin", []), ("train_batch_begin", 0, []), ("epoch_end", 0, ["loss"])]
    assert callback.model is model and callback.params == {"epochs": 1}
    assert several_.history.history == {"loss": [1.0]}


# ------------------------------------------------------------------ when a callback fails


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end", "on_test_end", "on_batch_end"])
def test_an_error_in_a_hook_comes_out_and_the_model_goes_on(hook):
    def fail(*_):
        raise LookupError("mine")

    model = compiled(dense(4, 1, last="sigmoid"), "binary_crossentropy")
    broken = gd.callbacks.LambdaCallback(**{hook: fail})
    with pytest.raises(LookupError, match="mine"):
        model.fit(
            X, LABEL, 16, verbose=0, validation_data=(X, LABEL), callbacks=broken, shuffle=False
        )
    steps = int(model.optimizer.iterations.value)
    assert steps == {"on_train_begin": 0, "on_batch_end": 1}.get(hook, 3)
    assert model.fit(X, LABEL, 16, verbose=0).epoch == [0]
    assert model.optimizer.iterations.value == steps + 3
