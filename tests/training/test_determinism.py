"""Same seed, same bits: in another process, with other threads, after stopping and going on."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.training import runner
from tests.training.nets import LABEL, SUM, X, classifier, compiled, dense, same

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import hashlib, numpy as np, graphdl as gd
gd.set_seed(7)
draw = np.random.default_rng(1)
x = draw.normal(size=(200, 48)).astype("f4")
model = gd.Sequential([
    gd.layers.Input(shape=(48,)), gd.layers.Dense(96, "tanh"), gd.layers.Dense(96)])
model.compile("adam", "mse")
model.fit(x, np.tile(x, 2), 64, epochs=2, verbose=0)
state = [*model.get_weights(), model.predict(x)]
print(hashlib.sha256(b"".join(a.tobytes() for a in state)).hexdigest())
"""


def run(threads):
    """The hash that the program prints in a process of its own."""
    environment = os.environ | {f"{p}_NUM_THREADS": threads for p in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=300, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def trained(epochs=4, target="python", **options):
    """Weights, optimizer state and losses after a seeded run."""
    gd.set_seed(3)
    model = classifier(target)
    history = model.fit(X, LABEL, 16, epochs, verbose=0, **options).history
    return state(model), history["loss"]


def state(model):
    return [*model.get_weights(), *(v.value for v in model.optimizer.variables)]


def test_twice_in_one_process():
    (one, losses), (other, losses_again) = trained(), trained()
    assert same(one, other)
    assert losses == losses_again


def test_another_seed_gives_another_run():
    one, _ = trained()
    gd.set_seed(4)
    model = classifier()
    model.fit(X, LABEL, 16, 4, verbose=0)
    assert not same(one, state(model))


def test_processes_and_threads():
    hashes = [run("1"), run("1"), run("2")]
    assert len(hashes[0]) == hashlib.sha256().digest_size * 2
    assert len(set(hashes)) == 1


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_stopping_and_going_on(target, optimizer):
    make = {"adam": gd.optimizers.Adam, "momentum": lambda: gd.optimizers.SGD(0.01, 0.9)}[optimizer]

    def model():
        gd.set_seed(3)
        return compiled(dense(4, 1), "mse", make(), target)

    straight, stopped = model(), model()
    losses = straight.fit(X, SUM, 16, epochs=4, verbose=0).history["loss"]
    first = stopped.fit(X, SUM, 16, epochs=2, verbose=0).history["loss"]
    then = stopped.fit(X, SUM, 16, epochs=4, initial_epoch=2, verbose=0).history["loss"]
    assert first + then == losses
    assert same(state(straight), state(stopped))


def test_going_on_in_another_model_with_the_state_of_the_first():
    gd.set_seed(3)
    straight, first, second = (classifier() for _ in range(3))
    for model in (first, second):
        model.set_weights(straight.get_weights())
    straight.fit(X, LABEL, 16, epochs=4, verbose=0)
    first.fit(X, LABEL, 16, epochs=2, verbose=0)
    second.train_on_batch(X[:1], LABEL[:1])  # its optimizer now has its slots
    second.set_weights(first.get_weights())
    for ours, theirs in zip(second.optimizer.variables, first.optimizer.variables, strict=True):
        ours.assign(theirs.value)
    second.fit(X, LABEL, 16, epochs=4, initial_epoch=2, verbose=0)
    assert same(state(straight), state(second))


@pytest.mark.parametrize("seconds", [0.0, 1e-4, 10.0])
def test_pieces_of_an_epoch_do_not_matter(monkeypatch, seconds):
    expected, losses = trained(target="cpu")
    monkeypatch.setattr(runner, "CHUNK_SECONDS", seconds)
    got, losses_again = trained(target="cpu")
    assert same(expected, got)
    assert losses == losses_again


def test_batch_hooks_do_not_matter():
    hook = gd.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    assert same(trained(target="cpu")[0], trained(target="cpu", callbacks=[hook])[0])


def test_numpys_global_state_is_left_alone():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    trained()
    assert np.random.random() == expected
