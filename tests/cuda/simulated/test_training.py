"""Training steps as kernels against the un-jitted CPU module: optimizers, dropout, guards, repeats.

Sums of float32 are added up in float64, products are not: so numbers differ by the order in which a
product of at most eight terms is added up, and by what four steps make of that.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import graphdl as gd
from codegen import ir
from codegen.cuda import executable, kernels, simulated, tiles
from codegen.cuda.function import Functions
from codegen.optimisations import without
from tests.cuda.collected import OPTIMIZERS, data, deep, network, normalised, trained
from tests.cuda.distance import ulps

L = gd.layers
STEPS_APART = 64  # ULP of float32 at the largest element of each tensor, after four steps


def close(ours, theirs, bound=STEPS_APART):
    for a, b in zip(ours, theirs, strict=True):
        assert ulps(a, b, "float32") <= bound


@pytest.fixture(params=["one block", "launches"])
def way(request, monkeypatch):
    """A small step is a launch for all steps, or one for each of its kernels."""
    if request.param == "launches":
        monkeypatch.setattr(executable, "fits", lambda program: False)


@pytest.fixture
def by_launches(monkeypatch):
    monkeypatch.setattr(executable, "fits", lambda program: False)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_four_steps_of_an_optimizer(name):
    close(trained("cuda", OPTIMIZERS[name]), trained("python", OPTIMIZERS[name]))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "rmsprop", "clipped"])
def test_four_steps_by_launches(name, by_launches):
    close(trained("cuda", OPTIMIZERS[name]), trained("python", OPTIMIZERS[name]))


def test_two_runs_are_the_same_bits(way):
    for a, b in zip(trained("cuda", "adam"), trained("cuda", "adam"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_launches_that_do_not_wait_for_all_before_them_give_the_same_bits(by_launches):
    """The simulator takes another order than that of the program, as far as edges let it."""
    branches = trained("cuda", "adam")
    with without("branches"):
        in_a_row = trained("cuda", "adam")
    for a, b in zip(branches, in_a_row, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_kernel_that_hides_what_it_writes_is_found_out(by_launches, monkeypatch):
    told = trained("cuda", "sgd", epochs=1)
    make = Functions.make
    monkeypatch.setattr(
        Functions, "make", lambda *a, **k: replace(make(*a, **k), writes=frozenset())
    )
    hidden = trained("cuda", "sgd", epochs=1)
    assert not all(map(np.array_equal, told, hidden))


def test_temps_lie_apart_where_they_are_small(by_launches):
    """Launches would wait for one another where two temps share a place."""
    step = step_of(deep())
    few, many = ({v.name: n for v in step.program.sizes} for n in (4, 1 << 20))
    assert step.plan(few).size == step.plan(few).unshared
    assert step.plan(many).size < step.plan(many).unshared
    with without("branches"):
        assert step.plan(few).size < step.plan(few).unshared


def test_any_number_of_blocks_gives_the_same_bits(by_launches, monkeypatch):
    two = trained("cuda", "adam")
    monkeypatch.setattr(simulated, "BLOCKS", 5)
    for a, b in zip(two, trained("cuda", "adam"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_any_number_of_threads_gives_the_same_up_to_order(way, monkeypatch):
    four = trained("cuda", "adam")
    shape = kernels.Shape(8, (tiles.Tile(8, 4, 2, 2, 2, 1),))
    monkeypatch.setattr(simulated, "SIMULATOR", shape)
    close(trained("cuda", "adam"), four)


@pytest.mark.parametrize("layers", [deep, normalised], ids=lambda f: f.__name__)
def test_other_networks(layers, way):
    close(trained("cuda", "adam", layers), trained("python", "adam", layers))


def test_a_small_step_is_one_launch_for_all_steps():
    emitted = step_of(network()).emitted
    assert emitted.once and len(emitted.calls) == 1


def test_a_large_step_is_launches():
    wide = [L.Input((6,)), L.Dense(512, activation="relu"), L.Dense(512), L.Dense(1, "sigmoid")]
    assert not step_of(wide).emitted.once


def step_of(layers):
    """The training step of a network, emitted and not run."""
    x, y = data()
    model = gd.Sequential(layers)
    model.compile("adam", "binary_crossentropy", target="cuda")
    runner = model._runner("train", model._data("fit", x, y))
    return runner.compiled.executable


def test_items_of_one_block_are_waited_for():
    """Temps of two items may share memory, which no analysis of their names sees."""
    x = gd.tensor("x", (4, 3))
    emitted = gd.function([x], gd.logsumexp(x), target="cuda")._executable.emitted
    (kernel,) = emitted.kernels
    text = "\n".join(kernel.lines)
    notes = [k for k, line in enumerate(kernel.lines) if line.startswith("        # t")]
    assert len(notes) > 3 and text.count("cuda.syncthreads()") >= 4


def test_a_repeat_is_one_kernel_a_item_and_a_launch_a_row():
    x = gd.tensor("x", ("n", 5))
    weights = [gd.Variable(np.full((5, 5), 0.1 + k / 10, np.float32)) for k in range(6)]
    h = x
    for w in weights:
        h = gd.tanh(h @ w)
    f, g = (gd.function([x], h, target=t) for t in ("cuda", "python"))
    (repeat,) = (i for i in f.program.items if isinstance(i, ir.Repeat))
    emitted = f._executable.emitted
    inside = {b for call in emitted.calls for b in call.buffers if b.role == "variable"}
    assert {b for row in repeat.table for b in row if b.role == "variable"} <= inside
    assert len(emitted.kernels) < len(emitted.calls)
    values = np.random.default_rng(0).standard_normal((3, 5), dtype=np.float32)
    close([f(values)], [g(values)])


@pytest.mark.parametrize("depth", [5, 9])
def test_a_repeat_in_one_block_is_written_once(depth):
    """Whatever the depth: one tanh for all layers of the repeat, one for the layer after it."""
    emitted = step_of(deep(depth)).emitted
    text = "\n".join(emitted.kernels[0].lines)
    assert emitted.once and len(emitted.calls) == 1
    assert text.count(f"in range({depth - 1}):") == 2  # forward and backward
    assert text.count("tanh32(") == 2  # of the repeat, and of the last layer


def narrower():
    """Layers that grow narrower: a repeat with sizes of its own."""
    hidden = [L.Dense(units, activation="tanh") for units in (39, 37, 35, 33)]
    return [L.Input((41,)), *hidden, L.Dense(1, activation="sigmoid")]


def test_a_repeat_with_sizes_of_its_own_in_one_block():
    x = np.random.default_rng(0).standard_normal((3, 41), dtype=np.float32)
    said = []
    for target in ("cuda", "python"):
        gd.set_seed(3)
        model = gd.Sequential(narrower())
        model.compile("sgd", "binary_crossentropy", target=target)
        said.append(model.predict(x, batch_size=2))
        (runner,) = model._runners.values()
        program = runner.compiled.executable.program
        assert any(isinstance(i, ir.Repeat) and i.sizes for i in program.items)
        assert target == "python" or runner.compiled.executable.emitted.once
    close(said[:1], said[1:])


@pytest.mark.parametrize("name", ["branches", "epilogues"])
def test_repeats_in_one_block_without(name):
    """Temps share places; products have no epilogue."""
    ours = trained("cuda", "adam", deep, epochs=1)
    with without(name):
        theirs = trained("cuda", "adam", deep, epochs=1)
    close(theirs, ours)


def test_a_repeat_over_layers_of_other_sizes():
    x = gd.tensor("x", ("n", 40))
    draw, h, sizes = np.random.default_rng(0), x, (40, 38, 36, 34, 32)
    for a, b in itertools.pairwise(sizes):
        h = gd.relu(h @ gd.Variable(draw.standard_normal((a, b), dtype=np.float32) / 6))
    f, g = (gd.function([x], h, target=t) for t in ("cuda", "python"))
    assert any(isinstance(i, ir.Repeat) and i.sizes for i in f.program.items)
    values = draw.standard_normal((2, 40), dtype=np.float32)
    close([f(values)], [g(values)])


def test_a_guard_stops_before_anything_of_a_step_has_changed(way):
    x, y = data()
    x[9] = 3e38  # in the second batch, whose products overflow
    seen = []
    for rows, target in ((7, "cuda"), (14, "cuda"), (14, "python")):
        gd.set_seed(3)
        model = gd.Sequential(network())
        model.compile("adam", "binary_crossentropy", target=target)
        if rows == 7:
            model.fit(x[:7], y[:7], epochs=1, batch_size=7, shuffle=False, verbose=0)
        else:
            with pytest.raises(gd.errors.NonFiniteError) as refused:
                model.fit(x, y, epochs=1, batch_size=7, shuffle=False, verbose=0)
        seen.append([*model.get_weights(), *(v.value for v in model.optimizer.variables)])
    assert "batch 2 of epoch 1" in str(refused.value) and "first in row 9" in str(refused.value)
    close(*seen[:2], 0)
    close(*seen[1:])


def test_a_refused_update_leaves_every_variable():
    x = gd.tensor("x", ("n",))
    w, v = gd.Variable(np.ones(3), name="w"), gd.Variable(np.zeros(()), name="v")
    f = gd.function([x], gd.sum(x), {w: w + gd.sum(x), v: v + 1.0}, target="cuda")
    with pytest.raises(gd.errors.NonFiniteError, match="no variable was changed"):
        f(np.array([1.0, np.inf]))
    assert v.value == 0 and (w.value == 1).all()
    assert f(np.array([1.0, 2.0])) == 3 and v.value == 1 and (w.value == 4).all()


def test_a_prepared_function():
    x = gd.tensor("x", ("n", 4))
    f = gd.function([x], gd.softmax(x), target="cuda")
    values = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)
    ready = f.prepared(values)
    np.testing.assert_array_equal(ready(values), f(values))


def test_an_empty_batch_gives_an_empty_result():
    x = gd.tensor("x", ("n", 4))
    f = gd.function([x], [gd.exp(x), gd.sum(x)], target="cuda")
    rows, total = f(np.zeros((0, 4), np.float32))
    assert rows.shape == (0, 4) and total == 0
