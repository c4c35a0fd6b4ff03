"""Interval arithmetic encloses: whatever the operands are, the value lies in its interval."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphdl as gd
from graphdl.core.graph import apply
from graphdl.lint.intervals import SIMPLE, Interval, intervals
from graphdl.ops.registry import all_ops

OPS = all_ops()
UNARY = sorted(
    name for name in SIMPLE
    if name in OPS and OPS[name].samples and len(OPS[name].samples[0].shapes) == 1
    and OPS[name].partials is not None
)  # fmt: skip


def of(node):
    return intervals([node])[node]


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=40)
@given(low=st.floats(-50, 50), width=st.floats(0, 50), share=st.floats(0, 1))
def test_a_function_stays_in_its_interval(name, low, width, share):
    high = low + width
    x = min(max(low + share * width, low), high)
    a = gd.tensor("a", (), "float64")
    inside = gd.minimum(gd.maximum(a, low), high)
    node = apply(OPS[name], inside)
    value = float(gd.interpret([node], {a: x})[0])
    known = of(node)
    if math.isfinite(value):
        slack = 1e-9 * max(1.0, abs(value))
        assert known.low - slack <= value <= known.high + slack


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum"])
@given(ends=st.tuples(*[st.floats(-20, 20)] * 4), shares=st.tuples(*[st.floats(0, 1)] * 2))
def test_a_pair_stays_in_its_interval(name, ends, shares):
    (a, b), (c, d) = sorted(ends[:2]), sorted(ends[2:])
    x, y = a + shares[0] * (b - a), c + shares[1] * (d - c)
    known = SIMPLE[name](Interval(a, b), Interval(c, d))
    with np.errstate(all="ignore"):
        value = float(OPS[name].reference(np.float64(x), np.float64(y)))
    if math.isfinite(value):
        slack = 1e-9 * max(1.0, abs(value))
        assert known.low - slack <= value <= known.high + slack


z = gd.tensor("z", ("n", 3))


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (gd.sigmoid(z), "(0, 1)"),
        (1 - gd.sigmoid(z), "(0, 1)"),
        (gd.tanh(z), "(−1, 1)"),
        (1 - gd.square(gd.tanh(z)), "(0, 1]"),
        (gd.exp(z), "(0, ∞)"),
        (gd.exp(-gd.square(z)), "(0, 1]"),
        (gd.relu(z), "[0, ∞)"),
        (gd.relu(z) + 2, "[2, ∞)"),
        (z * z, "[0, ∞)"),
        (gd.softmax(z), "(0, 1)"),
        (gd.sum(gd.exp(z), 1), "(0, ∞)"),
        (gd.mean(gd.sigmoid(z)), "(0, 1)"),
        (gd.sigmoid(z) * gd.sigmoid(z + 1), "(0, 1)"),
        (gd.where(z > 2.0, z, 3.0), "(2, ∞)"),
        (gd.where(z < 2.0, 1.0, z), "[1, ∞)"),
        (gd.clip(z, -1.0, 4.0), "[−1, 4]"),
        (1 / (1 + gd.exp(z)), "(0, 1)"),
        (z / 3, "(−∞, ∞)"),
        (-gd.softplus(z), "(−∞, 0)"),
    ],
    ids=str,
)
def test_intervals_with_their_ends(node, text):
    assert str(of(node)) == text


def test_membership_and_open_ends():
    unit = Interval(0, 1, True, False)
    assert 0 not in unit and unit.touches(0) and 1 in unit and 0.5 in unit and 2 not in unit
