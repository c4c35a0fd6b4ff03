"""Grading: right answers in any form are right, wrong ones are wrong, with the first wrong factor."""

import functools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphdl as gd
from graphdl.core.interpret import interpret
from graphdl.ops.entropy import bce

D = gd.layers.Dense


def model(*layers, loss, features=3):
    made = gd.Sequential([gd.layers.Input(shape=(features,)), *layers])
    made.compile("sgd", loss)
    return made


def lecture(weight):
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w1, w2 = gd.Variable(0.5, "w1", "float64"), gd.Variable(-1.0, "w2", "float64")
    z1 = (w1 * x).named("z1")
    p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
    return gd.derive(bce(y, p).named("J"), {"w1": w1, "w2": w2}[weight])


def regression():
    """ŷ = x·w + b for one example, squared error."""
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w, b = gd.Variable(0.5, "w", "float64"), gd.Variable(0.0, "b", "float64")
    return gd.derive(gd.square((w * x + b).named("ŷ") - y).named("J"), w)


def two_paths():
    """The weight acts twice: h = w·x, J = (w·h − y)²."""
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w = gd.Variable(0.5, "w", "float64")
    h = gd.tanh(w * x).named("h")
    return gd.derive(gd.square((w * h).named("ŷ") - y).named("J"), w)


def skip():
    """A skip connection: z = h·v + u·h·a with two ways from z to h."""
    x, y = gd.tensor("x", ("n", 3), "float64"), gd.tensor("y", ("n", 3), "float64")
    a, b = (gd.Variable(np.zeros((3, 3)), k, "float64") for k in "AB")
    h = gd.tanh(x @ a).named("h")
    k = gd.tanh(h @ b).named("k")
    return gd.derive(gd.mean(gd.sum(gd.square((h + k).named("ŷ") - y), axis=1)).named("J"), a)


MODELS = {
    "binary": lambda: model(D(4, activation="relu"), D(1, activation="sigmoid"),
                            loss="binary_crossentropy"),
    "classes": lambda: model(D(4, activation="tanh"), D(3, activation="softmax"),
                             loss="categorical_crossentropy"),
    "labels": lambda: model(D(3, activation="softmax"), loss="sparse_categorical_crossentropy"),
    "mse": lambda: model(D(2), loss="mse"),
    "l2": lambda: model(D(2, kernel_regularizer=gd.regularizers.L2(0.01)), loss="mse"),
    "square": lambda: model(D(3, activation="sigmoid"), D(3, activation="sigmoid"), loss="mse"),
    "dropout": lambda: model(D(4, activation="relu"), gd.layers.Dropout(0.5), D(1), loss="mse"),
}  # fmt: skip
GRAPHS = {"lecture w1": lambda: lecture("w1"), "lecture w2": lambda: lecture("w2"),
          "regression": regression, "two paths": two_paths, "skip": skip}  # fmt: skip


@functools.cache
def network(name):
    return MODELS[name]()


@functools.cache
def derivation(name):
    if name in GRAPHS:
        return GRAPHS[name]()
    kind, _, weight = name.partition(" ")
    return network(kind).derive(weight)


RIGHT = [
    ("lecture w2", "(ŷ - y)*σ(z1)"),
    ("lecture w2", "σ(w1*x)*(ŷ-y)"),
    ("lecture w2", "(-y/ŷ + (1-y)/(1-ŷ)) * ŷ*(1-ŷ) * sigmoid(z1)"),
    ("lecture w2", "bce'(y, ŷ)·ŷ·(1−ŷ)·σ(z1)"),
    ("lecture w2", "∂J/∂ŷ * ŷ*(1-ŷ)*σ(z1)"),
    ("lecture w2", "∂J/∂ŷ · ∂ŷ/∂w2"),
    ("lecture w2", "ŷ/(1+e^(-z1)) - y*σ(z1)"),
    ("lecture w2", "∂J/∂w2 = (yhat - y)*sigmoid(z1)"),
    ("lecture w1", "(ŷ-y)*w2*σ(z1)*(1-σ(z1))*x"),
    ("lecture w1", "x*w2*σ'(z1)*(ŷ-y)"),
    ("lecture w1", "a*(1-a)*d; a = σ(z1); d = (ŷ-y)*w2*x"),
    ("lecture w1", r"\left(\hat{y} - y\right) \cdot w_2 \cdot \sigma'\left(z_1\right) \cdot x"),
    ("lecture w1", "∂J/∂z1 * x"),
    ("lecture w1", "δ1*x"),
    ("lecture w1", "(1/(1+exp(-w2*σ(w1*x))) - y)*w2*σ'(w1*x)*x"),
    ("regression", "2*(ŷ-y)*x"),
    ("regression", "2*x*(w*x + b - y)"),
    ("regression", "2*x*ŷ - 2*x*y"),
    ("two paths", "2*(ŷ-y)*(h + w*(1-h²)*x)"),
    ("two paths", "2*(ŷ-y)*h + 2*(ŷ-y)*w*tanh'(w*x)*x"),
    ("binary dense/kernel", "x.T @ (((ŷ-y) @ W2.T) * [h1 > 0]) / n"),
    ("binary dense/kernel", "xᵀ @ (((ŷ-y)/n @ W2ᵀ) ⊙ relu'(z1))"),
    ("binary dense/kernel", "((W2 @ (ŷ-y).T * relu'(z1).T) @ x).T / n"),
    ("binary dense/kernel", "x.T @ δ1"),
    ("binary dense/kernel", "x.T @ where(z1 > 0, δ2 @ W2.T, 0)"),
    ("binary dense/bias", "sum((ŷ-y)/n @ W2.T * [z1 > 0], axis=0)"),
    ("binary dense/bias", "mean((ŷ-y) @ W2.T * [z1 > 0], axis=0)"),
    ("binary dense_1/kernel", "h1.T @ (ŷ - y) / n"),
    ("binary dense_1/kernel", "relu(z1).T @ (σ(z2) - y) / n"),
    ("binary dense_1/bias", "mean(ŷ - y)"),
    ("classes dense_1/kernel", "h1.T @ (ŷ - y) / n"),
    ("classes dense_1/kernel", "h1.T @ (softmax(z2) - y) / n"),
    ("classes dense/kernel", "x.T @ ((ŷ-y)/n @ W2.T * (1 - h1**2))"),
    ("classes dense/kernel", "x.T @ ((ŷ-y)/n @ W2.T * tanh'(z1))"),
    ("labels dense/kernel", "x.T @ (ŷ - float64(y[:, None] == arange(3))) / n"),
    ("mse dense/kernel", "2/(2*n) * x.T @ (ŷ - y)"),
    ("mse dense/bias", "sum(ŷ - y, axis=0)/n"),
    ("l2 dense/kernel", "x.T @ (ŷ - y)/n + 0.02*W1"),
    ("square dense/kernel", "x.T @ ((2*(ŷ-y)/(3*n) * ŷ*(1-ŷ)) @ W2.T * h1*(1-h1))"),
    ("skip", "x.T @ ((δ + (δ*(1-k²)) @ B.T)*(1-h²)); δ = 2*(ŷ-y)/n"),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[f"{n}: {a}" for n, a in RIGHT])
def test_right_answers(name, answer):
    found = gd.grade(derivation(name), answer)
    assert found.right, str(found)
    assert (found.verdict, found.wrong_factor) == ("right", None)


# network, answer, first wrong factor, words of the reason
WRONG = [
    ("lecture w2", "(y - ŷ)*σ(z1)", "∂J/∂ŷ", "sign"),
    ("lecture w2", "-(ŷ - y)*σ(z1)", "∂ŷ/∂w2", "sign"),
    ("lecture w2", "(ŷ - y)*z1", "∂ŷ/∂w2", "not"),
    ("lecture w2", "bce'(y, ŷ)*σ(z1)", "∂ŷ/∂w2", "the derivative of sigmoid is missing"),
    ("lecture w2", "ŷ*(1-ŷ)*σ(z1)", "∂J/∂ŷ", "∂J/∂ŷ is missing"),
    ("lecture w2", "(ŷ - y)*x", "∂ŷ/∂w2", ""),
    ("lecture w2", "-0.1*(ŷ - y)*σ(z1)", None, "as in an update"),
    ("lecture w2", "w2 - 0.5*(ŷ - y)*σ(z1)", None, "new weight after a step with η = 0.5"),
    ("lecture w2", "2*(ŷ - y)*σ(z1)", "∂ŷ/∂w2", "2 times"),
    ("lecture w2", "(ŷ - y)**2*σ(z1)", "∂J/∂ŷ", "not right"),
    ("lecture w2", "0", "∂J/∂ŷ", "not right"),
    ("lecture w2", "(ŷ - y)*σ(z1) + 1e-6", None, ""),
    ("lecture w1", "(ŷ-y)*σ'(z1)*x", "∂ŷ/∂z1", "the factor w2 is missing"),
    ("lecture w1", "(ŷ-y)*w2*x", "∂ŷ/∂z1", "the derivative of sigmoid is missing"),
    ("lecture w1", "(ŷ-y)*w2*σ'(z1)", "∂z1/∂w1", "∂z1/∂w1 is missing"),
    ("lecture w1", "(ŷ-y)*w2*z1*(1-z1)*x", "∂ŷ/∂z1", "is not"),
    ("lecture w1", "(ŷ-y)*ŷ*(1-ŷ)*w2*σ'(z1)*x", "∂ŷ/∂z1", "the derivative of sigmoid is there twice"),
    ("lecture w1", "(ŷ-y)*w2*σ(z1)*x", "∂ŷ/∂z1", "sigmoid itself stands"),
    ("lecture w1", "1/0", "∂J/∂ŷ", "not a finite number"),
    ("regression", "(ŷ-y)*x", "∂J/∂ŷ", "0.5 times"),
    ("regression", "2*(ŷ-y)", "∂ŷ/∂w", "∂ŷ/∂w is missing"),
    ("regression", "2*(ŷ-y)*w", "∂ŷ/∂w", ""),
    ("regression", "2*(y-ŷ)*x", "∂J/∂ŷ", "sign"),
    ("two paths", "2*(ŷ-y)*h", "∂h/∂w", "path"),
    ("two paths", "2*(ŷ-y)*w*(1-h²)*x", "∂ŷ/∂w", "path"),
    ("two paths", "2*(ŷ-y)*(h + w*h*x)", "∂h/∂w", "tanh itself stands where its derivative"),
    ("two paths", "2*(ŷ-y)*(h - w*(1-h²)*x)", "∂ŷ/∂h", "sign"),
    ("two paths", "2*(ŷ-y)*(h + (1-h²)*x)", "∂ŷ/∂h", "∂ŷ/∂h is missing"),
    ("binary dense/kernel", "x @ ((ŷ-y) @ W2.T * [h1>0])/n", "∂z1/∂W1", "transpose the first"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2 * [h1>0])/n", "∂z2/∂h1", "transpose the second"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T)/n", "∂h1/∂z1", "∂h1/∂z1 is missing"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T * [h1>0])", "∂J/∂ŷ", "the 1/n is forgotten"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T * [h1>0])/n/n", "∂J/∂ŷ", "once too often"),
    ("binary dense/kernel", "x.T @ ((y-ŷ) @ W2.T * [h1>0])/n", "∂J/∂ŷ", "sign"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T * h1)/n", "∂h1/∂z1", "the function stands"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T * h1²)/n", "∂h1/∂z1", "∂J/∂h1 is right"),
    ("binary dense/kernel", "x.T @ ((ŷ-y) @ W2.T * [x > 0])/n", "∂h1/∂z1", "do not fit"),
    ("binary dense/kernel", "(x.T @ ((ŷ-y) @ W2.T * [h1>0])/n).T", "∂z1/∂W1", "transposed"),
    ("binary dense/kernel", "x.T @ ((ŷ-y)*ŷ*(1-ŷ) @ W2.T * [h1>0])/n", "∂ŷ/∂z2", "twice"),
    ("binary dense/kernel", "x.T @ (bce'(y,ŷ)/n @ W2.T * [h1>0])", "∂ŷ/∂z2", "is missing"),
    ("binary dense/kernel", "h1.T @ (ŷ-y)/n", "∂z2/∂h1", "this is (4×1); ∂J/∂W1 is (3×4)"),
    ("binary dense/bias", "(ŷ-y)/n @ W2.T * [h1>0]", "∂z1/∂b1", "not summed over the examples"),
    ("binary dense/bias", "mean((ŷ-y)/n @ W2.T * [h1>0], axis=0)", "∂z1/∂b1", "once too often"),
    ("binary dense/bias", "sum((ŷ-y) @ W2.T, axis=0)/n", "∂h1/∂z1", "is missing"),
    ("binary dense_1/kernel", "z1.T @ (ŷ - y)/n", "∂z2/∂W2", "is not"),
    ("binary dense_1/kernel", "x.T @ (ŷ - y)/n", "∂z2/∂W2", "this is (3×1)"),
    ("binary dense_1/kernel", "h1 * (ŷ - y)/n", "∂z2/∂W2", "not summed over the examples"),
    ("binary dense_1/bias", "sum(ŷ - y)", "∂J/∂ŷ", "the 1/n is forgotten"),
    ("binary dense_1/bias", "(ŷ - y)/n", "∂z2/∂b2", "not summed over the examples"),
    ("classes dense/kernel", "x.T @ ((ŷ-y)/n @ W2.T * (1 - z1**2))", "∂h1/∂z1", "the value z1"),
    ("classes dense/kernel", "x.T @ ((ŷ-y)/n @ W2.T * tanh'(h1))", "∂h1/∂z1", ""),
    ("classes dense/kernel", "x.T @ ((ŷ-y)/n @ W2.T * h1)", "∂h1/∂z1", "the function stands"),
    ("classes dense_1/kernel", "h1.T @ (ŷ - y)", "∂J/∂ŷ", "the 1/n is forgotten"),
    ("classes dense_1/kernel", "h1.T @ ((ŷ - y)*ŷ*(1-ŷ))/n", "∂z2/∂W2", ""),
    ("mse dense/kernel", "2/n * x.T @ (ŷ - y)", "∂J/∂ŷ", "2 times"),
    ("mse dense/kernel", "x.T @ (y - ŷ)/n", "∂J/∂ŷ", "sign"),
    ("l2 dense/kernel", "x.T @ (ŷ - y)/n", "∂J/∂W1", "path"),
    ("l2 dense/kernel", "x.T @ (ŷ - y)/n + 0.01*W1", "∂J/∂W1", ""),
    ("square dense/kernel", "x.T @ ((2*(ŷ-y)/(3*n) * ŷ*(1-ŷ)) @ W2 * h1*(1-h1))", "∂z2/∂h1",
     "is to be transposed"),
    ("square dense/kernel", "x.T @ ((2*(ŷ-y)/(3*n)) @ W2.T * h1*(1-h1))", "∂ŷ/∂z2", "is missing"),
    ("square dense/kernel", "x.T @ ((2*(ŷ-y)/(3*n) * ŷ*(1-ŷ)) @ W2.T)", "∂h1/∂z1", "is missing"),
    ("square dense/kernel", "x.T @ ((2*(ŷ-y)/(3*n) * z2*(1-z2)) @ W2.T * h1*(1-h1))", "∂ŷ/∂z2",
     "the value z2"),
    ("skip", "x.T @ (δ*(1-h²)); δ = 2*(ŷ-y)/n", "∂k/∂h", "path"),
    ("skip", "x.T @ ((δ*(1-k²)) @ B.T*(1-h²)); δ = 2*(ŷ-y)/n", "∂ŷ/∂h", "path"),
    ("skip", "x.T @ ((δ + δ @ B.T)*(1-h²)); δ = 2*(ŷ-y)/n", "∂k/∂h", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "factor", "words"), WRONG,
                         ids=[f"{n}: {a}" for n, a, *_ in WRONG])  # fmt: skip
def test_wrong_answers_and_their_first_wrong_factor(name, answer, factor, words):
    found = gd.grade(derivation(name), answer)
    assert found.verdict == "wrong"
    assert not found.right
    if factor is not None or "update" in words:
        assert found.wrong_factor == factor, str(found)
    assert words in found.reason, str(found)


PIECES = ["x.T", "@", "(ŷ-y)", "W2.T", "*", "[h1>0]", "/n", "h1", "-", "W1", "+", "(", ")", "sum(",
          "σ'(z2)", "δ2", "2", "/0", "z1", "b1"]  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(" ".join))
def test_any_answer_gets_a_grade_and_only_the_gradient_is_right(answer):
    found = gd.grade(derivation("binary dense/kernel"), answer)
    assert found.verdict in ("wrong", "unreadable")
    assert found.reason
    assert not gd.grade(derivation("binary dense/kernel"), [answer] * 5).right


def test_the_update_is_no_answer_by_name():
    found = gd.grade(derivation("lecture w2"), "w2 - η*(ŷ-y)*σ(z1)")
    assert found.verdict == "unreadable"
    assert "η belongs to the update" in found.reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [("W3 @ x", "there is no 'W3' here; there are W1, b1, W2, b2"), ("2x", "write 2*x"),
     ("∂J/∂W1", "∂J/∂W1 is what is asked for"), ("__import__('os')", "no meaning")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_so(answer, words):
    found = gd.grade(derivation("binary dense/kernel"), answer)
    assert (found.right, found.verdict, found.wrong_factor) == (False, "unreadable", None)
    assert words in found.reason


def test_small_scalar_answers_are_proved():
    assert gd.grade(derivation("lecture w1"), "(ŷ-y)*w2*σ(z1)*(1-σ(z1))*x").proved
    assert gd.grade(derivation("regression"), "2*x*(w*x + b - y)").proved
    assert not gd.grade(derivation("binary dense_1/kernel"), "h1.T @ (ŷ - y)/n").proved


def test_factor_by_factor():
    d = derivation("lecture w1")
    found = gd.grade(d, ["-y/ŷ + (1-y)/(1-ŷ)", "ŷ*(1-ŷ)*w2*σ'(z1)", "x"])
    assert found.right
    assert [f.question for f in found.factors] == ["∂J/∂ŷ", "∂ŷ/∂z1", "∂z1/∂w1"]
    found = gd.grade(d, ["y/ŷ - (1-y)/(1-ŷ)", "ŷ*(1-ŷ)*w2", "w1"])
    assert [f.right for f in found.factors] == [False, False, False]
    assert found.wrong_factor == "∂J/∂ŷ"
    assert "sign" in found.reason


def test_a_factor_may_be_what_it_makes_of_a_cotangent():
    d = derivation("classes dense/bias")
    answers = ["-y/ŷ/n", "ŷ*(δ - sum(δ*ŷ, axis=1, keepdims=True))", "δ @ W2.T", "δ*(1 - h1²)",
               "sum(δ, axis=0)"]  # fmt: skip
    found = gd.grade(d, answers)
    assert [f.right for f in found.factors] == [False, True, True, True, True], str(found)
    found = gd.grade(d, {"dŷ/dz2": "ŷ*(1-ŷ)"})
    assert "no factor that stands alone" in found.reason


def test_factors_by_name():
    d = derivation("binary dense/kernel")
    assert gd.grade(d, {"∂ŷ/∂z2": "ŷ - ŷ²", "dh1/dz1": "[z1 > 0]", "∂z1/∂W1": "xᵀ"}).right
    found = gd.grade(d, {"∂z2/∂h1": "W2"})
    assert (found.wrong_factor, found.right) == ("∂z2/∂h1", False)
    assert "its transposed, (1×4)" in found.reason
    found = gd.grade(d, {"∂J/∂ŷ": "bce'(y, ŷ)"})
    assert "∂J/∂ŷ is n times too large" in found.reason
    found = gd.grade(d, {"∂h1/∂z1": "xᵀ"})
    assert "this is ∂z1/∂W1" in found.reason
    assert gd.grade(d, {"∂J/∂W1": "x.T @ δ1"}).right
    assert "is no factor of this derivation" in gd.grade(d, {"∂z2/∂x": "1"}).reason


def test_a_wrong_number_of_factors_is_said_so():
    found = gd.grade(derivation("lecture w1"), ["1", "2"])
    assert found.verdict == "unreadable"
    assert "there are 3 factors (∂J/∂ŷ, ∂ŷ/∂z1, ∂z1/∂w1), got 2 answers" in found.reason


def test_a_dropout_mask_is_a_name_like_others():
    d = derivation("dropout dense/kernel")
    mask = next(f for f in d.factors if f.rule == "div, where" or "where" in f.rule)
    assert mask is not None
    printed = str(d)
    assert "m2" in printed
    assert gd.grade(d, "x.T @ (where(m2, 2*(ŷ-y)/n @ W2.T, 0)/0.5 * [h1 > 0])").right
    assert not gd.grade(d, "x.T @ (2*(ŷ-y)/n @ W2.T * [h1 > 0])").right


def test_a_grade_prints_and_is_json_and_is_the_same_every_time():
    d = derivation("binary dense/kernel")
    first = gd.grade(d, "x.T @ ((ŷ-y) @ W2.T)/n")
    assert str(first) == (
        "∂J/∂W1: wrong — the factor ∂h1/∂z1 is missing\n"
        "    first wrong factor: ∂h1/∂z1\n"
        "    hint: Put ∂h1/∂z1 in. It comes from relu."
    )
    assert json.loads(first.json())["wrong_factor"] == "∂h1/∂z1"
    assert gd.grade(d, "x.T @ ((ŷ-y) @ W2.T)/n") == first


def test_grading_changes_no_weight():
    net = network("binary")
    before = [w.value for w in net.weights]
    gd.grade(derivation("binary dense/kernel"), "x.T @ δ1")
    assert all((a == w.value).all() for a, w in zip(before, net.weights, strict=True))


def test_what_is_no_derivation_or_no_answer_is_refused():
    with pytest.raises(TypeError, match="grade takes a derivation"):
        gd.grade(network("binary"), "x")
    with pytest.raises(TypeError, match="an answer is a text"):
        gd.grade(derivation("regression"), 3)


def test_examples_are_consistent():
    """Every example is one run of the network: names, factors and cotangents belong together."""
    from graphdl.derivation.grading.examples import Examples

    d = derivation("square dense/kernel")
    for e in Examples(d).all:
        leaves = {t: e.env[t] for t in e.examples.leaves.values()}
        (gradient,) = interpret([e.examples.twin[d.gradient]], leaves)
        np.testing.assert_allclose(gradient, e.gradient)
        for factor, after in zip(d.factors, e.after, strict=True):
            np.testing.assert_allclose(e.sent(factor, e.cotangents[factor.node]), after)
