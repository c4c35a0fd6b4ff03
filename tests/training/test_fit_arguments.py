"""Sizes and numbers of batches in validation, evaluation and prediction; how the step is run."""

from types import FunctionType

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import LABEL, SUM, X, classifier, compiled, dense


def test_validation_batch_size_and_steps():
    seen, first = [], 12
    hook = gd.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))
    model = classifier()
    history = model.fit(
        X, LABEL, 16, epochs=2, verbose=0, validation_data=(X, LABEL), validation_batch_size=4,
        validation_steps=3, callbacks=hook,
    ).history  # fmt: skip
    assert seen == [0, 1, 2] * 2
    loss, accuracy = model.evaluate(X[:first], LABEL[:first], 4, verbose=0)
    assert (history["val_loss"][-1], history["val_accuracy"][-1]) == (loss, accuracy)


def test_evaluate_and_predict_some_batches():
    model = classifier()
    whole = model.evaluate(X[:10], LABEL[:10], 5, verbose=0)
    assert model.evaluate(X, LABEL, 5, verbose=0, steps=2) == whole
    assert np.array_equal(model.predict(X, 5, steps=2), model.predict(X)[:10])
    assert model.evaluate(X, LABEL, verbose=0, steps=99) == model.evaluate(X, LABEL, verbose=0)


@pytest.mark.parametrize(
    "bad", [{"validation_batch_size": 0}, {"validation_steps": 0}, {"validation_freq": 0}]
)
def test_bad_numbers(bad):
    model = classifier()
    with pytest.raises(ValueError, match=next(iter(bad))):
        model.fit(X, LABEL, verbose=0, validation_data=(X, LABEL), **bad)
    assert model.optimizer.iterations.value == 0


def test_predict_shows_its_progress_when_asked(capsys):
    model = dense(1)
    model.predict(X, 8)
    assert capsys.readouterr().out == ""
    model.predict(X, 8, verbose=2)
    assert "5/5" in capsys.readouterr().out


def test_run_eagerly_is_the_module_un_jitted():
    gd.set_seed(0)
    eager, named = dense(1), dense(1)
    named.set_weights(eager.get_weights())
    eager.compile("sgd", "mse", run_eagerly=True)
    compiled(named, target="python")
    losses = [m.fit(X, SUM, shuffle=False, verbose=0).history["loss"] for m in (eager, named)]
    assert losses[0] == losses[1]
    assert isinstance(eager.compiled_step.executable.module.run, FunctionType)


@pytest.mark.parametrize(
    "bad",
    [
        {"run_eagerly": True, "jit_compile": True},
        {"jit_compile": False},
        {"jit_compile": "yes"},
        {"run_eagerly": 3},
    ],
)
def test_ways_to_run_that_there_are_not(bad):
    with pytest.raises(ValueError, match="jit_compile"):
        dense(1).compile("sgd", "mse", **bad)
