"""Gradients of a tape: their numbers, their structure, and what is said where there is none."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import DisconnectedError, SlideWarning, TapeError


def tape(**options):
    return gd.GradientTape(target="python", **options)


def test_the_gradient_of_a_regression_is_the_one_on_paper():
    x, y = np.arange(12.0).reshape(4, 3) / 7, np.ones((4, 1))
    w = gd.Variable(np.full((3, 1), 0.5), name="w", dtype="float64")
    b = gd.Variable(0.25, name="b", dtype="float64")
    with tape() as t:
        error = gd.matmul(x, w) + b - y
        loss = gd.mean(gd.square(error))
    dw, db = t.gradient(loss, [w, b])
    residual = x @ w.value + 0.25 - 1
    assert float(loss) == pytest.approx(np.mean(residual**2), rel=1e-14)
    np.testing.assert_allclose(dw, 2 / 4 * x.T @ residual, rtol=1e-14)
    assert float(db) == pytest.approx(2 * residual.mean(), rel=1e-14)


def test_gradients_come_in_the_structure_of_the_sources():
    a, b = gd.Variable(2.0, dtype="float64"), gd.Variable(3.0, dtype="float64")
    with tape(persistent=True) as t:
        z = a * a * b
    assert float(t.gradient(z, a)) == 12
    found = t.gradient(z, {"first": [a], "both": (a, b)})
    assert float(found["first"][0]) == 12 and isinstance(found["both"], tuple)
    assert [float(g) for g in found["both"]] == [12, 4]


def test_arrays_and_tensors_are_watched_on_demand():
    x, c = np.array([1.0, 2.0, 3.0]), gd.Tensor(np.float64(5.0))
    with tape() as t:
        t.watch([x, c])
        z = gd.sum(gd.square(x)) * c
    dx, dc = t.gradient(z, [x, c])
    np.testing.assert_array_equal(dx, [10, 20, 30])
    assert float(dc) == 14


def test_a_watched_array_takes_the_dtype_of_what_it_meets():
    x, v = np.array([1.0, 2.0]), gd.Variable(3.0)
    with tape() as t:
        t.watch(x)
        z = gd.sum(x * v)
    assert z.dtype == "float32"
    np.testing.assert_array_equal(t.gradient(z, x), [3, 3])


def test_a_tape_inside_a_tape_gives_the_second_derivative():
    v = gd.Variable(2.0, dtype="float64")
    with tape() as outer:
        with tape() as inner:
            z = v**3
        slope = inner.gradient(z, v)
    assert float(outer.gradient(slope, v)) == 12
    assert float(slope) == 12 and float(z) == 8


def test_of_a_target_with_axes_the_elements_are_summed():
    v = gd.Variable([1.0, 2.0], dtype="float64")
    with tape() as t:
        z = gd.square(v)
    np.testing.assert_array_equal(t.gradient(z, v), [2, 4])


def test_several_gradients_need_a_persistent_tape():
    v = gd.Variable(2.0)
    with tape() as t:
        z = v * v
    t.gradient(z, v)
    with pytest.raises(TapeError, match="persistent=True"):
        t.gradient(z, v)
    with pytest.raises(TapeError, match="recorded nothing"):
        gd.GradientTape().gradient(z, v)


def test_what_was_computed_outside_has_no_gradient_and_the_error_says_why():
    v, w = gd.Variable(2.0, name="v"), gd.Variable(1.0, name="w")
    with tape(persistent=True) as t:
        z = v * v
    with pytest.raises(DisconnectedError, match="not computed inside this tape"):
        t.gradient(z * 2, v)
    with pytest.raises(DisconnectedError, match="float"):
        t.gradient(4.0, v)
    with pytest.raises(DisconnectedError, match=r"'w'.*outside of"):
        t.gradient(z, w)
    assert float(t.gradient(z, w, unconnected_gradients="zero")) == 0
    with pytest.raises(DisconnectedError, match=r"tape.watch"):
        t.gradient(z, np.ones(3))


def test_sources_and_watched_values_of_other_kinds_are_refused():
    v, n = gd.Variable(2.0), gd.tensor("n")
    with tape(persistent=True) as t:
        z = v * v
        with pytest.raises(TypeError, match=r"np.asarray"):
            t.watch(3.0)
        with pytest.raises(TapeError, match="nest another"):
            t.__enter__()
    with pytest.raises(TypeError, match=r"gd.grad"):
        t.gradient(z, n)
    with pytest.raises(TypeError, match="got str"):
        t.gradient(z, "v")
    with pytest.raises(ValueError, match="unconnected_gradients"):
        t.gradient(z, v, unconnected_gradients="nothing")
    with pytest.raises(TapeError, match="while the tape records"):
        gd.GradientTape().watch(np.ones(2))
    with pytest.raises(ValueError, match="unknown target"):
        gd.GradientTape(target="abacus")


def test_a_tensor_that_is_not_watched_has_a_gradient_and_a_warning():
    c = gd.Tensor(np.float64(3.0))
    with tape() as t:
        z = c * c
    with pytest.warns(SlideWarning, match="assign_sub"):
        assert float(t.gradient(z, c)) == 6


def test_what_was_computed_inside_is_a_source_without_being_watched():
    v = gd.Variable(2.0, dtype="float64")
    with tape() as t:
        h = v * v
        z = h * h
    assert float(t.gradient(z, h)) == 8


def test_what_is_returned_as_it_came_has_its_value():
    v, x = gd.Variable(2.0, dtype="float64"), np.array([1.0, 2.0])
    with tape() as t:
        same, flat = gd.activations.linear(v), gd.reshape(x, 2)
        z = same * 3.0
    v.assign(7.0)
    assert float(same) == 2 and float(t.gradient(z, v)) == 3
    np.testing.assert_array_equal(flat, x)


def test_only_numbers_are_recorded():
    with tape(), pytest.raises(gd.errors.DTypeError, match="complex128"):
        gd.square(np.ones(2) * 1j)


def test_whole_numbers_have_no_derivative():
    v, k = gd.Variable(2.0, name="v"), gd.Variable(3, name="k")
    with tape(persistent=True) as t:
        z, index = v * k, gd.argmax(v * np.ones(3))
    with pytest.raises(gd.errors.NotDifferentiableError, match="'k' is int64"):
        t.gradient(z, k)
    with pytest.raises(gd.errors.NotDifferentiableError, match="int64"):
        t.gradient(index, v)
    assert float(t.gradient(z, v)) == 3


def test_a_gradient_that_cannot_be_is_the_error_of_grad():
    v = gd.Variable(2.0, name="v")
    with tape() as t:
        z = gd.cast(gd.argmax(v * np.ones(3)), "float32")
    with pytest.raises(gd.errors.NotDifferentiableError, match="index"):
        t.gradient(z, v)
