"""What is printed is right: read back by itself, it gives the gradient to 1e-10.

The reader (`reader`, `grammar`, `vocabulary`) knows nothing of graphdl; the networks are random.
"""

from __future__ import annotations

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import walk
from graphdl.core.notation import plain
from graphdl.derivation.derivation import derive
from tests.derivation.index_reader import IndexPage
from tests.derivation.latex_reader import LatexPage
from tests.derivation.networks import draw
from tests.derivation.reader import Page
from tests.derivation.vocabulary import STEP

SEEDS = [pytest.param(s, marks=pytest.mark.slow if s >= 60 else ()) for s in range(300)]
CLOSE, FLOOR = 1e-10, 1e-15  # the floor: what is left where terms of order 1 cancel


FORMS = {
    "matrix": lambda d, leaves, name: Page(d.text("matrix"), leaves).value(name),
    "index": lambda d, leaves, name: IndexPage(d.text("index"), leaves).array(name),
    "latex": lambda d, leaves, name: LatexPage(d.latex("matrix"), leaves).value(name),
}


def some(network):
    """The first weight, the last and one between: not all, for time."""
    names = network.weights
    return list(dict.fromkeys((names[0], names[len(names) // 2], names[-1])))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_printed_gradient_is_the_gradient(seed, form):
    network = draw(seed)
    for weight in some(network)[: None if form == "matrix" else 1]:
        d = network.model.derive(weight)
        (expected,) = network.values([d.gradient])
        found = FORMS[form](d, network.leaves(d), f"∂J/∂{plain(d.names[d.wrt])}")
        size, error = np.abs(expected).max(), np.abs(found - expected).max()
        assert error <= CLOSE * size + FLOOR, f"{network}: {weight}, {error / size:.1e}\n{d}"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_printed_forward_pass_has_the_gradient(seed):
    """The loss from the printed equations of all names; its derivative by a complex step."""
    network = draw(seed)
    loss = network.model.symbolic_loss(training=True)
    weight = network.model.weight(network.weights[seed % len(network.weights)])
    gradient = gd.grad(loss, weight)
    value, slope = network.values([loss, gradient])
    nodes = [n for n in walk([loss]) if n.op.name == "named"]
    text = "\n".join(str(n) for n in nodes if n.inputs[0].dtype != "bool")
    known = network.leaves(derive(loss, weight))
    direction = np.random.default_rng(seed).normal(size=slope.shape)
    moved = {plain(weight.name): weight.storage + STEP * 1j * direction}
    found = Page(text, known | moved).value("J")
    assert np.real(found) == pytest.approx(value, rel=CLOSE)
    expected, size = np.sum(slope * direction), np.sum(np.abs(slope * direction))
    assert abs(np.imag(found) / STEP - expected) <= CLOSE * size + FLOOR, f"{network}\n{text}"
