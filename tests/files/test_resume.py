"""Stop, save, go on in another process: the same bits as if training had never stopped."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.types import floatx, set_floatx
from tests.files.nets import X, Y, digest, same, small

ROOT = Path(__file__).resolve().parents[2]

GO_ON = """
import sys
import graphdl as gd
from tests.files.nets import X, Y, digest
model = gd.load_model(sys.argv[1])
model.fit(X, Y, 8, epochs=5, initial_epoch=2, verbose=0, shuffle=True)
print(digest(model))
"""


def go_on(path, seed="0"):
    """What another process makes of the file."""
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, str(path)], cwd=ROOT, capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_another_process_goes_on_bit_for_bit(target, tmp_path):
    model = small("adam", target)
    model.fit(X, Y, 8, epochs=2, verbose=0)
    model.save(tmp_path / "m")
    model.fit(X, Y, 8, epochs=5, initial_epoch=2, verbose=0)
    assert go_on(tmp_path / "m") == digest(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", sorted(gd.optimizers.KNOWN))
def test_every_optimizer_goes_on_bit_for_bit(optimizer, dtype, tmp_path):
    before = floatx()
    set_floatx(dtype)
    try:
        model = small(optimizer)
    finally:
        set_floatx(before)
    model.fit(X, Y, 8, epochs=1, verbose=0)
    for x, y in ((X[:5], Y[:5]), (X[5:7], Y[5:7])):  # in the middle of an epoch
        model.train_on_batch(x, y)
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m")
    for m in (model, loaded):
        m.fit(X, Y, 8, epochs=4, initial_epoch=1, verbose=0)
    assert same(model, loaded) and model.weights[0].dtype == dtype
    ours, theirs = model.optimizer.variables, loaded.optimizer.variables
    assert [v.dtype for v in ours] == [v.dtype for v in theirs]
    assert all(a.value.tobytes() == b.value.tobytes() for a, b in zip(ours, theirs, strict=True))


SETTINGS = [
    {"learning_rate": 0.3, "momentum": 0.9}, {"learning_rate": 0.3, "momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.01}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01},
    {"use_ema": True, "ema_overwrite_frequency": 3}, {"gradient_accumulation_steps": 3},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(s))
def test_settings_of_the_optimizer_go_on(settings, tmp_path):
    try:
        optimizer = gd.optimizers.SGD(**settings)
    except TypeError:
        pytest.skip("there is no such setting")
    model = small(optimizer)
    model.fit(X, Y, 8, epochs=1, verbose=0)
    model.optimizer.learning_rate = 0.0123
    model.save(tmp_path / "m")
    loaded = gd.load_model(tmp_path / "m")
    for m in (model, loaded):
        m.fit(X, Y, 8, epochs=3, initial_epoch=1, verbose=0)
    assert same(model, loaded)
    assert loaded.optimizer.learning_rate.value == np.float32(0.0123)


def test_a_seed_that_is_set_after_loading_counts(tmp_path):
    gd.set_seed(1)
    model = small()
    model.save(tmp_path / "m")
    results = []
    for seed in (2, 2, 3, None):
        loaded = gd.load_model(tmp_path / "m")
        if seed is not None:
            gd.set_seed(seed)
        loaded.fit(X, Y, 8, epochs=2, verbose=0)
        results.append(loaded)
    gd.set_seed(1)
    model.fit(X, Y, 8, epochs=2, verbose=0)
    assert same(results[0], results[1]) and not same(results[1], results[2])
    assert same(results[3], model)


def test_two_models_keep_their_own_seeds(tmp_path):
    ends = []
    for seed in (1, 2):
        gd.set_seed(seed)
        model = small()
        model.save(tmp_path / str(seed))
        model.fit(X, Y, 8, verbose=0)
        ends.append(model)
    loaded = [gd.load_model(tmp_path / str(seed)) for seed in (1, 2)]
    for model in loaded:
        model.fit(X, Y, 8, verbose=0)
    assert same(ends[0], loaded[0]) and same(ends[1], loaded[1])


def test_saving_changes_nothing(tmp_path):
    gd.set_seed(5)
    quiet = small()
    quiet.fit(X, Y, 8, epochs=3, verbose=0)
    gd.set_seed(5)
    saved = small()
    for epoch in range(3):
        saved.fit(X, Y, 8, epochs=epoch + 1, initial_epoch=epoch, verbose=0)
        saved.save(tmp_path / "m")
    assert same(quiet, saved)
