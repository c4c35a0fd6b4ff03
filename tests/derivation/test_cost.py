"""The cost of a derivation: formulas in the sizes, against hand counts and the compiled program."""

import itertools

import numpy as np
import pytest

import graphdl as gd
from codegen.profile import flops as flops_of
from graphdl.core.graph import walk
from graphdl.core.sizes import named, substitute
from graphdl.derivation.derivation import derive
from graphdl.ops.entropy import bce

L = gd.layers


def dense(*widths, activation=gd.sigmoid, rows="n"):
    """Σ bce(y, ŷ) of a network of these widths, without means, and its kernels and biases."""
    h = x = gd.tensor("x", (rows, widths[0]), "float64")
    y = gd.tensor("y", (rows, widths[-1]), "float64")
    weights = []
    for k, (a, b) in enumerate(itertools.pairwise(widths), 1):
        w = gd.Variable(np.zeros((a, b)), f"W{k}", "float64")
        bias = gd.Variable(np.zeros(b), f"b{k}", "float64")
        weights += [w, bias]
        h = activation((h @ w + bias).named(f"z{k}")).named(f"h{k}")
    return x, gd.sum(bce(y, h)).named("J"), weights


def by_hand(widths):
    """Operations and paths of all weights, each by itself, for one example.

    A path from J to a unit of layer l has a bce′, an activation's slope for each layer from l on and
    a weight for each layer beyond l; to a kernel's weight one factor more, its input.
    """
    operations = paths = 0
    for layer in range(1, len(widths)):
        number = int(np.prod(widths[layer + 1 :], dtype=int))
        beyond = len(widths) - 1 - layer
        to_unit = 1 + (beyond + 1) + beyond
        kernel, bias = widths[layer - 1] * widths[layer], widths[layer]
        operations += kernel * (number * (to_unit + 1) - 1) + bias * (number * to_unit - 1)
        paths += (kernel + bias) * number
    return operations, paths


@pytest.mark.parametrize("widths", [(2, 1), (2, 3, 1), (2, 3, 3, 1), (4, 5, 3, 2, 1)])
def test_the_expansion_counts_every_path(widths):
    _, loss, weights = dense(*widths, rows=1)
    found = derive(loss, weights[0]).cost()
    assert (found.expansion, found.paths) == by_hand(widths)
    assert found.weights == sum(w.storage.size for w in weights)
    assert found.differences == 2 * found.forward * found.weights


def test_the_sweep_counted_by_hand():
    """z = xW + b, p = σ(z), J = Σ bce(y, p)."""
    _, loss, (w, _) = dense(4, 1)
    found = derive(loss, w).cost()
    n = named("n")
    # of each example: + b, σ, the clip, two logarithms, 1 − p, 1 − y, two products, their sum, its
    # sign, the addition to J; once: the upper bound 1 − ε of the clip
    assert found.formulas["forward"] == "2·n·4·1 + 12·n + 1"
    steps = {p.step: p for p in found.parts}
    assert steps["∂h1/∂z1"].flops == 3 * n  # 1 − p, p·(1 − p), δ·p(1 − p)
    assert steps["∂z1/∂b1"].flops == n  # the sum over the examples
    assert steps["∂z1/∂W1"].formula == "2·4·n·1"
    assert sum((p.flops for p in found.parts), 0) == found.sweep
    assert found.at(n=10).sweep == substitute(found.sweep, {"n": 10})
    assert found.at(n=10).parts[-1].formula == "80"
    with pytest.raises(ValueError, match=r"no size k; there are: n"):
        found.at(k=3)


def test_what_is_reused_and_how_often():
    _, loss, (w1, *_) = dense(2, 3, 1)
    found = derive(loss, w1).cost()
    rows = {r.name: r for r in found.reuse}
    assert str(rows["∂J/∂z2"]) == "∂J/∂z2: used for b2, W2, h1 → W1, b1; 6 times"
    assert rows["∂J/∂z1"].weights == ("W1", "b1")
    assert {p.step: p.times for p in found.parts}["∂h2/∂z2"] == 7  # z2 and all six below


def test_only_weights_on_the_way_are_counted():
    _, loss, weights = dense(2, 3, 1)
    found = derive(loss, weights[2]).cost()  # W2: the sweep ends there
    assert found.title == "cost of ∂J/∂W2, ∂J/∂b2"
    assert found.weights == 4


def model(*units, loss="binary_crossentropy", activation="relu", last="sigmoid", inputs=30):
    gd.set_seed(0)
    hidden = [L.Dense(u, activation) for u in units[:-1]]
    made = gd.Sequential([L.Input(shape=(inputs,)), *hidden, L.Dense(units[-1], last)])
    made.compile("sgd", loss, target="python")
    return made


def compiled_count(made, loss):
    """The operations of the program that computes the loss and all gradients, in n."""
    weights = [w for w in made.weights if w.trainable]
    inputs = [n for n in walk([loss]) if n.op.name == "tensor"]
    function = gd.function(inputs, [loss, *gd.grad(loss, weights)], target="python")
    names = zip((v.name for v in function.program.sizes), function._lowered.sizes, strict=True)
    sizes = dict(names)
    return sum((flops_of(item, sizes) for item in function.program.items), 0)


MODELS = {
    "lecture": {"units": (16, 1)},
    "regression": {"units": (16, 1), "loss": "mse", "activation": "tanh", "last": "linear"},
    "classes": {"units": (128, 64, 10), "loss": "sparse_categorical_crossentropy", "last": "softmax"},
    "deep": {"units": (64, 64, 64, 1), "activation": "sigmoid"},
    "tiny": {"units": (3, 3, 3, 1), "activation": "sigmoid"},
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_formula_is_the_compiled_programs_within_three_percent(name):
    """The program does at most what is written, and no more than 3 % less.

    Products of matrices are the same in both. The rules that merge a loss with the activation before
    it save a few operations for each example and output, which is the difference; fused loops
    compute nothing twice here.
    """
    arguments = dict(MODELS[name])
    made = model(*arguments.pop("units"), **arguments)
    d = made.derive(made.weights[0].name)
    counted = d.cost()
    program = compiled_count(made, d.result)
    for n in (1, 32, 1000):
        there = substitute(program, {"n": n})
        written = substitute(counted.forward + counted.sweep, {"n": n})
        assert 0.97 * written <= there <= written


def test_the_table_and_deep_networks():
    made = model(*[16] * 7, 1)
    d = made.derive(made.weights[0].name)
    found = d.cost()
    text = str(found)
    assert "6×(2·n·16·16)" in text
    assert "cost of ∂J by W1, b1, …, b8" in text
    assert found.ratio() > 1e7  # paths multiply with every layer, the sweep only adds
    assert 0.5 < found.ratio("forward") < 1
    assert "for large n" in text
    assert "times the sweep" in str(found.at(n=32))


def test_layers_of_the_vocabulary_can_be_counted():
    gd.set_seed(0)
    parts = [L.Embedding(5, 4), L.Flatten(), L.Dense(4, "gelu"), L.BatchNormalization()]
    parts += [
        L.Dropout(0.5),
        L.LayerNormalization(),
        L.Dense(3, "softmax", kernel_regularizer="l2"),
    ]
    made = gd.Sequential([L.Input(shape=(2,), dtype="int64"), *parts])
    made.compile("sgd", "categorical_crossentropy", target="python")
    found = made.derive("embedding/embeddings").cost().at(n=8)
    counts = (found.forward, found.sweep, found.expansion, found.differences, found.sweep_bytes)
    assert all(isinstance(k, int) and k > 0 for k in counts)
    assert found.expansion > found.sweep
