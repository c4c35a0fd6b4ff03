"""Training, evaluation and prediction by teams of threads: the same bits for any number of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from codegen import team
from codegen.optimisations import without
from codegen.pace import Pace
from graphdl.compile import Compiled
from graphdl.core.errors import NonFiniteError

ROOT = Path(__file__).resolve().parents[2]
_draw = np.random.default_rng(4)
X = _draw.normal(size=(200, 96)).astype(np.float32)
Y = _draw.integers(0, 10, 200)


@pytest.fixture(autouse=True)
def as_before():
    yield
    gd.set_threads(None)


@pytest.fixture
def by(monkeypatch):
    """by(n): from now on every program is one of a team, and n threads run it."""
    monkeypatch.setattr(Compiled, "at", lambda self, sizes: self.by_team)

    def use(threads):
        monkeypatch.setattr(Pace, "plan", lambda self, steps: [(threads, steps)])
        monkeypatch.setattr(Pace, "note", lambda *_: None)

    return use


def dense(*layers, loss="sparse_categorical_crossentropy", optimizer="adam", inputs=96):
    gd.set_seed(11)
    model = gd.Sequential([gd.layers.Input(shape=(inputs,)), *layers])
    model.compile(optimizer, loss, metrics=["accuracy"] if loss != "mse" else [])
    return model


def plain():
    return dense(
        gd.layers.Dense(160, "relu"), gd.layers.Dense(64, "tanh"), gd.layers.Dense(10, "softmax")
    )


def normalised():
    layers = gd.layers
    return dense(
        layers.Dense(64, kernel_regularizer="l2"), layers.BatchNormalization(),
        layers.Activation("gelu"), layers.Dropout(0.3), layers.Dense(10, "softmax"),
        optimizer=gd.optimizers.AdamW(0.01),
    )  # fmt: skip


def deep():
    equal = [gd.layers.Dense(64, "tanh") for _ in range(5)]
    return dense(*equal, gd.layers.Dense(40), loss="mse", optimizer="rmsprop")


def embedded():
    layers = gd.layers
    return dense(
        layers.Embedding(50, 24), layers.Flatten(), layers.Dense(40, "elu"),
        layers.Dense(10, "softmax"), optimizer=gd.optimizers.SGD(0.1, momentum=0.9), inputs=6,
    )  # fmt: skip


DATA = {
    plain: (X, Y),
    normalised: (X, Y),
    deep: (X, X[:, :40]),
    embedded: (_draw.integers(0, 50, (200, 6)), Y),
}


def trained(make, batch=48):
    """A model after two epochs with a ragged last batch, and all that they have left."""
    model, (x, y) = make(), DATA[make]
    history = model.fit(x, y, batch, epochs=2, verbose=0).history
    slots = [v.value for v in model.optimizer.variables]
    return model, [*map(np.array, history.values()), *model.get_weights(), *slots]


def everything():
    """What training leaves, a test and predictions."""
    model, left = trained(plain)
    tested = model.evaluate(X, Y, 64, verbose=0)
    return [*left, np.array(tested), model.predict(X, 130), np.asarray(model(X))]


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("make", [plain, normalised, deep, embedded], ids=lambda m: m.__name__)
def test_same_bits_for_any_number_of_threads(make, by):
    by(1)
    alone = trained(make)[1]
    for threads in (2, 3, 4):
        by(threads)
        assert same(trained(make)[1], alone)


def test_tests_and_predictions_have_the_same_bits(by):
    by(1)
    alone = everything()
    for threads in (2, 3):
        by(threads)
        assert same(everything(), alone)


def test_a_team_computes_what_one_thread_does(by, monkeypatch):
    """Two compilations may round differently, and that is all."""
    by(2)
    team_of_two = trained(plain)[1]
    monkeypatch.undo()
    with without("teams"):
        alone = trained(plain)[1]
    for ours, theirs in zip(team_of_two, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


def test_a_refused_step_leaves_the_weights_of_the_step_before(by):
    """All threads leave together, and say the same step."""
    x = X.copy()
    x[100] = np.float32(3e38)  # in the third batch of 48
    left = []
    for threads in (1, 3):
        by(threads)
        model = plain()
        with pytest.raises(NonFiniteError, match="batch 3"):
            model.fit(x, Y, 48, shuffle=False, verbose=0)
        left.append(model.get_weights())
        assert model.optimizer.iterations.value == 2
        model.fit(X, Y, 48, verbose=0)  # the helpers are free again
    assert same(*left)


def test_fits_in_several_threads_at_once(by):
    by(2)
    alone, found = trained(plain)[1], {}

    def fit(k):
        found[k] = everything_of(k)

    models = [plain() for _ in range(3)]

    def everything_of(k):
        models[k].fit(X, Y, 48, epochs=30, shuffle=False, verbose=0)
        return models[k].get_weights()

    workers = [threading.Thread(target=fit, args=(k,)) for k in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert sorted(found) == [0, 1, 2]
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    assert same(trained(plain)[1], alone)


def test_starting_and_stopping_many_times(by):
    """Runs of one step each, with other numbers of threads in turn."""
    by(1)
    model = plain()
    for _ in range(300):
        model.train_on_batch(X[:32], Y[:32])
    expected, model = model.get_weights(), plain()
    for k in range(300):
        by(1 + k % 4)
        model.train_on_batch(X[:32], Y[:32])
    assert same(model.get_weights(), expected)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that sends signals")
def test_ctrl_c_at_any_moment(by):
    """Whenever it comes, it is raised, nobody waits for ever, and the next fit works."""
    by(2)
    model = plain()
    model.fit(X, Y, 48, verbose=0)
    raised = 0
    for k in range(20):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.004 + 0.0013 * k)
            previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
            model.fit(X, Y, 48, epochs=2000, verbose=0)
        except KeyboardInterrupt:
            raised += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
    assert raised == 20
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(X, Y, 48, verbose=0)


def test_a_helper_that_fails_ends_the_run():
    """Its place at the barriers stays empty, so the others leave; the exception is the caller's."""

    def entry(words, shared, thread, threads):
        if thread == 1:
            raise ZeroDivisionError("a helper's own")
        while shared[0] < team.BROKEN:
            time.sleep(0.001)
        return -1

    with pytest.raises(ZeroDivisionError, match="a helper's own"):
        team.run(entry, None, (), 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_helpers_of_its_own(by):
    by(2)
    model = plain()
    model.fit(X, Y, 48, verbose=0)
    child = os.fork()
    if child == 0:
        try:
            model.fit(X, Y, 48, verbose=0)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0


# ------------------------------------------------------------------ how many


def test_threads_can_be_set():
    gd.set_threads(3)
    assert gd.threads() == 3
    gd.set_threads(None)
    assert gd.threads() >= 1


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "two", "0"])
def test_a_wrong_number_of_threads_is_refused(wrong):
    before = gd.threads()
    with pytest.raises(ValueError, match="set_threads takes a whole number of threads"):
        gd.set_threads(wrong)
    assert gd.threads() == before


@pytest.mark.parametrize(
    ("given", "found"), [("3", "3"), ("", "cores"), ("many", "GRAPHDL_THREADS")]
)
def test_the_environment_says_how_many(given, found):
    code = (
        "import os, graphdl as gd\n"
        "try: print('cores' if os.environ['GRAPHDL_THREADS'] == '' else gd.threads())\n"
        "except ValueError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"GRAPHDL_THREADS": given},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found in done.stdout


def test_a_small_network_is_left_to_one_thread():
    model = dense(gd.layers.Dense(16, "relu"), gd.layers.Dense(10, "softmax"))
    runner = model._runner("train", model._data("fit", X, Y))
    assert runner.compiled_for(200, 32).executable.program.shares is None


def test_sizes_alone_choose_the_program():
    """So a machine of one core computes the bits of all others."""
    model = dense(gd.layers.Dense(512, "relu"), gd.layers.Dense(10, "softmax"))
    runner = model._runner("train", model._data("fit", X, Y))
    chosen = set()
    for threads in (1, 2, 16):
        gd.set_threads(threads)
        chosen.add(runner.compiled_for(200, 128).executable.program.shares is None)
    assert chosen == {False}


def test_teams_have_a_switch():
    def shares():
        model = dense(gd.layers.Dense(512, "relu"), gd.layers.Dense(10, "softmax"))
        runner = model._runner("train", model._data("fit", X, Y))
        return runner.compiled_for(200, 128).executable.program.shares

    assert shares() is not None
    with without("teams"):
        assert shares() is None
