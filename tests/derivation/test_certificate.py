"""The certificate passes on all that is right: activations, losses, layers, small and large."""

import json
import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl import activations, losses
from graphdl.derivation.derivation import derive
from graphdl.ops.entropy import bce

L = gd.layers
QUICK = ("complex step", "differences")


def lecture():
    """ŷ = σ(w₂·σ(w₁·x)) and its cross-entropy, as in rows 30 and 31."""
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w1, w2 = gd.Variable(0.5, "w1", "float64"), gd.Variable(-1.0, "w2", "float64")
    z1 = (w1 * x).named("z1")
    p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
    return {x: 1.0, y: 1.0}, w1, w2, bce(y, p).named("J")


def two_layers(dtype="float64"):
    x, y = gd.tensor("x", ("n", 2), dtype), gd.tensor("y", ("n", 1), dtype)
    w1, b1 = gd.Variable(np.zeros((2, 3)), "W1", dtype), gd.Variable(np.zeros(3), "b1", dtype)
    w2, b2 = gd.Variable(np.zeros((3, 1)), "W2", dtype), gd.Variable(np.zeros(1), "b2", dtype)
    h = gd.relu((x @ w1 + b1).named("z1")).named("h")
    p = gd.sigmoid((h @ w2 + b2).named("z2")).named("ŷ")
    return gd.mean(gd.losses.binary_crossentropy(y, p)).named("J"), (w1, b1, w2, b2)


def test_all_methods_on_the_network_of_the_lecture():
    loss, (w1, *_) = two_layers()
    found = derive(loss, w1).check()
    assert found.ok
    assert bool(found)
    assert [r.step for r in found.rows[::4]] == [
        "∂J/∂ŷ", "∂ŷ/∂z2", "∂z2/∂h", "∂h/∂z1", "∂z1/∂W1", "∂J/∂W1",
    ]  # fmt: skip
    methods = {r.method for r in found.rows}
    worst = {m: max(r.error for r in found.rows if r.method == m) for m in methods}
    assert worst["complex step"] < 1e-14
    assert worst["differences"] < 1e-9
    assert worst["high precision"] < 1e-25  # every constant is exact, and so is every rule
    assert worst["sympy"] < 1e-14


def test_the_scalar_network_at_the_numbers_of_the_lecture():
    values, w1, w2, loss = lecture()
    for w in (w1, w2):
        found = derive(loss, w).check(values)
        assert found.ok, str(found)
        assert all(r.verdict == "right" for r in found.rows)


def test_the_table_and_its_other_forms():
    loss, (_, b1, *_) = two_layers()
    found = derive(loss, b1).check(methods=QUICK, seed=7)
    lines = str(found).splitlines()
    assert lines[0] == "certificate of ∂J/∂b1"
    assert "complex step" in lines[2]
    assert lines[-2:] == [
        " relative errors, at n = 3, variables drawn near their values, seed 7",
        " all 6 steps are right",
    ]
    data = json.loads(found.json())
    assert data["ok"] is True
    assert data["sizes"] == {"n": 3}
    assert len(data["rows"]) == 12
    assert data["rows"][0]["step"] == "∂J/∂ŷ"
    assert {"rule", "method", "error", "tolerance", "verdict", "note"} <= data["rows"][0].keys()
    assert set(found._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert found.html().count("<tr") == 7
    assert found.raise_if_wrong() is None


def test_the_same_seed_gives_the_same_certificate():
    loss, (w1, *_) = two_layers()
    d = derive(loss, w1)
    assert d.check(seed=3, methods=QUICK).json() == d.check(seed=3, methods=QUICK).json()
    assert d.check(seed=3, methods=QUICK).json() != d.check(seed=4, methods=QUICK).json()


def model(*layers, loss="mse", shape=(4,), dtype=None):
    gd.set_seed(0)
    start = L.Input(shape=shape, **({} if dtype is None else {"dtype": dtype}))
    made = gd.Sequential([start, *layers])
    made.compile("sgd", loss, target="python")
    return made


def passes(made, methods=QUICK):
    first = next(w.name for w in made.weights if w.trainable)
    found = made.derive(first).check(methods=methods)
    assert found.ok, str(found)
    return found


@pytest.mark.parametrize("name", sorted(set(activations.KNOWN) - {"threshold"}))
def test_every_activation(name):
    passes(model(L.Dense(4, name), L.Dense(2)), (*QUICK, "high precision"))


@pytest.mark.parametrize("last", ["linear", "sigmoid", "softmax"])
@pytest.mark.parametrize("name", sorted(set(losses.KNOWN) - set(losses.ALIASES)))
def test_every_loss(name, last):
    passes(model(L.Dense(3, "tanh"), L.Dense(3, last), loss=name), (*QUICK, "high precision"))


FROM_LOGITS = [
    losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
    losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.SparseCategoricalCrossentropy(from_logits=True),
]


@pytest.mark.parametrize("loss", FROM_LOGITS, ids=lambda loss: type(loss).__name__)
def test_losses_of_logits(loss):
    passes(model(L.Dense(3, "tanh"), L.Dense(3), loss=loss), (*QUICK, "high precision"))


LAYERS = {
    "batch normalization": [L.BatchNormalization],
    "layer normalization": [L.LayerNormalization],
    "group normalization": [lambda: L.GroupNormalization(groups=2)],
    "rms normalization": [L.RMSNormalization],
    "unit normalization": [L.UnitNormalization],
    "dropout": [lambda: L.Dropout(0.5)],
    "alpha dropout": [lambda: L.AlphaDropout(0.5)],
    "gaussian noise": [lambda: L.GaussianNoise(0.3)],
    "gaussian dropout": [lambda: L.GaussianDropout(0.3)],
    "activity penalty": [lambda: L.ActivityRegularization(l1=0.1, l2=0.1)],
    "prelu": [L.PReLU],
    "softmax": [L.Softmax],
    "penalties": [lambda: L.Dense(3, "tanh", kernel_regularizer=gd.regularizers.L1L2(0.1, 0.2))],
    "reshaping": [lambda: L.Reshape((2, 2)), lambda: L.Permute((2, 1)), L.Flatten],
    "repeating": [lambda: L.RepeatVector(2), L.Flatten],
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name):
    between = [make() for make in LAYERS[name]]
    passes(model(L.Dense(4, "tanh"), *between, L.Dense(2, "sigmoid"), loss="bce"))


def test_embedding_and_its_indices():
    layers = L.Embedding(5, 3), L.Flatten(), L.Dense(1, "sigmoid")
    passes(model(*layers, loss="bce", shape=(2,), dtype="int64"))


def test_a_skip_connection_and_a_shared_weight():
    x = gd.tensor("x", ("n", 3), "float64")
    w = gd.Variable(np.zeros((3, 3)), "W", "float64")
    h1 = gd.tanh((x @ w).named("z1")).named("h1")
    h2 = (gd.tanh((h1 @ w).named("z2")) + h1).named("h2")
    found = derive(gd.mean(gd.square(h2)).named("J"), w).check()
    assert found.ok, str(found)
    sums = [r for r in found.rows if r.method == "sum"]
    assert [r.step for r in sums] == ["∂J/∂h1 = Σ", "∂J/∂W = Σ"]


def test_without_names_there_is_one_factor_and_the_whole():
    x, w = gd.tensor("x", ("n", 3), "float64"), gd.Variable(np.zeros((3, 3)), "W", "float64")
    found = derive(gd.mean(gd.square(gd.tanh(x @ w) + x)), w).check(methods=QUICK)
    assert found.ok
    assert {r.key for r in found.rows} == {
        ("∂J/∂W", "mean, square, tanh, matmul"), ("∂J/∂W", "the whole gradient"),
    }  # fmt: skip


@pytest.mark.parametrize("place", ["x", "z", "h"])
def test_derivatives_by_inputs_and_names_between(place):
    x, w = gd.tensor("x", ("n", 3), "float64"), gd.Variable(np.zeros((3, 3)), "W", "float64")
    z = (x @ w).named("z")
    h = gd.relu(z).named("h")
    loss = gd.mean(gd.square(h)).named("J")
    found = derive(loss, {"x": x, "z": z, "h": h}[place]).check()
    assert found.ok, str(found)


def test_a_gradient_differentiated_again():
    x, w = gd.tensor("x", ("n", 3), "float64"), gd.Variable(np.zeros((3, 2)), "W", "float64")
    slope = gd.grad(gd.mean(gd.square(gd.tanh(x @ w))), w)
    found = derive(gd.sum(gd.square(slope)).named("S"), w).check()
    assert found.ok, str(found)


MERGING = [
    L.Add(), L.Subtract(), L.Multiply(), L.Average(), L.Maximum(), L.Minimum(), L.Concatenate(),
    L.Dot(axes=1), L.Dot(axes=1, normalize=True),
]  # fmt: skip


@pytest.mark.parametrize("layer", MERGING, ids=lambda layer: layer.name)
def test_two_inputs_that_merge(layer):
    a, b = L.Input(shape=(4,)), L.Input(shape=(4,))
    merged = layer([L.Dense(4, "tanh")(a), L.Dense(4, "gelu")(b)])
    made = gd.Model([a, b], L.Dense(1)(merged))
    made.compile("sgd", "mse", target="python")
    for w in made.weights:
        found = made.derive(w.name).check(methods=QUICK)
        assert found.ok, str(found)


def test_a_formula_of_the_users_own():
    import sympy

    swish = gd.elementwise("swish", lambda z: z / (1 + sympy.exp(-z)))
    x, w = gd.tensor("x", ("n", 3), "float64"), gd.Variable(np.zeros((3, 2)), "W", "float64")
    found = derive(gd.mean(swish((x @ w).named("z")).named("h")).named("J"), w).check()
    assert found.ok, str(found)
    assert all(r.error is not None for r in found.rows)


def test_a_large_instance_says_what_was_not_done():
    layers = L.Dense(64, "relu"), L.Dense(10, "softmax")
    made = model(*layers, loss="sparse_categorical_crossentropy", shape=(100,))
    found = passes(made, (*QUICK, "high precision", "sympy"))
    notes = {r.note for r in found.rows if r.method == "high precision" and r.verdict == "not done"}
    assert any(note.startswith("not done: 19 ") and note.endswith(" elements") for note in notes)
    assert "not done" in str(found)


def test_a_method_that_is_not_possible_leaves_the_verdict_to_the_others():
    x, w = gd.tensor("x", ("n", 4), "float64"), gd.Variable(np.zeros((4, 4)), "W", "float64")
    h = gd.sort((x @ w).named("z")).named("h")
    loss = gd.sum(h * gd.constant([1.0, 2.0, 3.0, 4.0], "float64")).named("J")
    found = derive(loss, w).check()
    assert found.ok, str(found)
    rows = {r.method: r for r in found.rows if r.step == "∂h/∂z"}
    assert rows["sympy"].note == "not possible: argsort"
    assert rows["high precision"].verdict == "right"
    assert not derive(loss, w).check(methods=("sympy",)).ok  # nobody has judged that step


def test_values_by_name_and_wrong_arguments():
    loss, (w1, *_) = two_layers()
    d = derive(loss, w1)
    x, y = np.ones((5, 2)), np.ones((5, 1))
    w1.assign(np.full((2, 3), 0.3))
    found = d.check({"x": x, "y": y}, methods=QUICK)
    assert found.ok
    assert found.sizes == {"n": 5}
    with pytest.raises(ValueError, match=r"knows the methods complex step, .* got 'guess'"):
        d.check(methods=("guess",))
    with pytest.raises(gd.errors.GraphError, match="no input is called 'q'"):
        d.check({"q": x})
    with pytest.raises(gd.errors.GraphError, match="takes values for inputs and variables"):
        d.check({loss: 1.0})
    with pytest.raises(gd.errors.GraphError, match="no drawn numbers give a finite result"):
        d.check({"x": np.full((5, 2), np.nan), "y": y})


def test_a_kink_is_stepped_away_from_or_refused():
    """relu at 0, where all weights are 0: the derivative there is a convention."""
    loss, weights = two_layers()
    x, y = np.ones((5, 2)), np.ones((5, 1))
    found = derive(loss, weights[0]).check({"x": x, "y": y}, methods=QUICK)
    assert found.ok
    assert found.moved
    zeros = {w: np.zeros(w.shape) for w in weights}
    with pytest.raises(gd.errors.GraphError, match="lie at a kink, such as that of relu at 0"):
        derive(loss, weights[0]).check({"x": x, "y": y, **zeros}, methods=QUICK)


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_at_random_numbers(seed):
    random = np.random.default_rng(seed)
    names = random.choice(sorted(set(activations.KNOWN) - {"threshold", "glu"}), 4)
    made = model(*(L.Dense(int(random.integers(2, 5)), str(a)) for a in names), L.Dense(2))
    for w in made.weights:
        assert made.derive(w.name).check(seed=seed, methods=QUICK).ok


def test_quick_methods_load_no_library():
    code = (
        "import sys, graphdl as gd; from graphdl.derivation.derivation import derive\n"
        "x, w = gd.tensor('x', ('n', 2)), gd.Variable([[0.5], [1.0]], 'W')\n"
        "d = derive(gd.mean(gd.sigmoid(x @ w)).named('J'), w)\n"
        "d.check(methods=('complex step', 'differences'))\n"
        "print(sorted({'sympy', 'mpmath', 'scipy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
