"""Training in the JavaScript dialect: whole steps equal those of the un-jitted Python module."""

from __future__ import annotations

import numpy as np
import pytest

import graphdl as gd
from codegen import ir
from codegen.javascript import javascript
from codegen.passes import optimise
from tests.codegen.programs import FUNCTIONS

PIPELINES = {
    "lowered": (),
    "readable": ("flatten", "fuse", "contract", "hoist"),  # no packs, no repeats
    "all": ("flatten", "fuse", "contract", "pack", "hoist", "repeat", "resize"),
}
ROWS = np.random.default_rng(0).normal(size=(41, 3))
CLASSES = np.digitize(ROWS.sum(axis=1), [-1.0, 1.0])
WORDS = np.random.default_rng(1).integers(0, 6, (41, 2))


@pytest.fixture(scope="module", autouse=True)
def doubles():
    before = gd.floatx()
    gd.set_floatx("float64")
    yield
    gd.set_floatx(before)


# ------------------------------------------------------------------ networks

L = gd.layers


def mixed():
    """Three activations, dropout, a penalty, Adam."""
    layers = [
        L.Input(shape=(3,)), L.Dense(8, "relu", kernel_regularizer=gd.regularizers.L2(0.01)),
        L.Dropout(0.3), L.Dense(5, "gelu"), L.Dropout(0.2, seed=7), L.Dense(3, "softmax"),
    ]  # fmt: skip
    return gd.Sequential(layers), "sparse_categorical_crossentropy", gd.optimizers.Adam(0.02), ROWS


def normalised():
    """Batch normalisation with its running means; noise; momentum and clipped gradients."""
    layers = [
        L.Input(shape=(3,)), L.Dense(6), L.BatchNormalization(), L.Activation("tanh"),
        L.GaussianNoise(0.1), L.Dense(3),
    ]  # fmt: skip
    loss = gd.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = gd.optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=0.5)
    return gd.Sequential(layers), loss, optimizer, ROWS


def embedded():
    """Rows looked up, and their gradients added where they came from; a decaying rate."""
    layers = [
        L.Input(shape=(2,), dtype="int64"), L.Embedding(6, 4), L.Flatten(), L.Dense(3, "softmax"),
    ]  # fmt: skip
    rate = gd.schedules.ExponentialDecay(0.1, 5, 0.9)
    return gd.Sequential(layers), "sparse_categorical_crossentropy", gd.optimizers.Adam(rate), WORDS


def deep():
    """Ten equal layers, which become repeats."""
    layers = [L.Input(shape=(3,)), *(L.Dense(4, "tanh") for _ in range(11)), L.Dense(3, "softmax")]
    return gd.Sequential(layers), "sparse_categorical_crossentropy", gd.optimizers.Adam(0.01), ROWS


NETWORKS = {f.__name__: f for f in (mixed, normalised, embedded, deep)}
SEED, TIME, BATCH = 5, 3, 2  # 41 rows: twenty whole batches and a ragged one


class Training:
    """A network's step, its variables as they start, and where Python takes them."""

    def __init__(self, make, rows=None):
        gd.set_seed(1)
        model, loss, optimizer, x = make()
        x = x if rows is None else rows
        model.compile(optimizer, loss, target="python", metrics=["accuracy"])
        self.data = model._data("fit", x, CLASSES[: len(x)])
        runner = model._runner("train", self.data)
        self.lowered = runner.compiled.lowered
        self.start = {b: v.value.copy() for v, b in self.lowered.variables}
        session = runner.open(self.data, BATCH)
        self.steps = session.steps
        session.order[:] = np.random.default_rng(2).permutation(len(x))
        self.order = session.order.copy()
        self.status = session.run(0, session.steps, SEED, TIME)
        self.end = {b: v.value.copy() for v, b in self.lowered.variables}

    def in_javascript(self, node, passes, last=None, **options):
        """The status of each call and the variables after the steps, in one call or in two."""
        program = optimise(self.lowered.program, passes)
        arrays = dict(
            zip(
                (b for _, b in self.lowered.inputs),
                (*self.data.inputs, self.data.target),
                strict=True,
            )
        )
        arrays = {
            b.name: a for b, a in (arrays | dict(self.lowered.constants) | self.start).items()
        }
        numbers = dict(zip((v.name for v in program.scalars), self.lowered.scalars, strict=True))
        call = {"seed": SEED, "step": TIME, "batch": BATCH}
        calls = [call] if last is None else [call | {"last": last}, call | {"first": last}]
        status, found = node.run(
            javascript(program, **options), {**arrays, "order": self.order},
            {"total": len(self.order)}, numbers, calls,
        )  # fmt: skip
        return program, status, {b: found[b.name].reshape(a.shape) for b, a in self.start.items()}


@pytest.fixture(scope="module", params=list(NETWORKS))
def training(request):
    return Training(NETWORKS[request.param])


def agree(found, expected):
    for b, value in expected.items():
        np.testing.assert_allclose(found[b], value, rtol=1e-9, atol=1e-12, err_msg=b.name)


@pytest.mark.parametrize("passes", list(PIPELINES))
def test_an_epoch_of_steps(node, training, passes):
    assert training.status == 0 and training.steps == 21
    assert any((training.start[b] != training.end[b]).any() for b in training.start)
    _, status, found = training.in_javascript(node, PIPELINES[passes])
    assert status == [0]
    agree(found, training.end)


def test_steps_go_on_where_the_last_call_stopped(node, training):
    _, status, found = training.in_javascript(node, PIPELINES["all"], last=8, registers=False)
    assert status == [0, 0]
    agree(found, training.end)


def test_equal_layers_are_a_loop_over_their_arrays(node):
    made = Training(deep)
    program, _, found = made.in_javascript(node, PIPELINES["all"])
    assert any(isinstance(i, ir.Repeat) and len(i.table) >= 9 for i in program.items)
    assert any(p.whole.role == "variable" for p in program.packs)
    agree(found, made.end)


@pytest.mark.parametrize("passes", list(PIPELINES))
def test_a_guard_stops_before_the_update(node, passes):
    """The value that is not finite comes in the third step: two are made, and no more."""
    rows = ROWS.copy()
    bad = np.random.default_rng(2).permutation(len(rows))[2 * BATCH]
    rows[bad] = 1e308  # what is added up of it is infinite
    made = Training(mixed, rows)
    assert made.status == 3
    _, status, found = made.in_javascript(node, PIPELINES[passes])
    assert status == [3]
    agree(found, made.end)


# ------------------------------------------------------------------ graphs


@pytest.mark.parametrize("case", FUNCTIONS, ids=lambda case: case.name)
@pytest.mark.parametrize("passes", list(PIPELINES))
def test_graphs_of_the_whole_vocabulary(node, case, passes):
    """Random graphs, attention, an embedding and more, called a few times, with their updates."""
    function, calls, start = case.built
    lowered, sizes = function._lowered, {}
    program = optimise(lowered.program, PIPELINES[passes])
    source = javascript(program)
    numbers = dict(zip((v.name for v in program.scalars), lowered.scalars, strict=True))
    held = dict(lowered.constants)
    held |= dict(zip((b for _, b in lowered.variables), start, strict=True))
    held = {b.name: a for b, a in held.items()}
    results = []
    for call in calls:
        given = dict(zip((b.name for _, b in lowered.inputs), call, strict=True))
        sizes = function._sizes(call)
        status, held = node.run(source, {**held, **given}, sizes, numbers)
        assert status == [0]
        results += [held[b.name] for b in lowered.outputs]
    results += [held[b.name] for _, b in lowered.variables]
    for found, expected in zip(results, case.with_passes(()), strict=True):
        size = 1e-10 * max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(found, expected.ravel(), rtol=1e-10, atol=size)
