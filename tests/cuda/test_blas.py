"""What goes to a library: from which extents on, and in the simulator how factors are rounded."""

import numpy as np
import pytest

from codegen.cuda.blas import Product, pays
from codegen.cuda.simulated_blas import rounded


@pytest.mark.parametrize(
    ("shape", "arithmetic", "does"),
    [
        ((1024, 1024, 1024), "float32", True),
        ((1024, 1023, 4096), "float32", False),
        ((1024, 1024, 1024), "float64", True),
        ((128, 128, 128), "tf32", True),
        ((128, 128, 127), "bf16", False),
        ((0, 128, 128), "bf16", False),
    ],
)
def test_what_pays_is_a_matter_of_the_least_extent(shape, arithmetic, does):
    assert pays(Product(*shape, False, False, arithmetic)) == does


def test_the_least_extent_is_a_parameter():
    assert pays(Product(3, 4, 5, False, True, "tf32"), {"tf32": 3})
    assert not pays(Product(3, 4, 5, False, True, "tf32"), {"tf32": 4})


def test_shapes_in_memory():
    assert Product(2, 3, 4, False, False, "tf32").shapes == ((2, 4), (4, 3), (2, 3))
    assert Product(2, 3, 4, True, True, "tf32").shapes == ((4, 2), (3, 4), (2, 3))


@pytest.mark.parametrize(("arithmetic", "bits"), [("tf32", 10), ("bf16", 7)])
def test_to_the_nearest_and_of_two_that_are_as_near_the_even_one(arithmetic, bits):
    last = 2.0**-bits
    given = [
        1 + last / 2,
        1 + 3 * last / 2,
        -1 - 0.6 * last,
        1 + last,
        2 - last / 4,
        np.inf,
        -np.inf,
    ]
    found = rounded(np.array([*given, np.nan, 0], np.float32), arithmetic)
    wanted = [1, 1 + 2 * last, -1 - last, 1 + last, 2, np.inf, -np.inf, np.nan, 0]
    np.testing.assert_array_equal(found, np.array(wanted, np.float32))


def test_float32_is_not_rounded():
    given = np.random.default_rng(0).standard_normal(9, dtype=np.float32)
    assert rounded(given, "float32") is given
