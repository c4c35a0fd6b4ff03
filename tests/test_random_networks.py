"""The random networks of the benchmark: what is drawn, and that nothing graphdl has is left out."""

import math

import numpy as np
import pytest

import graphdl as gd
from benchmarks.random_networks import draw
from benchmarks.random_networks.__main__ import Result, text
from benchmarks.random_networks.draw import Network, make_data

SYNONYMS = {"swish", "hard_swish"}


def test_every_activation_loss_and_optimizer_may_be_drawn():
    assert {*draw.ACTIVATIONS} == {*gd.activations.KNOWN} - SYNONYMS
    assert {*draw.LOSSES} == {*gd.losses.KNOWN} - {*gd.losses.ALIASES}
    assert {*draw.RATES} == {*gd.optimizers.KNOWN, "momentum", "nesterov"}


def test_sizes_are_uniform_in_their_logarithm():
    networks = [draw.draw(0, index) for index in range(2000)]
    for sizes, (least, most) in (
        ([len(n.sizes) - 1 for n in networks], draw.DEPTHS),
        ([n.sizes[0] for n in networks], draw.WIDTHS),
        ([n.batch for n in networks], draw.BATCHES),
    ):
        assert min(sizes) == least and max(sizes) <= most
        middle = math.sqrt(least * (most + 1))
        assert 0.45 < np.mean([size < middle for size in sizes]) < 0.55


def test_a_network_is_the_same_in_every_process():
    assert draw.draw(1, 2) == draw.draw(1, 2) != draw.draw(2, 1)


@pytest.mark.parametrize("loss", draw.LOSSES)
def test_graphdl_trains_on_the_data_of_each_loss(loss):
    network = Network((3, 2, 4), "glu", loss, "sgd", 8)
    x, y, parameters = make_data(network)
    assert len(x) == len(y) == network.rows == network.steps * 8
    assert [p.shape for p in parameters] == [(3, 4), (4,), (2, 4), (4,)]
    kind = gd.losses.get(loss)
    output = gd.tensor("p", shape=("n", 4))
    if kind.domain is not None:
        kind.domain.check(y, loss)
    assert len(kind.check_target(y, output)) == network.rows


def test_losses_apart_are_shown():
    network = draw.draw(0, 0)
    alike = Result("0:0", network, 5.0, (1.0, 1.0), (2.0, 2.0), 0.5, (0.4, 0.4001))
    apart = Result("0:1", network, 500.0, (1.0, 1.0), (0.8, 0.8), 0.5, (0.4, 0.41))
    table, summary = text([alike, apart]).split("\n\n")
    assert "0.5: 0.4, JAX 0.41" in table and "0.4001" not in table
    assert summary.splitlines() == [
        "products under 100 µs: median 2.00 of 1; goal 1.8: holds",
        "elsewhere: median 0.80 of 1; goal 1.0: does not hold",
        "all: minimum 0.80 of 2; goal 0.9: does not hold",
    ]
