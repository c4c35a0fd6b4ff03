"""What is done for GPUs alone can be switched off: other kernels, the same results."""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import executable
from codegen.optimisations import KNOWN, without
from tests.cuda.distance import ulps

L = gd.layers
NAMES = ("interchange", "accumulate", "epilogues")
STEPS_APART = 64  # ULP, as in test_training.py


def trained(name, monkeypatch, one_block):
    """What two steps leave of a network with a row's and a column's sums; and the text of a step."""
    monkeypatch.setattr(executable, "fits", lambda program: one_block)
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal((12, 6), dtype=np.float32), draw.integers(0, 4, 12)
    gd.set_seed(3)
    layers = [L.Dense(8, "relu"), L.Dense(8), L.LayerNormalization(), L.Dense(4, "softmax")]
    model = gd.Sequential([L.Input((6,)), *layers])
    with without(*name):
        model.compile("adam", "sparse_categorical_crossentropy", target="cuda")
        model.fit(x, y, batch_size=8, verbose=0)
    (step,) = (r for (kind, *_), r in model._runners.items() if kind == "train")
    return model.get_weights(), step.compiled.executable.emitted


@pytest.mark.parametrize("one_block", [False, True], ids=["launches", "one block"])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_the_same_without_it(name, one_block, monkeypatch):
    ours, emitted = trained((), monkeypatch, one_block)
    theirs, other = trained((name,), monkeypatch, one_block)
    assert emitted.source != other.source
    for a, b in zip(theirs, ours, strict=True):
        assert ulps(a, b, "float32") <= (STEPS_APART if KNOWN[name].differs else 0)


def test_launches_are_few(monkeypatch):
    """Each costs a microsecond, whatever it does."""
    _, emitted = trained((), monkeypatch, False)
    _, plain = trained(("fuse", "epilogues"), monkeypatch, False)
    assert 3 * len(emitted.calls) < len(plain.calls)
