"""Embedding: rows of a table, their gradient, and indices that are checked before anything runs."""

import numpy as np
import pytest

import graphdl as gd
from tests.training.nets import compiled, same

IDS = np.array([[0, 3], [2, 2], [4, 0], [1, 3]])
Y = np.array([[1.0], [2.0], [0.0], [-1.0]], np.float32)


def model(dtype="int64", target="python"):
    layers = [gd.layers.Embedding(5, 3), gd.layers.Flatten(), gd.layers.Dense(1)]
    inputs = gd.layers.Input((2,), dtype=dtype)
    return compiled(gd.Sequential([inputs, *layers]), target=target)


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_one_step_moves_the_rows_that_were_used(dtype, target):
    net = model(dtype, target)
    E, W, b = net.get_weights()
    error = 2 * (E[IDS].reshape(4, 6) @ W + b - Y) / 4
    np.testing.assert_allclose(net.predict(IDS), E[IDS].reshape(4, 6) @ W + b, rtol=1e-5)
    expected = E.copy()
    np.add.at(expected, IDS, -0.01 * (error @ W.T).reshape(4, 2, 3))
    net.fit(IDS, Y, verbose=0)
    np.testing.assert_allclose(net.get_weights()[0], expected, rtol=1e-5, atol=1e-6)


def test_row_that_is_never_used_stays():
    net = model()
    before = net.get_weights()[0]
    net.fit(np.minimum(IDS, 3), Y, verbose=0)
    assert same([before[4]], [net.get_weights()[0][4]])


@pytest.mark.parametrize("bad", [5, -1])
def test_index_outside_the_table_is_refused_by_row(bad):
    net, ids = model(), IDS.copy()
    ids[2, 1] = bad
    before = net.get_weights()
    for call in (lambda: net.fit(ids, Y, verbose=0), lambda: net.predict(ids)):
        with pytest.raises(ValueError, match=rf"{bad} in row 2; 'embedding' .* knows 0 … 4"):
            call()
    assert same(before, net.get_weights())
    with pytest.raises(IndexError, match=f"index {bad}"):
        gd.layers.Embedding(5, 3)(ids)


def test_index_that_is_not_whole_is_refused():
    ids = IDS.astype("float32")
    ids[1, 0] = 0.5
    with pytest.raises(gd.errors.DTypeError, match=r"0\.5 in row 1"):
        model("float32").fit(ids, Y, verbose=0)


def test_only_the_columns_that_are_looked_up_are_checked():
    x = gd.layers.Input((2,))
    rows = gd.layers.Embedding(5, 3)(x[:, 0])
    net = compiled(gd.Model(x, gd.layers.Dense(1)(gd.layers.Concatenate()([rows, x]))))
    data = np.array([[4, 0.5], [0, 77.0]], np.float32)
    assert net.predict(data).shape == (2, 1)
    with pytest.raises(ValueError, match="77 in row 1"):
        net.predict(data[:, ::-1].round())


def test_index_from_weights_is_refused():
    dense = [gd.layers.Input((2,)), gd.layers.Dense(2), gd.layers.Embedding(5, 3)]
    with pytest.raises(gd.errors.ShapeError, match="depends on weights"):
        gd.Sequential(dense)


@pytest.mark.parametrize("sizes", [(0, 3), (5, 0), (2.5, 3)])
def test_sizes_that_are_refused(sizes):
    with pytest.raises(ValueError, match="Embedding"):
        gd.layers.Embedding(*sizes)
