"""Rows 32 and 44: what the sweep saves by using later layers' gradients, and the cost as a formula."""

import itertools

import numpy as np
import pytest

import graphdl as gd
from graphdl.derivation.derivation import derive


def network(*hidden):
    """The class that passes or fails: two inputs, sigmoid layers, one probability."""
    h, y = gd.tensor("x", ("n", 2)), gd.tensor("y", ("n", 1))
    weights = []
    for k, units in enumerate((*hidden, 1), 1):
        w = gd.Variable(np.zeros((h.shape[-1], units)), f"W{k}")
        b = gd.Variable(np.zeros(units), f"b{k}")
        h = gd.sigmoid((h @ w + b).named(f"z{k}")).named("ŷ" if units == 1 else f"h{k}")
        weights.append(w)
    return derive(gd.mean(gd.losses.binary_crossentropy(y, h)).named("J"), weights[0])


def test_row_32_the_sweep_against_each_weight_by_itself():
    """Every layer multiplies the paths of a single weight; the sweep adds its own steps only."""
    costs = [network(*hidden).cost().at(n=1) for hidden in ((), (3,), (3, 3), (3, 3, 3))]
    assert [c.weights for c in costs] == [3, 13, 25, 37]
    assert [c.paths for c in costs] == [3, 13, 43, 133]
    sweeps = [c.sweep for c in costs]
    growth = np.diff(sweeps[1:])
    assert growth[0] == growth[1]  # one more layer of three costs the same each time
    ratios = [c.ratio() for c in costs]
    assert all(b > 2 * a for a, b in itertools.pairwise(ratios[1:]))
    assert costs[-1].ratio("differences") > 40


def test_row_32_how_often_each_factor_is_reused():
    reuse = {r.name: r for r in network(3).cost().reuse}
    assert reuse["∂J/∂ŷ"].weights == ("W1", "b1", "W2", "b2")
    assert reuse["∂J/∂z2"].used_for == ("b2", "W2", "h1")
    assert reuse["∂J/∂z2"].times == 6  # b2, W2, h1 and then z1, W1, b1


def test_row_44_operations_of_a_gradient_as_a_formula_in_n():
    """Full batch: linear in the number of examples, whatever the network."""
    c = network(16).cost()
    assert c.names == ("n",)
    assert c.formulas["sweep"].startswith("2·n·1·16 + 2·2·n·16 + 2·16·n·1 + ")
    per_example = c.at(n=2).sweep - c.at(n=1).sweep
    assert c.at(n=60_000).sweep - c.at(n=59_999).sweep == per_example
    assert c.at(n=60_000).sweep == pytest.approx(60_000 / 32 * c.at(n=32).sweep, rel=0.01)
