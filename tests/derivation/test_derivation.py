"""Derivations: the lecture's numbers, the written chain, agreement with the gradient."""

import re

import numpy as np
import pytest

import graphdl as gd
import graphdl.show.install
from graphdl.core.interpret import interpret
from graphdl.derivation.derivation import derive
from graphdl.ops.entropy import bce, cce


def lecture():
    """ŷ = σ(w₂·σ(w₁·x)) and its cross-entropy."""
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w1, w2 = gd.Variable(0.5, "w1", "float64"), gd.Variable(-1.0, "w2", "float64")
    z1 = (w1 * x).named("z1")
    p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
    return {x: 1.0, y: 1.0}, w1, w2, p, bce(y, p).named("J")


def test_lecture_w2():
    values, _, w2, p, loss = lecture()
    d = derive(loss, w2)
    assert str(d).splitlines()[0] == "∂J/∂w2 = ∂J/∂ŷ · ∂ŷ/∂w2"
    found = d.evaluate(values)
    assert interpret([p], values)[0] == pytest.approx(0.3492223, abs=5e-8)
    assert found.result == pytest.approx(1.0520465, abs=5e-8)
    assert found.factors == pytest.approx([-2.863505, 0.141464], abs=5e-7)
    assert found.gradient == pytest.approx(-0.405083, abs=5e-7)
    assert np.prod(found.factors) == pytest.approx(found.gradient, rel=1e-14)


def test_lecture_w1():
    values, w1, w2, _, loss = lecture()
    d = derive(loss, w1)
    assert str(d).splitlines()[0] == "∂J/∂w1 = ∂J/∂ŷ · ∂ŷ/∂z1 · ∂z1/∂w1"
    found = d.evaluate(values)
    assert found.factors == pytest.approx([-2.863505, -0.0534084, 1.0], abs=5e-7)
    assert found.gradient == pytest.approx(0.152935, abs=5e-7)
    assert str(found).splitlines()[-1] == "∂J/∂w1 = -2.863505 · -0.05340838 · 1 = 0.1529352"
    assert d.factors[0].after is derive(loss, w2).factors[0].after  # the first factor is shared


def test_written_derivation():
    x, y = gd.tensor("x", ("n", "m"), "float64"), gd.tensor("y", ("n", 1), "float64")
    w = gd.Variable(np.zeros((30, 1)), "W", "float64")
    b = gd.Variable(np.zeros(1), "b", "float64")
    z = (x @ w + b).named("z")
    loss = gd.mean(bce(y, gd.sigmoid(z).named("ŷ"))).named("J")
    assert (
        str(derive(loss, w))
        == """\
∂J/∂W = ∂J/∂ŷ · ∂ŷ/∂z · ∂z/∂W

each factor
    ∂J/∂ŷ = bce′(y, ŷ)/n  [mean, bce]
    ∂ŷ/∂z = ŷ*(1 - ŷ)     [sigmoid]
    ∂z/∂W = xᵀ            [matmul]

together
    ∂J/∂W = xᵀ @ δ_z

with the cotangents δ_v = ∂J/∂v
    δ_z = (ŷ - y)/n  [bce∘sigmoid: δ = ŷ − y]

with
    bce′(y, ŷ) = where((ŷ >= 1e-07) & (ŷ <= 1 - 1e-07), (1 - y)/(1 - t1) - y/t1, 0)
    t1 = clip(ŷ, 1e-07, 1 - 1e-07)"""
    )
    assert re.search(r"∂z/∂b = 1 +\[add, summed over n\]", str(derive(loss, b)))


def deep(layers, residual=False):
    rng = np.random.default_rng(0)
    h = x = gd.tensor("x", ("n", 4), "float64")
    y = gd.tensor("y", ("n", 3), "float64")
    weights = [
        gd.Variable(rng.normal(size=(4, 4)) / 2, f"W{k}", "float64") for k in range(1, layers + 1)
    ]
    for k, w in enumerate(weights, 1):
        z = (h @ w).named(f"z{k}")
        h = (gd.tanh(z) + h if residual else gd.tanh(z)).named(f"h{k}")
    out = gd.Variable(rng.normal(size=(4, 3)), "V", "float64")
    loss = gd.mean(cce(y, gd.softmax((h @ out).named("z")).named("ŷ"))).named("J")
    values = {x: rng.normal(size=(5, 4)), y: np.eye(3)[[0, 1, 2, 0, 1]]}
    return loss, weights, values


@pytest.mark.parametrize("residual", [False, True])
def test_steps_carry_the_cotangents_of_the_gradient(residual):
    loss, weights, values = deep(4, residual)
    for w in weights:
        d = derive(loss, w)
        assert d.gradient is gd.grad(loss, w)
        found = d.evaluate(values)
        sent = {}
        for step, value in zip(d.factors, found.cotangents, strict=True):
            sent[step.wrt] = sent.get(step.wrt, 0) + value
        np.testing.assert_allclose(sent[w], found.gradient, rtol=1e-12)


def swapped_matmul(cotangent, matrix):
    return matrix @ cotangent


def test_local_derivatives_rebuild_the_cotangents():
    loss, weights, values = deep(3)
    d = derive(loss, weights[0])
    found = d.evaluate(values)
    arrived = {d.result: np.float64(1)}
    for step, factor, value in zip(d.factors, found.factors, found.cotangents, strict=True):
        before, kind = arrived[step.node], step.local.kind
        if kind != "map":
            made = {"times": np.multiply, "left": swapped_matmul, "right": np.matmul}[kind]
            np.testing.assert_allclose(made(before, factor), value, rtol=1e-12)
        arrived[step.wrt] = value
    assert [s.local.kind for s in d.factors].count("map") == 1  # softmax is no product


def test_paths_are_summed_and_never_multiplied_out():
    x, w = gd.tensor("x", (), "float64"), gd.Variable(0.5, "w", "float64")
    h = (w * x).named("h0")
    for k in range(1, 31):
        h = (h + gd.sin(h).named(f"s{k}")).named(f"h{k}")
    d = derive(h, w)
    assert d.paths == 2**30
    assert len(d.factors) == 91 and len(str(d)) < 10_000
    assert "    ∂s30/∂h29 = cos(h29)  [sin]\n" in str(d)
    assert "    δ_h28 = δ_h29 + δ_h29*cos(h28)\n" in str(d)


def test_two_paths_are_written_as_a_sum():
    x, w = gd.tensor("x", (), "float64"), gd.Variable(0.5, "w", "float64")
    t = w * x
    loss = (gd.sin(t).named("p") + gd.exp(t).named("q")).named("J")
    d = derive(loss, w)
    first = str(d).splitlines()[0]
    assert sorted(first.removeprefix("∂J/∂w = ").split(" + ")) == [
        "∂J/∂p · ∂p/∂u1 · ∂u1/∂w",
        "∂J/∂q · ∂q/∂u1 · ∂u1/∂w",
    ]
    expected = 2 * (np.cos(1.0) + np.exp(1.0))
    assert d.evaluate({x: 2.0}).gradient == pytest.approx(expected, rel=1e-14)


def test_kinks_are_written_as_conditions():
    x, w = gd.tensor("x", (3,), "float64"), gd.Variable(np.ones(3), "w", "float64")
    h = gd.relu((w * x).named("z")).named("h")
    assert "∂h/∂z = where(h > 0, 1, 0)" in str(derive(gd.sum(h).named("J"), w))


def test_eight_layers_print_within_two_screens():
    loss, weights, _ = deep(8)
    text = str(derive(loss, weights[0]))
    assert text.count("\n") < 100
    assert "∂z1/∂W1 = xᵀ" in text and "∂h8/∂z8 = 1 - h8**2" in text


def test_names_can_be_given_for_print():
    x, w = gd.tensor("x", ("n", 2), "float64"), gd.Variable(np.ones((2, 1)), "a/kernel", "float64")
    text = str(derive(gd.sum(x @ w), w, names={w: "W1"}))
    assert text.startswith("∂J/∂W1 = ∂J/∂W1") and "kernel" not in text


def test_deep_graphs_derive_without_recursion():
    w = gd.Variable(0.5, "w", "float64")
    t = w
    for _ in range(3000):
        t = gd.sin(t)
    d = derive(t, w)
    assert "operations more" in str(d) and d.latex()


def test_errors_are_those_of_grad():
    w, v = gd.Variable(1.0, "w"), gd.Variable(1.0, "v")
    with pytest.raises(gd.errors.DisconnectedError, match="does not depend on 'v'"):
        derive(w * 2, v)
    with pytest.raises(gd.errors.ShapeError, match="scalar"):
        derive(gd.tensor("x", (3,)) * w, w)


def test_inputs_are_given_by_name_as_well():
    values, w1, _, _, loss = lecture()
    d = derive(loss, w1, names={w1: "W1"})
    by_node = d.evaluate(values).gradient
    assert d.evaluate({"x": 1.0, "y": 1.0}).gradient == by_node
    other = d.evaluate({**values, w1: 2.0}).gradient
    assert other != by_node
    assert d.evaluate({**values, "w1": 2.0}).gradient == other  # its own name …
    assert d.evaluate({**values, "W1": 2.0}).gradient == other  # … or the one it is printed by


def test_a_name_that_is_none_of_the_inputs_is_refused():
    _, w1, _, _, loss = lecture()
    with pytest.raises(gd.errors.GraphError, match="no input is called 'X'; there are 'w1', 'w2'"):
        derive(loss, w1).evaluate({"X": 1.0})
    a, b = gd.tensor("a", (), "float64"), gd.tensor("a", (), "float64")
    with pytest.raises(gd.errors.GraphError, match="2 inputs are called 'a'"):
        derive(a * b, a).evaluate({"a": 1.0})


def test_of_a_model_with_its_inputs_by_name():
    model = gd.Sequential([gd.layers.Input(shape=(2,)), gd.layers.Dense(1, activation="tanh")])
    model.compile("sgd", "mse", target="python")
    x, y = np.float32([[1, 2], [3, 4]]), np.float32([[0.5], [1]])
    found = model.derive("dense/kernel").evaluate({"x": x, "y": y})
    np.testing.assert_allclose(found.gradient, model.gradients(x, y)["dense/kernel"], rtol=1e-5)


def test_layers_of_a_functional_model_are_numbered():
    x = gd.layers.Input((3,))
    hidden = gd.layers.Dense(4, activation="tanh")(x)
    model = gd.Model(x, gd.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("sgd", "binary_crossentropy")
    first = str(model.derive("dense/kernel")).splitlines()[0]
    assert first == "∂J/∂W1 = ∂J/∂ŷ · ∂ŷ/∂z2 · ∂z2/∂h1 · ∂h1/∂z1 · ∂z1/∂W1"
