"""Updates take effect together: every new value is computed from the old ones."""

import numpy as np
import pytest

import graphdl as gd


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_variables_can_be_exchanged(target):
    a, b = gd.Variable([1.0, 2.0], name="a"), gd.Variable([3.0, 4.0], name="b")
    step = gd.function([], None, updates={a: b, b: a}, target=target)
    step()
    assert (a.value.tolist(), b.value.tolist()) == ([3.0, 4.0], [1.0, 2.0])
    step()
    assert (a.value.tolist(), b.value.tolist()) == ([1.0, 2.0], [3.0, 4.0])


def test_every_update_reads_the_old_values():
    a, b = gd.Variable(np.ones(3), name="a"), gd.Variable(np.full(3, 2.0), name="b")
    step = gd.function([], [a, b], updates={a: a + b, b: a * b}, target="python")
    before = step()
    np.testing.assert_array_equal(before, [np.ones(3), np.full(3, 2.0)])
    np.testing.assert_array_equal(a.value, np.full(3, 3.0))
    np.testing.assert_array_equal(b.value, np.full(3, 2.0))
