"""NaN in the data of `predict` and `evaluate`: found by the compiled step, said as at the door."""

import numpy as np
import pytest

import graphdl as gd


def network(target):
    gd.set_seed(1)
    model = gd.Sequential([gd.layers.Input(shape=(5,)), gd.layers.Dense(3), gd.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], target=target)
    return model


@pytest.fixture(scope="module", params=["python", "cpu"])
def model(request):
    return network(request.param)


@pytest.fixture
def bad():
    x = np.ones((50, 5), np.float32)
    x[37, 2], x[41, 0] = np.nan, np.inf
    return x


SAID = r"x has 2 values that are NaN or infinite, the first in row 37 \(in float32\)"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 31, 32, 49])
def test_one_bad_value_anywhere_is_found(model, value, row):
    x = np.ones((50, 5), np.float32)
    x[row, row % 5] = value
    for call in (lambda: model.predict(x), lambda: model.evaluate(x, np.ones(50), verbose=0)):
        with pytest.raises(ValueError, match=f"x has 1 values.*the first in row {row} "):
            call()


def test_values_and_rows_are_counted_over_all_of_the_data(model, bad):
    with pytest.raises(ValueError, match=SAID):
        model.predict(bad)
    with pytest.raises(ValueError, match=SAID):
        model.evaluate(bad, np.ones(50), verbose=0)


def test_what_is_finite_only_in_float64_is_refused(model):
    x = np.ones((4, 5))
    x[2, 1] = 1e300
    with pytest.raises(ValueError, match=r"the first in row 2 \(in float32\)"):
        model.predict(x)


def test_an_evaluation_that_failed_leaves_no_trace(model, bad):
    x, y = np.ones((50, 5), np.float32), np.zeros(50)
    expected = model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="NaN"):
        model.evaluate(bad, y, verbose=0)
    assert model._tracker.result() == 0
    assert model.evaluate(x, y, verbose=0) == expected


def test_large_finite_values_are_taken(model):
    x = np.full((3, 5), np.finfo(np.float32).max, np.float32)
    assert model.predict(x * np.float32(1e-3)).shape == (3, 1)


def test_nothing_is_called_back_before_a_refusal(model, bad):
    class Seen(gd.callbacks.Callback):
        calls = 0

        def on_predict_begin(self, logs=None):
            self.calls += 1

        on_test_begin = on_predict_begin

    seen = Seen()
    with pytest.raises(ValueError, match=SAID):
        model.predict(bad, callbacks=[seen])
    with pytest.raises(ValueError, match=SAID):
        model.evaluate(bad, np.ones(50), verbose=0, callbacks=[seen])
    assert seen.calls == 0


def test_rows_beyond_the_steps_count_as_well(model, bad):
    with pytest.raises(ValueError, match=SAID):
        model.predict(bad, steps=1)
