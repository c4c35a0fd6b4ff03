"""Tensors: numbers where numbers are expected, and the value that held when they were recorded."""

import numpy as np
import pytest

import graphdl as gd


def tape(**options):
    return gd.GradientTape(target="python", **options)


def test_a_tensor_is_a_number_wherever_one_is_expected():
    v = gd.Variable(1.5, dtype="float64")
    with tape():
        z = v * v
    assert z.shape == () and z.dtype == "float64"
    assert float(z) == 2.25 and int(z) == 2 and z.item() == 2.25
    assert f"{z:.1f}" == "2.2" and str(z) == "2.25" and repr(z).startswith("tensor(2.25")
    assert z < 3 and z >= 2.25 and z == 2.25 and not bool(z != 2.25)
    assert isinstance(z.numpy(), np.float64) and np.asarray(z).shape == ()


def test_a_tensor_is_an_array_wherever_one_is_expected():
    v = gd.Variable([[1.0, 2.0], [3.0, 4.0]], dtype="float64")
    with tape():
        z = v + 1
    assert z.shape == (2, 2) and len(z) == 2 and z.ndim == 2
    np.testing.assert_array_equal(z, [[2, 3], [4, 5]])
    np.testing.assert_array_equal(z.T[0], [2, 4])
    np.testing.assert_array_equal([float(row[1]) for row in z], [3, 5])
    mine = z.numpy()
    mine[...] = 0
    assert z[0, 0].item() == 2
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(z)[0] = 0
    with pytest.raises(TypeError, match="no length"):
        len(z[0, 0])


def test_outside_a_tape_operations_on_tensors_give_their_value_at_once():
    v = gd.Variable(2.0, dtype="float64")
    with tape() as t:
        z = v * v
    gradient = t.gradient(z, v)
    moved = v - 0.5 * gradient
    assert isinstance(moved, gd.Tensor) and moved.pending is None
    assert float(moved) == 0 and isinstance(gd.sigmoid(0.0), np.floating)


def test_numpy_s_functions_on_tensors_are_recorded_inside_a_tape():
    v = gd.Variable([0.5, 1.0], dtype="float64")
    with tape() as t:
        z = gd.sum(np.array([2.0, 3.0]) * np.exp(v * 1) + np.arctan(np.ones(2)))
    np.testing.assert_allclose(t.gradient(z, v), [2 * np.exp(0.5), 3 * np.e])
    assert np.arctan(z) == np.arctan(float(z)) and isinstance(np.exp(z), np.floating)
    assert np.isclose(np.abs(-z), float(z)) and np.maximum.reduce([z]) == float(z)


def test_a_value_asked_for_later_is_that_of_recording_time():
    v = gd.Variable(2.0, dtype="float64")
    with tape():
        z = v * v
    v.assign(10.0)
    w = gd.Variable(1.0, dtype="float64")
    step = gd.function([], None, updates={v: v + 1}, target="python")
    with tape():
        later = v + w
    step()
    assert (float(z), float(later), float(v.value)) == (4, 11, 11)


def test_a_gradient_asked_for_later_is_that_of_recording_time():
    v = gd.Variable(2.0, dtype="float64")
    with tape() as t:
        z = v**3
    v.assign(5.0)
    assert float(t.gradient(z, v)) == 12 and float(z) == 8


def test_an_assignment_between_two_uses_tells_them_apart():
    v = gd.Variable(3.0, dtype="float64")
    with tape(persistent=True) as t:
        first = v * v
        v.assign(2.0)
        both = first + v * v * v
    assert float(both) == 17
    assert float(t.gradient(both, v)) == 2 * 3 + 3 * 4  # all reads of the variable count
    assert float(t.gradient(first, v)) == 6


def test_fit_and_optimizers_leave_recorded_values_alone():
    x, y = np.random.rand(8, 2), np.random.rand(8, 1)
    model = gd.Sequential([gd.layers.Input((2,)), gd.layers.Dense(1)])
    model.compile("sgd", "mse", target="python")
    before = np.asarray(model(x))
    with tape(persistent=True) as t:
        p = model(x)
        loss = gd.losses.MeanSquaredError()(y, p)
    kernel = model.weights[0]
    slope = 2 / 8 * x.T @ (before - y)
    model.fit(x, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(p, before)
    np.testing.assert_allclose(t.gradient(loss, kernel), slope, rtol=1e-5, atol=1e-6)
    gd.optimizers.SGD(0.1).apply_gradients([(t.gradient(loss, kernel), kernel)])
    np.testing.assert_allclose(t.gradient(loss, kernel), slope, rtol=1e-5, atol=1e-6)


def test_arrays_changed_afterwards_do_not_change_what_was_recorded():
    x, v = np.ones(3), gd.Variable(2.0)
    with tape():
        z = gd.sum(x * v)
    x[:] = 100
    assert float(z) == 6


def test_a_variable_has_a_value_a_name_and_can_be_assigned():
    v = gd.Variable([1.0, 2.0], name="v", trainable=False)
    assert v.shape == (2,) and v.dtype == "float32" and v.name == "v" and not v.trainable
    v.assign_add([1.0, 1.0])
    v.assign_sub(0.5)
    np.testing.assert_array_equal(v.numpy(), [1.5, 2.5])
    assert v.changes == [2]
    np.testing.assert_array_equal(np.asarray(v), [1.5, 2.5])
    np.asarray(v)[0] = 9
    w = gd.Variable([0.0, 0.0])
    w.assign(v)
    assert float(gd.Variable(1.5)) == 1.5 and w.value[0] == 1.5
    with pytest.raises(gd.errors.ShapeError, match="'v' has shape"):
        v.assign_sub([[1.0], [2.0]])
    np.testing.assert_array_equal(v.value, [1.5, 2.5])


def test_sizes_that_do_not_fit_are_refused_where_they_meet():
    with tape():
        a = gd.square(np.ones((4, 2)))
        with pytest.raises(gd.errors.ShapeError, match="do not fit"):
            a + np.ones((3, 2))
        assert (a + np.ones((1, 2))).shape == (4, 2)
