"""Data on the device: models use it where it lies, and say of it what they say of host arrays."""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda.arrays import DeviceArray
from codegen.cuda.current import current_device
from graphdl.device import Glance, glance

L = gd.layers
ROWS = 10


@pytest.fixture
def uploads(monkeypatch):
    """The bytes of each upload from here on."""
    device, found = current_device(), []
    own = device.upload
    monkeypatch.setattr(device, "upload", lambda at, a: (found.append(a.nbytes), own(at, a)))
    return found


class Foreign:
    """An array as another library would show it."""

    def __init__(self, values):
        self._array = gd.to_device(values)
        self.__cuda_array_interface__ = self._array.__cuda_array_interface__


def data(rows=ROWS):
    x = np.random.default_rng(0).standard_normal((rows, 5), dtype=np.float32)
    return x, (x[:, :1] > 0).astype(np.float32), np.linspace(0.5, 2, rows, dtype=np.float32)


def network(target="cuda", loss="binary_crossentropy"):
    gd.set_seed(0)
    end = L.Dense(3, "softmax") if loss.startswith("sparse") else L.Dense(1, "sigmoid")
    model = gd.Sequential([L.Input((5,)), L.Dense(4, "tanh"), end])
    model.compile("adam", loss, ["accuracy"], target=target)
    return model


def fitted(place, **settings):
    """Weights and history of a fit on data that was brought to its place."""
    x, y, weight = (place(a) for a in data())
    model = network()
    history = model.fit(x, y, 4, 2, 0, sample_weight=weight, **settings).history
    return [*model.get_weights(), *map(np.array, history.values())]


@pytest.mark.parametrize("settings", [{}, {"shuffle": False}, {"validation_split": 0.3}])
def test_a_fit_there_gives_the_bits_of_one_here(settings):
    for a, b in zip(fitted(gd.to_device, **settings), fitted(np.copy, **settings), strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_data_there():
    held = data(6)[:2]
    there = fitted(gd.to_device, validation_data=tuple(map(gd.to_device, held)))
    for a, b in zip(there, fitted(np.copy, validation_data=held), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_of_it_is_copied(uploads):
    x, y, weight = map(gd.to_device, data(50))
    del uploads[:]
    model = network()
    model.fit(x, y, 16, 3, 0, sample_weight=weight, validation_split=0.2)
    model.evaluate(x, y, verbose=0)
    assert isinstance(model.predict(x), DeviceArray)
    assert not {a.nbytes for a in (x, y, x[:40], y[:40], weight[:40])} & set(uploads)


def test_evaluation_and_predictions():
    x, y, weight = data()
    there = list(map(gd.to_device, (x, y, weight)))
    model = network()
    wanted = model.evaluate(x, y, 4, 0, weight)
    assert model.evaluate(*there[:2], 4, 0, there[2]) == wanted
    assert all(isinstance(v, float) for v in wanted)
    for made in (model.predict(there[0], 4), model.predict_on_batch(there[0])):
        assert isinstance(made, DeviceArray) and made.shape == (ROWS, 1)
        np.testing.assert_array_equal(made, model.predict(x))
    assert isinstance(model.predict(x), np.ndarray)
    assert model.predict(there[0][:0]).shape == (0, 1)


def test_callbacks_see_the_outputs_where_they_are():
    seen = []

    class Seen(gd.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            seen.append(logs["outputs"])

    x, model = data()[0], network()
    model.predict(gd.to_device(x), 4, callbacks=[Seen()])
    assert [s.shape for s in seen] == [(4, 1), (4, 1), (2, 1)]
    np.testing.assert_array_equal(np.concatenate(seen), model.predict(x))


def test_arrays_of_other_libraries_beside_those_of_the_host():
    a, b = L.Input((5,)), L.Input((5,))
    model = gd.Model([a, b], L.Dense(1)(L.Concatenate()([a, b])))
    model.compile("sgd", "mse", target="cuda")
    x, y, _ = data()
    wanted = model.predict([x, 2 * x])
    made = model.predict([Foreign(x), 2 * x])
    np.testing.assert_array_equal(made, wanted)
    assert isinstance(made, DeviceArray)
    model.fit([x, Foreign(2 * x)], Foreign(y), verbose=0)


def test_one_batch():
    x, y, weight = data()
    models = network(), network()
    for model, place in zip(models, (gd.to_device, np.copy), strict=True):
        model.train_on_batch(place(x), place(y), place(weight))
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)
    found = [m.gradients(p(x), p(y)) for m, p in zip(models, (gd.to_device, np.copy), strict=True)]
    for name, gradient in found[0].items():
        np.testing.assert_array_equal(gradient, found[1][name])


def test_a_model_learns_its_input_from_it():
    x, y, _ = data()
    model = gd.Sequential([L.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", target="cuda")
    model.fit(gd.to_device(x), gd.to_device(y[:, 0]), verbose=0)
    assert model.get_weights()[0].shape == (5, 1)


def test_class_numbers_and_weights_of_classes():
    x, labels = data()[0], np.arange(ROWS) % 3
    models = [network(loss="sparse_categorical_crossentropy") for _ in range(2)]
    for model, place in zip(models, (gd.to_device, np.copy), strict=True):
        model.fit(place(x), place(labels), 4, 1, 0, class_weight={0: 2.0, 1: 0.5})
        model.fit(place(x), place(labels[:, None]), 4, 1, 0)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)


def test_indices_of_a_table():
    model = gd.Sequential(
        [L.Input((2,), dtype="int64"), L.Embedding(4, 3), L.Flatten(), L.Dense(1)]
    )
    model.compile("sgd", "mse", target="cuda")
    x = np.array([[0, 3], [1, 2]])
    np.testing.assert_array_equal(model.predict(gd.to_device(x)), model.predict(x))
    for place in (gd.to_device, np.copy):
        with pytest.raises(ValueError, match="x holds 4 in row 1; 'embedding"):
            model.predict(place(x + [[0], [2]]))


def test_batches_of_an_iterable_come_by_the_host():
    x, y, _ = data()
    models = network(), network()
    for model, place in zip(models, (Foreign, np.copy), strict=True):
        model.fit(((place(x[k : k + 5]), place(y[k : k + 5])) for k in (0, 5)), verbose=0)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)


def changed(array, at, value):
    array = array.copy()
    array[at] = value
    return array


X, Y, WEIGHT = data()
LABELS = np.arange(ROWS) % 3
WRONG = {  # x, y, sample_weight
    "columns": (X[:, :4].copy(), Y, None),
    "axes": (X[0], Y, None),
    "rows": (X, Y[:4], None),
    "none": (X[:0], Y[:0], None),
    "NaN in x": (changed(X, (3, 1), np.nan), Y, None),
    "infinity in y": (X, changed(Y, 2, np.inf), None),
    "no probability": (X, changed(Y, 4, 1.5), None),
    "form of y": (X, np.repeat(Y, 2, 1), None),
    "weights": (X, Y, WEIGHT[:4]),
    "NaN in weights": (X, Y, changed(WEIGHT, 1, np.nan)),
    "negative weight": (X, Y, changed(WEIGHT, 5, -1)),
    "no class": (X, changed(LABELS, 6, 3), None),
    "one-hot": (X, np.eye(3)[LABELS], None),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_the_same_words(case):
    given = WRONG[case]
    loss = (
        "sparse_categorical_crossentropy"
        if case in ("no class", "one-hot")
        else "binary_crossentropy"
    )
    model = network(loss=loss)
    before = model.get_weights()
    said = []
    for place in (gd.to_device, np.copy):
        x, y, weight = (None if a is None else place(a) for a in given)
        with pytest.raises(ValueError) as error:
            model.fit(x, y, verbose=0, sample_weight=weight)
        said.append((type(error.value), str(error.value)))
    assert said[0] == said[1]
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_that_a_step_finds():
    model = network()
    with pytest.raises(
        ValueError, match="x has 1 values that are NaN or infinite, the first in row 3"
    ):
        model.predict(gd.to_device(WRONG["NaN in x"][0]))
    model = gd.Sequential([L.Input((5,)), L.Dense(1)])
    model.compile("sgd", "mse", target="cuda")
    large = gd.to_device(np.full((4, 5), 1e30, np.float32))
    with pytest.raises(gd.errors.NonFiniteError, match="stopped at batch 1 of epoch 1"):
        model.fit(large, gd.to_device(Y[:4]), verbose=0)


def test_another_dtype_is_refused_with_the_cure():
    model = network()
    for x, y in ((X.astype("f8"), Y), (X, Y.astype("i8"))):
        with pytest.raises(gd.errors.DTypeError, match="on the GPU; convert it there"):
            model.fit(gd.to_device(x), gd.to_device(y), verbose=0)
    model.fit(
        gd.to_device(X.astype("f8"), "float32"), gd.to_device(Y.tolist(), "float32"), verbose=0
    )


def test_an_array_that_is_not_in_order_is_named():
    x = Foreign(X)
    x.__cuda_array_interface__ = x.__cuda_array_interface__ | {"strides": (4, 40)}
    with pytest.raises(BufferError, match=r"^x: expected an array in C order"):
        network().predict(x)


def test_the_cpu_takes_a_copy():
    x, y, weight = map(gd.to_device, (X, Y, WEIGHT))
    model = network("python")
    model.fit(x, y, 4, verbose=0, sample_weight=weight, validation_split=0.2)
    assert isinstance(model.predict(x), np.ndarray)


def test_a_function_of_fixed_rows_takes_a_copy():
    model = network()
    made = model.predict_function(ROWS)(gd.to_device(X))
    np.testing.assert_array_equal(made, model.predict(X))


def test_rows_of_an_array():
    made = gd.to_device(X)
    np.testing.assert_array_equal(made[2:4], X[2:4])
    np.testing.assert_array_equal(made[-3:][1:], X[-2:])
    assert len(made[7:3]) == 0
    for other in (3, slice(0, 4, 2), [1, 2]):
        with pytest.raises(IndexError, match=r"a\[first:last\]"):
            made[other]


def test_a_glance():
    seen = glance(gd.to_device(np.array([[0.5, -2], [np.nan, 7]], np.float32)))
    assert (seen.nonfinite, seen.fractions) == (1, 2)  # NaN is no whole number
    assert glance(gd.to_device(np.array([3, -1, 2]))) == Glance(-1, 3)
    assert glance(gd.to_device(np.array([0.5, 2.0]))) == Glance(0.5, 2, 0, 1)


def test_numbers_become_an_array_there():
    assert gd.to_device([[1, 2]]).dtype == "int64" and gd.to_device(2.5).shape == ()
    assert gd.to_device(X.astype(">f4")).dtype == "float32"
    with pytest.raises(gd.errors.DTypeError, match="x: expected numbers"):
        gd.to_device(["a"])
