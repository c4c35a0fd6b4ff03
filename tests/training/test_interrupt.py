"""Ctrl-C during a long fit: KeyboardInterrupt soon, the weights those of a step's end."""

import signal
import time

import numpy as np
import pytest

import graphdl as gd
from codegen.random import permutation
from graphdl.training.shuffle import SHUFFLE_STREAM
from tests.training.nets import compiled, dense, same

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no timer that sends signals"
)

SEED, BATCH = 5, 32
_draw = np.random.default_rng(2)
X = _draw.normal(size=(1000, 48)).astype(np.float32)
Y = np.tanh(X[:, :8])
STEPS = -(-len(X) // BATCH)


def model():
    gd.set_seed(SEED)
    return compiled(dense(64, 64, 8, inputs=48), "mse", "adam", "cpu")


@pytest.fixture(scope="module", autouse=True)
def compiled_before():
    """The programs, so that no compiler is at work when a signal comes."""
    first = model()
    first.fit(X, Y, BATCH, epochs=60, verbose=0)
    first.evaluate(X, Y, verbose=0)
    first.predict(X)


@pytest.fixture
def ctrl_c():
    """A callback: Ctrl-C is pressed so many seconds after training has begun."""
    previous = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    press = lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)  # noqa: E731
    yield lambda seconds: gd.callbacks.LambdaCallback(on_train_begin=lambda _: press(seconds))
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def after(steps):
    """The model after so many steps, the epoch that was not finished taken batch by batch."""
    twin = model()
    whole, rest = divmod(steps, STEPS)
    twin.fit(X, Y, BATCH, epochs=whole, verbose=0)
    order = permutation(SEED, SHUFFLE_STREAM, whole * STEPS, len(X))
    for first in range(0, rest * BATCH, BATCH):
        rows = order[first : first + BATCH]
        twin.train_on_batch(X[rows], Y[rows])
    return twin


def state(model):
    return [*model.get_weights(), *(v.value for v in model.optimizer.variables)]


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.23])
def test_fit_stops_at_the_end_of_a_step(ctrl_c, seconds):
    stopped = model()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, Y, BATCH, epochs=10**6, verbose=0, callbacks=ctrl_c(seconds))
    assert time.perf_counter() - begin < seconds + 10  # soon, even on a machine under load
    steps = int(stopped.optimizer.iterations.value)
    assert 0 < steps < 10**6 * STEPS
    twin = after(steps)
    assert same(state(stopped), state(twin))
    for model_ in (stopped, twin):  # usable, and as if nothing had happened
        gd.set_seed(SEED)
        model_.fit(X, Y, BATCH, epochs=2, verbose=0)
    assert same(state(stopped), state(twin))


def test_epochs_of_one_step_can_be_stopped(ctrl_c):
    stopped = model()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X[:4], Y[:4], epochs=10**7, verbose=0, callbacks=ctrl_c(0.05))
    assert np.isfinite(stopped.predict(X)).all()


def test_evaluation_and_prediction_can_be_stopped(ctrl_c):
    stopped = model()
    x, y = np.tile(X, (50, 1)), np.tile(Y, (50, 1))
    weights = stopped.get_weights()
    for job in (lambda: stopped.evaluate(x, y, 1, verbose=0), lambda: stopped.predict(x, 1)):
        job()  # its program is made
        ctrl_c(0.05).on_train_begin({})
        with pytest.raises(KeyboardInterrupt):
            while True:
                job()
        assert same(stopped.get_weights(), weights)
    assert stopped.fit(X, Y, BATCH, verbose=0).epoch == [0]
