"""One compilation serves every size of batch and every model of the same structure."""

import numpy as np
import pytest

import graphdl as gd
from codegen import cache
from tests.training.nets import LABEL, X, classifier, compiled, dense, same


def module_of(model, kind):
    return next(r for k, r in model._runners.items() if k[0] == kind).compiled.executable.module


@pytest.fixture(scope="module")
def trained():
    """A model that was trained, tested and asked; compiled to machine code."""
    model = classifier("cpu")
    model.fit(X, LABEL, verbose=0, validation_data=(X, LABEL))
    model.predict(X)
    return model


def test_batches_of_any_size_use_one_program(trained):
    modules, seconds = dict(cache._loaded), trained.compile_seconds
    programs = len(trained._runners)
    for batch in (1, 7, 32, len(X), 1000):
        trained.fit(X, LABEL, batch, epochs=2, verbose=0)
        trained.evaluate(X, LABEL, batch, verbose=0)
        trained.predict(X, batch)
    trained.train_on_batch(X[:3], LABEL[:3])
    assert programs == len(trained._runners) == 3
    assert trained.compile_seconds == seconds
    assert cache._loaded == modules


def test_another_model_of_the_same_structure_compiles_nothing(trained):
    modules = dict(cache._loaded)
    twin = classifier("cpu")
    twin.fit(X, LABEL, verbose=0, validation_data=(X, LABEL))
    twin.predict(X)
    assert cache._loaded == modules
    for kind in ("train", "test", "predict"):
        assert module_of(twin, kind) is module_of(trained, kind)


def test_other_hyper_parameters_compile_nothing(trained):
    modules = dict(cache._loaded)
    other = dense(4, 1, last="sigmoid")
    compiled(other, "binary_crossentropy", gd.optimizers.Adam(0.5), "cpu", metrics=["accuracy"])
    other.fit(X, LABEL, verbose=0)
    assert cache._loaded == modules


def test_the_results_do_not_depend_on_the_batch_before(trained):
    results = []
    for others in ((), (1, 40), (7,)):
        model = classifier("cpu")
        model.set_weights(weights := trained.get_weights())
        rate, model.optimizer.learning_rate = 0.001, 0.0
        for batch in others:  # leaves memory of other sizes behind
            model.fit(X, LABEL, batch, verbose=0)
        assert same(model.get_weights(), weights)
        fresh = gd.optimizers.Adam(rate)
        model.compile(fresh, "binary_crossentropy", metrics=["accuracy"])
        gd.set_seed(5)
        model.fit(X, LABEL, 32, epochs=3, verbose=0)
        results.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    assert same(results[1:], [results[0]] * 2)


def test_another_rate_and_other_data_compile_nothing(trained):
    modules, programs = dict(cache._loaded), len(trained._runners)
    rate = trained.optimizer.learning_rate
    try:
        for other, rows in ((0.5, 40), (1e-4, 33), (0.0, 7)):
            trained.optimizer.learning_rate = other
            trained.fit(X[::-1][:rows] * 2, LABEL[:rows], epochs=3, verbose=0)
    finally:
        trained.optimizer.learning_rate = rate
    assert cache._loaded == modules and len(trained._runners) == programs
