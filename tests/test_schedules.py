"""Schedules: numbers for numbers, nodes for nodes, and what they refuse."""

import json

import numpy as np
import pytest

import graphdl as gd
from graphdl import schedules
from tests.training.optimizer_reference import CASES, SCHEDULES

GIVEN = {
    name: arguments["learning_rate"]
    for name, (_, arguments) in CASES.items()
    if isinstance(arguments["learning_rate"], tuple)
} | {
    "constant": ("ConstantLearningRate", {"learning_rate": 0.25}),
    "warm-up at once": (
        "CosineDecay", {"initial_learning_rate": 1.0, "decay_steps": 5, "warmup_target": 0.5},
    ),
    "threefold": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 1.0, "first_decay_steps": 1, "t_mul": 3.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN)
def test_numbers_and_nodes(name):
    cls, arguments = GIVEN[name]
    schedule = getattr(schedules, cls)(**arguments)
    steps = np.arange(400)
    want = [SCHEDULES[cls](int(k), **arguments) for k in steps]
    np.testing.assert_allclose(schedule(steps), want, rtol=1e-12, atol=1e-15)
    assert isinstance(schedule(7), float)
    assert schedule(7) == schedule(steps)[7]
    k = gd.tensor("k", (), "int64")
    rate = gd.function([k], schedule(k), target="python")
    assert [float(rate(i)) for i in (0, 7, 100)] == [schedule(i) for i in (0, 7, 100)]


@pytest.mark.parametrize("name", GIVEN)
def test_arguments_are_attributes_that_can_be_written_to_a_file(name):
    cls, arguments = GIVEN[name]
    schedule = schedules.KNOWN[cls](**arguments)
    kept = {key: getattr(schedule, key) for key in arguments}
    assert json.loads(json.dumps(kept)) == arguments


BAD = {
    "rate negative": (lambda s: s.ExponentialDecay(-1, 10, 0.5), "initial_learning_rate"),
    "rate NaN": (lambda s: s.ConstantLearningRate(float("nan")), "learning_rate"),
    "no steps": (lambda s: s.InverseTimeDecay(0.1, 0, 0.5), "decay_steps"),
    "decay negative": (lambda s: s.ExponentialDecay(0.1, 10, -0.5), "decay_rate"),
    "end negative": (lambda s: s.PolynomialDecay(0.1, 10, -0.1), "end_learning_rate"),
    "too few rates": (lambda s: s.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "2 rates"),
    "boundaries fall": (lambda s: s.PiecewiseConstantDecay([2, 1], [0.1] * 3), "boundaries grow"),
    "warm-up negative": (
        lambda s: s.CosineDecay(0.1, 5, warmup_target=1, warmup_steps=-1), "warmup_steps",
    ),
    "periods shrink": (lambda s: s.CosineDecayRestarts(0.1, 5, t_mul=0.5), "t_mul"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_refused_by_name(name):
    make, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        make(schedules)


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(0)


def test_they_are_found_where_keras_has_them():
    assert gd.optimizers.schedules.CosineDecay is schedules.CosineDecay
