"""Expressions and listings as text: golden forms."""

import os
import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
import graphdl.show.install
from graphdl.ops.entropy import bce
from graphdl.show.text import expression, listing


def logistic_regression():
    x, y = gd.tensor("x", ("n", "m"), "float64"), gd.tensor("y", ("n", 1), "float64")
    w, b = gd.Variable(np.zeros((30, 1)), "W", "float64"), gd.Variable(np.zeros(1), "b", "float64")
    z = (x @ w + b).named("z")
    p = gd.sigmoid(z).named("ŷ")
    return x, w, b, z, p, gd.mean(bce(y, p)).named("J")


def test_print_stops_at_names():
    x, w, _, z, p, loss = logistic_regression()
    assert str(z) == "z = x @ W + b"
    assert str(p) == "ŷ = sigmoid(z)"
    assert str(loss) == "J = mean(bce(y, ŷ))"
    assert (str(x), str(w)) == ("x", "W")


def test_gradients_are_written_in_the_users_names():
    _, w, b, _, _, loss = logistic_regression()
    dw, db = gd.grad(loss, [w, b])
    assert str(dw) == "xᵀ @ (1/n*bce′(y, ŷ)*ŷ*(1 - ŷ))"
    assert str(db) == "sum(1/n*bce′(y, ŷ)*ŷ*(1 - ŷ), axis=0)"


def test_repr_is_one_line_with_the_type():
    x, w, _, z, _, _ = logistic_regression()
    assert repr(z) == "<Node f64[n, 1]: x @ W + b>"
    assert repr(w) == "<Variable f64[30, 1]: W>"
    assert repr(x) == "<Node f64[n, m]: x>"
    long = repr(sum((gd.exp(x) * k for k in range(1, 40)), x))
    assert "\n" not in long and len(long) <= 101


a, b, c = (gd.tensor(name, (3,), "float64") for name in "abc")
m = gd.tensor("M", (2, 3), "float64")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (a - (b - c), "a - (b - c)"),
        (a - b - c, "a - b - c"),
        (a + -b, "a - b"),
        (a - -b, "a - (-b)"),
        (-(a + b) * c, "-(a + b)*c"),
        (a / (b * c), "a/(b*c)"),
        ((a**b) ** c, "(a**b)**c"),
        (a ** (b**c), "a**b**c"),
        ((-a) ** 2, "(-a)**2"),
        (-(a**2), "-a**2"),
        (a * 0.1 + 2, "a*0.1 + 2"),
        ((a > 0) & (b < 1), "(a > 0) & (b < 1)"),
        (m @ (a * b), "M @ (a*b)"),
        ((m @ a) * 2, "(M @ a)*2"),
        (a @ b, "a @ b"),
        (m.T @ m @ a, "Mᵀ @ M @ a"),
        (a[:, None] * b, "a[:, None]*b"),
        (gd.sum(m, 0) + a, "sum(M, axis=0) + a"),
        (gd.mean(m), "mean(M)"),
        (gd.softmax(m, 0), "softmax(M, axis=0)"),
        (gd.where(a > 0, a, 0.0), "where(a > 0, a, 0)"),
        (m @ gd.ones((3, 2), "float64"), "M @ ones((3, 2))"),
    ],
)
def test_brackets_stand_where_they_are_needed(node, text):
    assert expression(node) == text


def test_what_is_used_twice_is_written_once():
    t = gd.exp(a * b) + c
    assert expression(t / gd.sqrt(t)) == "t1/sqrt(t1)\nwhere\n    t1 = exp(a*b) + c"


def test_text_grows_linearly_with_shared_parts():
    def doubled(times):
        t = a
        for _ in range(times):
            t = gd.sin(t) * gd.cos(t) + b
        return len(expression(t))

    assert doubled(40) < 2.5 * doubled(20)


def test_deep_graphs_are_cut_with_a_hint():
    t = a
    for _ in range(10_000):
        t = gd.sin(t)
    text = expression(t)
    assert text.startswith("sin(sin(") and "…" in text
    assert "9800 operations more" in text and ".named(" in text
    assert len(listing(t).splitlines()) == 10_001


def test_equal_names_are_told_apart():
    first, second = gd.Variable(1.0, "w"), gd.Variable(2.0, "w")
    assert expression(first * second) == "w*w#2"


def test_names_that_would_read_as_mathematics_are_quoted():
    odd = gd.tensor("a + b\n'", (3,), "float64")
    assert expression(odd * 2) == "‹a + b?'›*2"


def test_names_of_the_caller():
    t = a * b
    assert expression(t + c, {t: "product"}) == "product + c"


def test_listing():
    x = gd.tensor("x", ("n", 3), "float64")
    z = (x @ m.T).named("z")
    rows = listing([gd.sum(z * 2, 1)]).splitlines()
    assert [row.partition("  #")[0].rstrip() for row in rows] == [
        "x: f64[n, 3] = tensor",
        "M: f64[2, 3] = tensor",
        "%1: f64[3, 2] = transpose(M, axes=(1, 0))",
        "%2: f64[n, 2] = matmul(x, %1)",
        "z: f64[n, 2] = named(%2)",
        "%3: f64[n, 2] = mul(z, 2)",
        "%4: f64[n] = sum(%3, axes=(1,))",
    ]
    assert all("# test_text.py:" in row for row in rows)


def test_listing_of_a_graph_shows_outputs_and_updates():
    w = gd.Variable(np.ones(3), "w", "float64")
    graph = gd.Graph([a], [gd.sum(a * w)], {w: w - a})
    assert listing(graph).splitlines()[-2:] == ["return %2", "update w ← %3"]


PROGRAM = """
import numpy as np, graphdl as gd, graphdl.show.install
from graphdl.derivation.derivation import derive
from graphdl.show.text import listing
x = gd.tensor("x", ("n", 4)); y = gd.tensor("y", ("n", 1)); h = x
weights = [gd.Variable(np.ones((4, 4)), f"W{k}") for k in (1, 2, 3)]
for w in weights:
    h = gd.tanh(h @ w) + h
J = gd.mean(gd.square(gd.sum(h, -1, keepdims=True) - y)).named("J")
for w in weights:
    d = derive(J, w)
    print(d.gradient, repr(d.gradient), d.gradient.latex(), d, d.latex(), listing(d.gradient))
"""


def test_same_text_under_any_hash_seed():
    def printed(seed):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, check=True
        )
        return done.stdout

    assert printed("1") == printed("2") != b""
