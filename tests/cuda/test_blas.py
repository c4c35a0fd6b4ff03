"""What goes to a library: from which extents on, and in the simulator how factors are rounded."""

import numpy as np
import pytest

from codegen import ir
from codegen.cuda.blas import Least, Product, may_pay, pays
from codegen.cuda.simulated_blas import rounded


@pytest.mark.parametrize(
    ("shape", "arithmetic", "does"),
    [
        ((1024, 1024, 1024), "float32", True),
        ((1024, 4096, 784), "float32", True),
        ((1024, 1023, 1024), "float32", False),
        ((255, 8192, 8192), "float32", False),
        ((1024, 1024, 1024), "float64", True),
        ((128, 128, 128), "tf32", True),
        ((128, 4096, 127), "bf16", False),
        ((0, 4096, 4096), "bf16", False),
    ],
)
def test_what_pays_is_long_on_each_side_and_much_work(shape, arithmetic, does):
    assert pays(Product(*shape, ta=False, tb=False, arithmetic=arithmetic)) == does


def test_from_where_on_it_pays_is_a_parameter():
    product = Product(3, 4, 5, ta=False, tb=True, arithmetic="tf32")
    assert pays(product, {"tf32": Least(3, 60)})
    assert not pays(product, {"tf32": Least(4, 60)}) and not pays(product, {"tf32": Least(3, 61)})


@pytest.mark.parametrize(
    ("terms", "columns", "dtype", "may"),
    [(784, 4096, "float32", True), (784, 512, "float32", False), (784, 128, "float32", False),
     (4096, 10, "float32", False), (784, 4096, "int64", False)],
)  # fmt: skip
def test_what_may_pay_before_there_are_rows(terms, columns, dtype, may):
    """An epilogue of ours is worth more where it does not."""
    a = ir.Buffer("a", (ir.Var("n", "int64"), ir.Const(terms, "int64")), dtype)
    b = ir.Buffer("b", (ir.Const(terms, "int64"), ir.Const(columns, "int64")), dtype)
    out = ir.Buffer("out", (a.shape[0], b.shape[1]), dtype)
    assert may_pay(ir.MatMul(a, b, out), "float32") == may


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
