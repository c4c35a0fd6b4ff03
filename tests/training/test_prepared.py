"""Functions prepared for arrays of one form: the values of `predict`, its errors, fresh outputs."""

import sys
import threading

import numpy as np
import pytest

import graphdl as gd
from graphdl.core import errors

TARGETS = ("python", "cpu")


def network(target="cpu", dtype="float32"):
    gd.set_seed(3)
    layers = [gd.layers.Dense(7, activation="tanh"), gd.layers.Dense(3, activation="softmax")]
    model = gd.Sequential([gd.layers.Input(shape=(5,), dtype=dtype), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", target=target)
    return model


@pytest.fixture(scope="module", params=TARGETS)
def model(request):
    return network(request.param)


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((1, 5), dtype=np.float32)


def test_a_prepared_prediction_has_the_bits_of_predict(model):
    x = np.random.default_rng(1).standard_normal((6, 5), dtype=np.float32)
    one, six = model.predict_function(), model.predict_function(rows=6)
    expected = model.predict(x)
    np.testing.assert_array_equal(six(x), expected)
    for row in range(6):
        alone = x[row : row + 1]
        np.testing.assert_array_equal(one(alone), model.predict(alone))


def test_a_prepared_function_has_the_bits_of_the_function(x):
    a, b = gd.tensor("a", shape=("n", 5)), gd.tensor("b", shape=(5,))
    for outputs in (a * b, [a + b, gd.sum(a * b)], (gd.sum(a),), gd.sum(a * b)):
        f = gd.function([a, b], outputs, target="python")
        ready = f.prepared(x, x[0])
        expected, found = f(x, x[0]), ready(x, x[0])
        assert type(found) is type(expected)
        listed = isinstance(outputs, (list, tuple))
        for e, g in zip(*((expected, found) if listed else ([expected], [found])), strict=True):
            np.testing.assert_array_equal(e, g)
            assert type(g) is type(e)


def test_compiled_functions_of_several_arrays_and_numbers(x):
    a, s = gd.tensor("a", shape=("n", 5)), gd.tensor("s", shape=())
    f = gd.function([a, s], [a * s, gd.sum(a) + s])
    ready = f.prepared(x, 2.0)
    expected, found = f(x, 2.0), ready(x, 2.0)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1] and np.ndim(found[1]) == 0
    out = [np.empty((1, 5), np.float32), np.empty((), np.float32)]
    assert ready(x, 3.0, out=out) is out
    np.testing.assert_array_equal(out[0], x * np.float32(3))


def test_outputs_are_fresh_and_out_is_filled_and_returned(model, x):
    f = model.predict_function()
    first = f(x)
    kept = first.copy()
    second = f(-x)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)
    out = np.empty((1, 3), np.float32)
    assert f(x, out=out) is out
    np.testing.assert_array_equal(out, kept)


def test_out_may_be_the_input():
    a = gd.tensor("a", shape=("n", 3))
    f = gd.function([a], gd.cumsum(a, 1)[:, ::-1])
    x = np.array([[1, 2, 3]], np.float32)
    ready, expected = f.prepared(x), f(x)
    assert ready(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(np.repeat(x, 2, 0))[:1],
        lambda x: np.repeat(x, 2, 1)[:, ::2],
        lambda x: x[:, ::-1][:, ::-1],
        lambda x: x.tolist(),
        lambda x: x.astype(">f4"),
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(1, 5),
    ],
    ids=["float64", "fortran", "strided", "twice-reversed", "list", "big-endian", "unaligned"],
)
def test_other_forms_of_the_same_numbers_are_converted(model, x, form):
    np.testing.assert_array_equal(model.predict_function()(form(x)), model.predict(x))


def test_what_may_not_be_written_may_be_read(model, x):
    expected = model.predict(x)
    x.flags.writeable = False
    np.testing.assert_array_equal(model.predict_function()(x), expected)


def test_what_does_not_fit_is_refused_as_by_predict(model, x):
    f = model.predict_function()
    for bad in (np.full((1, 5), np.nan, np.float32), x[0], np.zeros((1, 4), np.float32), "a", None):
        with pytest.raises((ValueError, errors.ShapeError, errors.DTypeError)) as expected:
            model.predict(bad)
        with pytest.raises(type(expected.value)) as found:
            f(bad)
        assert str(found.value) == str(expected.value)


def test_other_numbers_of_rows_are_refused(model):
    with pytest.raises(errors.ShapeError, match=r"x has shape \(2, 5\).*prepared for \(1, 5\)"):
        model.predict_function()(np.zeros((2, 5), np.float32))
    for rows in (0, -1, 1.5, "2"):
        with pytest.raises((ValueError, TypeError), match="rows"):
            model.predict_function(rows)


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty((1, 3), np.float64), "float32"),
        (np.empty((1, 4), np.float32), r"\(1, 3\)"),
        (np.empty((1, 6), np.float32)[:, ::2], "C order"),
        ([1, 2], "expected 1 arrays, got 2"),
        ("no", "got str"),
    ],
)
def test_an_output_that_does_not_fit_is_refused(model, x, out, error):
    with pytest.raises((ValueError, errors.ShapeError, errors.DTypeError), match=error):
        model.predict_function()(x, out=out)


def test_an_output_that_may_not_be_written_is_refused(model, x):
    out = np.zeros((1, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        model.predict_function()(x, out=out)
    assert not out.any()


def test_outputs_may_not_share_memory(x):
    a = gd.tensor("a", shape=("n", 5))
    ready = gd.function([a], [a + 1, a + 2]).prepared(x)
    room = np.empty((1, 5), np.float32)
    with pytest.raises(ValueError, match="share memory"):
        ready(x, out=[room, room])


@pytest.mark.parametrize("target", TARGETS)
def test_weights_have_the_values_of_the_moment(x, target):
    model = network(target)
    f = model.predict_function()
    before = f(x)
    model.fit(np.repeat(x, 8, 0), np.zeros(8, np.int64), epochs=2, verbose=0)  # moves them as well
    after = f(x)
    assert (before != after).any()
    np.testing.assert_array_equal(after, model.predict(x))
    model.weights[0].assign(np.zeros((5, 7)))
    np.testing.assert_array_equal(f(x), model.predict(x))


def test_indices_are_checked_in_each_call():
    embedding = gd.layers.Embedding(4, 2)
    model = gd.Sequential([gd.layers.Input(shape=(3,), dtype="int64"), embedding,
                           gd.layers.Flatten()])  # fmt: skip
    model.compile("sgd", "mse")
    f = model.predict_function()
    good = np.array([[0, 3, 1]])
    np.testing.assert_array_equal(f(good), model.predict(good))
    with pytest.raises(ValueError, match="knows 0 … 3"):
        f(np.array([[0, 4, 1]]))


def test_several_inputs_come_as_in_predict():
    a, b = gd.layers.Input(shape=(2,)), gd.layers.Input(shape=(2,))
    model = gd.Model([a, b], gd.layers.Add()([a, b]))
    model.compile("sgd", "mse", target="python")
    x = np.array([[1.0, 2.0]], np.float32)
    f = model.predict_function()
    np.testing.assert_array_equal(f([x, x]), model.predict([x, x]))
    np.testing.assert_array_equal(f(x, x), 2 * x)


def test_what_changes_or_draws_is_not_prepared(x):
    a, w = gd.tensor("a", shape=("n", 5)), gd.Variable(1.0, name="w")
    with pytest.raises(errors.GraphError, match="updates no variable"):
        gd.function([a], a * w, updates={w: w + 1}, target="python").prepared(x)
    drawn = a + gd.random.normal((5,))
    with pytest.raises(errors.GraphError, match="draws random numbers"):
        gd.function([a], drawn, target="python").prepared(x)


def test_threads_share_a_prepared_function():
    model = network()
    f = model.predict_function()
    xs = np.random.default_rng(2).standard_normal((4, 1, 5), dtype=np.float32)
    expected = [model.predict(x) for x in xs]
    wrong = []

    def work(k):
        for _ in range(3000):
            if (f(xs[k]) != expected[k]).any():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_call_leaves_no_reference(x):
    f = network().predict_function()
    counts = [sys.getrefcount(x)]
    for _ in range(50):
        result = f(x)
    counts.append(sys.getrefcount(x))
    assert counts[0] == counts[1]
    assert sys.getrefcount(result) == 2
