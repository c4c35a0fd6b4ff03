"""Decisions, curves of activations, capacity."""

import numpy as np
import pytest

import graphdl as gd
from graphdl import config
from tests.studies.examples import data, model

layers, studies = gd.layers, gd.studies


def test_the_regions_of_several_classes():
    gd.set_seed(0)
    made = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3, "softmax")])
    seen = studies.decision(made, points=11, target="python")
    assert seen.line is None and seen.outputs.shape == (11, 11, 3)
    places = np.stack(np.meshgrid(seen.x1, seen.x2), -1).reshape(-1, 2)
    assert np.array_equal(seen.classes.ravel(), seen(places).argmax(1))


def test_a_curved_decision_has_no_line():
    assert studies.decision(model(), points=5, target="python").line is None


def test_only_two_inputs_can_be_drawn():
    three = gd.Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
    with pytest.raises(gd.errors.ShapeError, match="two inputs"):
        studies.decision(three)


# these act on rows, or need a number of their own
OTHERS = {"softmax", "log_softmax", "sparsemax", "glu", "threshold"}


@pytest.mark.parametrize("name", sorted(set(gd.activations.KNOWN) - OTHERS))
def test_the_curve_of_every_activation(name):
    seen = studies.activation(name, -3, 3, 601)
    inner = np.gradient(seen.g, seen.z)
    smooth = np.abs(np.gradient(inner)) < 0.02  # elsewhere the quotient straddles a kink
    assert seen.slope[smooth][1:-1] == pytest.approx(inner[smooth][1:-1], abs=0.02)


def test_an_activation_of_whole_rows_has_no_curve():
    with pytest.raises(gd.errors.ShapeError, match="softmax acts on whole rows"):
        studies.activation("softmax")


def test_a_seeded_study_repeats_and_leaves_the_seed_alone():
    gd.set_seed(11)
    runs = [
        studies.capacity(
            data(), data(), widths=(1,), build=lambda w: model(units=w), epochs=2, seed=5
        )
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].train, runs[1].train)
    with config.seeded(5):
        assert config.seed() == 5
    before = config.seed(), config.next_stream()
    with config.seeded(6):
        config.next_stream()
    assert (config.seed(), config.next_stream()) == (before[0], before[1] + 1)
