"""What `explain` says of matrix products and of memory, against counts made by hand."""

import re
import sys
from itertools import pairwise

import numpy as np
import pytest

import graphdl as gd
from graphdl.footprint import kept, products

SIZES = (6, 5, 4, 3)


def loss(activation):
    x, y = gd.tensor("x", shape=("n", SIZES[0])), gd.tensor("y", shape=("n", SIZES[-1]))
    weights = [gd.Variable(np.ones(s, np.float32)) for s in pairwise(SIZES)]
    h = x
    for w in weights[:-1]:
        h = activation(h @ w)
    probabilities = gd.softmax(h @ weights[-1])
    return [x, y], gd.mean(gd.losses.categorical_crossentropy(y, probabilities)), weights


def hessian_product(activation):
    inputs, J, weights = loss(activation)
    vectors = [gd.tensor(f"v{k}", shape=w.shape) for k, w in enumerate(weights)]
    gradient = gd.function(inputs, [J, *gd.grad(J, weights)], target="python")
    product = gd.function([*inputs, *vectors], gd.hvp(J, weights, vectors), target="python")
    return gradient, product


# n·(a·b) multiplications for each product of layer a → b: 1 of z = h·W, 1 of ∂W, 1 of δ·Wᵀ but for the
# first layer. H·v: z; ż = h·V + ḣ·W (ḣ of the data is 0); δ·Wᵀ; its derivative δ·Vᵀ + δ̇·Wᵀ; and
# ∂Ẇ = ḣᵀ·δ + hᵀ·δ̇. Below a relu the first δ·Wᵀ is needed only where a further layer is below it.
@pytest.mark.parametrize(
    ("activation", "first_layer", "middle", "last"),
    [(gd.relu, 3, 7, 8), (gd.tanh, 3, 8, 8)],
    ids=["relu", "tanh"],
)
def test_a_hessian_product_has_no_product_too_many(activation, first_layer, middle, last):
    gradient, product = hessian_product(activation)
    layers = [2 * 32 * a * b for a, b in pairwise(SIZES)]
    of_gradient = (2, 3, 3)
    sizes = gradient._named_sizes({})
    counted = products(gradient.program, sizes)
    assert counted == (8, sum(k * f for k, f in zip(of_gradient, layers, strict=True)))
    counted = products(product.program, product._named_sizes({}))
    times = (first_layer, middle, last)
    assert counted == (sum(times), sum(k * f for k, f in zip(times, layers, strict=True)))


def test_explain_compares_the_products_with_those_of_another_function():
    gradient, product = hessian_product(gd.relu)
    text = product.explain(beside=gradient, n=64)
    ratio = (
        products(product.program, product._named_sizes({"n": 64}))[1]
        / (products(gradient.program, gradient._named_sizes({"n": 64}))[1])
    )
    assert f"in 18 matrix products, {ratio:.2f} × the 8 beside it" in text
    assert "× the" not in product.explain(n=64)


def test_a_hessian_product_in_numbers():
    gradient, product = hessian_product(gd.tanh)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]
    vectors = [rng.standard_normal(s) for s in pairwise(SIZES)]
    weights = list(gradient._compiled.graph.variables)
    weights.sort(key=lambda w: -w.storage.size)
    for w in weights:
        w.assign(rng.standard_normal(w.shape) / 3)
    found, step = product(x, y, *vectors), 1e-2
    moved = []
    for sign in (1, -1):
        for w, v in zip(weights, vectors, strict=True):
            w.assign_add(sign * step * v)
        moved.append(gradient(x, y)[1:])
        for w, v in zip(weights, vectors, strict=True):
            w.assign_sub(sign * step * v)
    for h, up, down in zip(found, *moved, strict=True):
        np.testing.assert_allclose(h, (up - down) / (2 * step), atol=2e-3)


def test_a_training_step_keeps_the_batch_and_the_activations():
    model = gd.Sequential([gd.layers.Input(shape=(64,)),
                           *(gd.layers.Dense(n, activation="relu") for n in (128, 96)),
                           gd.layers.Dense(10, activation="softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", target="python")
    model.train_on_batch(np.zeros((32, 64), np.float32), np.zeros(32, np.int64))
    program = model.compiled_step.executable.program
    found = kept(program, {v.name: 32 for v in program.sizes} | {"total": 32})
    large = sorted(size for size in found.values() if size > 2000)
    assert large == sorted(4 * 32 * n for n in (64, 128, 96))


def test_the_cotangent_of_the_smallest_network_lies_where_an_activation_was():
    model = gd.Sequential([gd.layers.Input(shape=(30,)), gd.layers.Dense(16, activation="relu"),
                           gd.layers.Dense(1, activation="sigmoid")])  # fmt: skip
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], target="python")
    model.train_on_batch(np.zeros((32, 30), np.float32), np.zeros(32))
    (ratio,) = re.search(r"in use ([\d.]+) ×", model.explain(batch_size=32)).groups()
    assert 1 <= float(ratio) <= 1.1


def test_explain_weighs_the_memory_of_a_step_against_the_needed():
    model = gd.Sequential([gd.layers.Input(shape=(64,)),
                           *(gd.layers.Dense(n, activation="relu") for n in (128, 64)),
                           gd.layers.Dense(10, activation="softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", target="python")
    with pytest.raises(gd.errors.NotCompiledError, match="first data"):
        model.explain()
    model.train_on_batch(np.zeros((32, 64), np.float32), np.zeros(32, np.int64))
    text = model.explain(batch_size=32)
    parameters = sum(w.storage.nbytes for w in model.weights)
    number = r"([\d,]+)"
    gradients, needed, ratio = re.search(
        rf"gradients +{number} B\n.*\n *needed +{number} B .* in use ([\d.]+) ×", text
    ).groups()
    assert int(gradients.replace(",", "")) == parameters
    assert int(needed.replace(",", "")) > 4 * parameters  # with Adam's two moments
    assert 1 <= float(ratio) <= 1.1


def tanh_step():
    gd.set_seed(0)
    model = gd.Sequential([gd.layers.Input(shape=(64,)),
                           *(gd.layers.Dense(n, activation="tanh") for n in (128, 96)),
                           gd.layers.Dense(10, activation="softmax")])  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy", target="python")
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.standard_normal((32, 64)), rng.integers(0, 10, 32))
    program = model.compiled_step.executable.program
    sizes = {v.name: 32 for v in program.sizes} | {"total": 32}
    return sum(kept(program, sizes).values()), [w.value for w in model.weights]


def test_a_cheap_derivative_is_not_kept_and_its_values_are_the_same(monkeypatch):
    size, weights = tanh_step()
    fusion = sys.modules["codegen.passes.fuse"]  # the package has the function by this name
    monkeypatch.setattr(fusion, "better_late", lambda program: set())
    size_before, weights_before = tanh_step()
    assert size_before - size == 4 * 32 * (128 + 96)
    for now, before in zip(weights, weights_before, strict=True):
        np.testing.assert_array_equal(now, before)
