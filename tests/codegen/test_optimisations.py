"""Every optimisation can be switched off by its name: it then is off, and the results are the same."""

import functools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import graphdl as gd
from codegen.optimisations import KNOWN, named, on, without
from codegen.passes import PASSES
from graphdl.training import chunks, runner, shuffle
from tests.codegen.programs import train
from tests.codegen.turns import teams_in_turns
from tests.training.nets import same

L = gd.layers
RUNNING = (  # same text
    "rolled", "reuse", "places", "direct", "chunks", "epochs", "shuffle", "prefetch", "teams",
    "branches",
)  # fmt: skip
COMPILED = (
    "views", "thin", "fuse", "tiles", "functions", "copies", "straight", "rolled", "inplace",
)  # fmt: skip


def data(columns, classes):
    draw = np.random.default_rng(0)
    return draw.standard_normal((20, columns), dtype=np.float32), draw.integers(0, classes, 20)


def lecture():
    """The network of the lecture; its loss is merged with the sigmoid."""
    layers = [L.Input(shape=(30,)), L.Dense(16, activation="relu"), L.Dense(1, "sigmoid")]
    return layers, "binary_crossentropy", gd.optimizers.Adam(0.01), *data(30, 2)


def digits():
    """Ten classes, and equal layers before them."""
    layers = [L.Input(shape=(8,)), *(L.Dense(8, activation="tanh") for _ in range(5))]
    layers.append(L.Dense(10, activation="softmax"))
    optimizer = gd.optimizers.SGD(0.1, momentum=0.9)
    return layers, "sparse_categorical_crossentropy", optimizer, *data(8, 10)


def mixed():
    """Dropout, layer normalisation, tanh; gradients clipped by their norm."""
    layers = [L.Input(shape=(7,))]
    for _ in range(2):
        layers += [L.Dense(9, activation="tanh"), L.LayerNormalization(), L.Dropout(0.3)]
    optimizer = gd.optimizers.Adam(0.01, global_clipnorm=0.5)
    layers.append(L.Dense(5, activation="softmax"))
    return layers, "sparse_categorical_crossentropy", optimizer, *data(7, 5)


def funnel():
    """Layers of other sizes."""
    layers = [L.Input(shape=(6,)), *(L.Dense(n, activation="relu") for n in (72, 64, 56, 48, 40))]
    return [*layers, L.Dense(1)], "mse", gd.optimizers.Adam(0.01), *data(6, 2)


NETS = (lecture, digits, mixed, funnel)


@functools.cache
def trained(net, off="", target="python"):
    """What two epochs leave behind, the last batch of each ragged; and the text of the step."""
    gd.set_seed(1)
    with without(*filter(None, [off])):
        layers, loss, optimizer, x, y = net()
        model = gd.Sequential(layers)
        model.compile(optimizer, loss, metrics=["accuracy"], target=target)
        history = model.fit(x, y, 8, epochs=2, verbose=0).history
        predicted = model.predict(x)
    state = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    (step,) = (r for (kind, *_), r in model._runners.items() if kind == "train")
    return [*map(np.array, history.values()), predicted, *state], step.compiled.executable.source


def close(ours, theirs, tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, tolerance, tolerance * max(1, np.abs(b).max()))


@pytest.mark.parametrize("net", NETS, ids=lambda n: n.__name__)
@pytest.mark.parametrize("name", KNOWN)
def test_results_are_the_same_without_it(name, net):
    """To the bit, unless the list says how they differ: six steps then do by some roundings."""
    ours, theirs = trained(net)[0], trained(net, name)[0]
    if KNOWN[name].differs:
        close(theirs, ours, 2e-5)
    else:
        assert same(theirs, ours)


@pytest.mark.parametrize("name", [n for n in KNOWN if n not in RUNNING])
def test_programs_are_other_ones_without_it(name):
    assert any(trained(net)[1] != trained(net, name)[1] for net in NETS)


@pytest.mark.parametrize("name", RUNNING)
def test_programs_are_the_same_without_it(name):
    assert trained(mixed)[1] == trained(mixed, name)[1]


@pytest.mark.parametrize("name", COMPILED)
def test_machine_code_computes_the_same_without_it(name):
    """Here every switch may change the order in which a loop adds up, and what is rounded once."""
    close(trained(lecture, name, "cpu")[0], trained(lecture, target="cpu")[0], 2e-5)


@pytest.mark.parametrize("name", ["registers", "fuse", "contract", "pack", "repeat"])
def test_a_team_has_the_bits_of_one_thread_without_it(name, monkeypatch):
    with without(name):
        alone = train(4, "clipped", 0.0, "python")
        with teams_in_turns(monkeypatch, 3, backwards=True):
            assert same(train(4, "clipped", 0.0, "python"), alone)


# ------------------------------------------------------------------ those that change no text


def small(target="python"):
    layers = [L.Input(shape=(3,)), L.Dense(4, "relu"), L.Dense(4, "relu"), L.Dense(1)]
    model = gd.Sequential(layers)
    model.compile("sgd", "mse", target=target)
    return model


X = np.random.default_rng(0).standard_normal((24, 3), dtype=np.float32)
Y = X.sum(1, keepdims=True)


def test_temps_without_reuse_have_places_of_their_own():
    f = gd.function([a := gd.tensor("a", ("n", 5))], gd.softmax(gd.softmax(a) @ gd.transpose(a)),
                    target="python")  # fmt: skip
    shared = f._executable.plan({"n": 9})
    with without("reuse"):
        apart = f._executable.plan({"n": 9})
    assert shared.size < apart.size == apart.unshared == shared.unshared


def test_nothing_is_kept_between_calls_without_places():
    model = small()
    with without("places"):
        model.train_on_batch(X, Y)
        (step,) = model._runners.values()
        assert step._kept is None
    model.train_on_batch(X, Y)
    assert step._kept is not None


def test_a_prepared_function_without_addresses_places_arrays():
    a = gd.tensor("a", ("n", 3))
    f = gd.function([a], gd.relu(a))
    with without("direct"):
        slow = f.prepared(X)
    fast = f.prepared(X)
    assert hasattr(fast, "prepared") and not hasattr(slow, "prepared")
    np.testing.assert_array_equal(fast(X), slow(X))


@pytest.mark.parametrize("off, calls", [((), 2), (("chunks",), 6)])
def test_steps_in_one_call(monkeypatch, off, calls):
    made, run = [], runner.Session.run
    monkeypatch.setattr(runner.Session, "run", lambda *a: made.append(a) or run(*a))
    with without(*off):
        small().fit(X, Y, 4, verbose=0)
    assert len(made) == calls


def test_orders_are_shuffled_without_machine_code(monkeypatch):
    order = np.arange(shuffle.WORTH_COMPILING + 1)
    monkeypatch.setattr(shuffle, "_shuffler", lambda: lambda order, *_: order.fill(-1))
    shuffle.shuffle(order, 1, 2)
    assert order[0] == -1
    with without("shuffle"):
        shuffle.shuffle(order, 1, 2)
    assert sorted(order) == list(range(order.size))


def test_chunks_are_filled_in_turn_without_prefetch(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 5 * 16)
    np.save(tmp_path / "x.npy", X)
    mapped, readers = np.load(tmp_path / "x.npy", mmap_mode="r"), []
    monkeypatch.setattr(threading.Thread, "start", _noted(readers))
    weights = []
    for off in ((), ("prefetch",)):
        gd.set_seed(2)
        with without(*off):
            model = small()
            model.fit(mapped, Y, 5, epochs=2, verbose=0)
        weights.append(model.get_weights())
        assert bool(readers) is not bool(off)
        readers.clear()
    assert same(*weights)


def _noted(readers, start=threading.Thread.start):
    def noted(thread):
        if thread.name == "data":
            readers.append(thread)
        start(thread)

    return noted


# ------------------------------------------------------------------ names


def test_every_pass_has_a_switch():
    assert PASSES.keys() <= KNOWN.keys()


def test_names_hold_within_their_context():
    with without("fuse"), without("hoist"):
        assert not on("fuse") and not on("hoist") and on("pack")
    assert on("fuse") and on("hoist")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"'fus'; there are algebra, .*, fuse, "):
        named(["fuse", "fus"])
    with pytest.raises(ValueError, match="'everything'"), without("everything"):
        pass


@pytest.mark.parametrize("text, expected", [("fuse, pack,", ""), ("fuse,Pack", "GRAPHDL_OFF: no")])
def test_the_environment_names_them(text, expected):
    code = "from codegen.optimisations import on; assert not on('fuse') and not on('pack')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "GRAPHDL_OFF": text},
        capture_output=True, text=True,
    )  # fmt: skip
    assert expected in done.stderr and bool(done.returncode) is bool(expected)
