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


def in_batches(x, y, size=8):
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(x), size)]


def test_batches_of_an_iterable_are_looked_at_as_they_come(model, bad):
    y = np.zeros(50)
    for call in (model.predict, lambda batches: model.evaluate(batches, verbose=0)):
        with pytest.raises(
            ValueError, match="batch 5 of the iterable: x has 1 values that are NaN"
        ):
            call(iter(in_batches(bad, y)))


def test_rows_of_a_memory_map_are_looked_at_as_they_are_read(model, bad, tmp_path):
    np.save(tmp_path / "x.npy", bad)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    for call in (lambda: model.predict(x), lambda: model.evaluate(x, np.ones(50), verbose=0)):
        with pytest.raises(ValueError, match="x has 2 values that are NaN or infinite"):
            call()


class Raises(gd.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        raise RuntimeError("enough")


@pytest.mark.parametrize("of", ["array", "iterable", "callback"])
def test_metrics_forget_a_part_of_the_data(model, bad, of):
    y, good = np.ones(50), np.zeros((50, 5), np.float32)
    with pytest.raises((ValueError, RuntimeError), match=r"NaN|enough"):
        if of == "array":
            model.evaluate(bad, y, batch_size=8, verbose=0)
        elif of == "iterable":
            model.evaluate(iter(in_batches(bad, y)), verbose=0)
        else:
            model.evaluate(good, y, verbose=0, callbacks=[Raises()])
    assert set(model._logs().values()) == {0.0}


def test_arrays_maps_and_iterables_in_turn_give_the_same_bits(model, tmp_path):
    """Predictions of arrays go on in a kept session, the others in sessions of their own."""
    x = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    expected = model.predict(x)
    batches = [(b,) for b in (x[:32], x[32:])]
    for given in (x.copy(), np.load(tmp_path / "x.npy", mmap_mode="r"), iter(batches), x.copy()):
        np.testing.assert_array_equal(model.predict(given), expected)
    for _ in range(2):
        np.testing.assert_array_equal(model.predict_on_batch(x[:32]), expected[:32])
