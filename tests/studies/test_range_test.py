"""The learning-rate range test."""

import numpy as np
import pytest

import graphdl as gd
from tests.studies.examples import data, model

layers, studies = gd.layers, gd.studies


def test_the_range_test_trains_at_growing_rates():
    made, (x, y) = model(gd.optimizers.SGD(0.5)), data()
    seen = studies.range_test(made, x, y, low=1e-3, high=10.0, steps=20, batch_size=40)
    assert seen.rates == pytest.approx(np.geomspace(1e-3, 10, 20))
    first = made.evaluate(x, y, batch_size=40, verbose=0, return_dict=True)["loss"]
    assert seen.losses[0] == pytest.approx(first, rel=1e-6)
    # the second loss is that after one step at the lowest rate
    made.optimizer.learning_rate = 1e-3
    made.train_on_batch(x, y)
    second = made.evaluate(x, y, batch_size=40, verbose=0, return_dict=True)["loss"]
    assert seen.losses[1] == pytest.approx(second, rel=1e-6)
    assert 1e-3 <= seen.steepest <= 10 and seen.ended == "all steps"


def test_the_range_test_stops_when_the_loss_explodes():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 2)), draw.normal(size=(40, 1))
    made = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(1)])
    made.compile("sgd", "mse", target="python")
    seen = studies.range_test(made, x, y, low=1e-3, high=1e4, steps=60)
    assert seen.ended == "diverged" and len(seen.rates) < 60
    assert seen.steepest < seen.rates[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "low < high"),
        ({"low": 0.0}, "low < high"),
        ({"steps": 3}, "steps"),
        ({"high": float("nan")}, "high"),
    ],
)
def test_a_bad_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        studies.range_test(model(), *data(), **settings)
