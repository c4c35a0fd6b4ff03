"""Products that a library does: which, with what sizes, and that nothing else changes by it.

What the library is on a GPU is NumPy here. Thresholds are lowered, as the simulator is slow.
"""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import blas, executable
from codegen.cuda.simulated_blas import SimulatedBlas, rounded
from tests.cuda.collected import network, trained
from tests.cuda.distance import ulps

L = gd.layers
DRAW = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Four rows, columns and terms are enough, and small steps are not one block's."""
    for arithmetic in blas.LEAST:
        monkeypatch.setitem(blas.LEAST, arithmetic, blas.Least(4, 0))
    monkeypatch.setattr(executable, "fits", lambda program: False)


@pytest.fixture
def asked(monkeypatch):
    """The products that are prepared, in order."""
    found, prepare = [], SimulatedBlas.prepare

    def noting(self, product, *places):
        found.append(product)
        return prepare(self, product, *places)

    monkeypatch.setattr(SimulatedBlas, "prepare", noting)
    return found


def values(*shape, dtype="float32"):
    return DRAW.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
def test_operands_that_lie_transposed(ta, tb, dtype, asked):
    x, y = values(*(7, 5)[:: -1 if ta else 1]), values(*(5, 6)[:: -1 if tb else 1])
    x, y = x.astype(dtype), y.astype(dtype)
    a, b = gd.tensor("a", x.shape, dtype), gd.tensor("b", y.shape, dtype)
    product = (gd.transpose(a) if ta else a) @ (gd.transpose(b) if tb else b)
    made = gd.function([a, b], product, target="cuda")(x, y)
    true = (x.T if ta else x) @ (y.T if tb else y)
    np.testing.assert_allclose(made, true, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-6)
    (found,) = asked
    assert (found.rows, found.columns, found.terms, found.arithmetic) == (7, 6, 5, dtype)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_factors_are_rounded_where_that_is_asked_for(precision):
    x, w = values(5, 8), values(8, 6)
    a = gd.tensor("a", ("n", 8))
    f = gd.function([a], a @ gd.Variable(w), target="cuda", matmul_precision=precision)
    np.testing.assert_array_equal(f(x), rounded(x, precision) @ rounded(w, precision))
    exact = x.astype(float) @ w
    error = np.linalg.norm(f(x) - exact) / np.linalg.norm(exact)
    assert 1e-5 < error < {"tf32": 1e-3, "bf16": 1e-2}[precision]
    said = "\nmatmul_precision {}, {} products by the library\n"
    assert said.format(precision, 1) in f.explain(n=5)
    assert said.format(precision, 0) in f.explain(n=3)


def test_an_epilogue_stands_in_our_own_products_alone(monkeypatch):
    """A library takes none; where it may be asked for depends on the extents that are known."""
    a = gd.tensor("a", ("n", 8))
    node = gd.relu(a @ gd.Variable(values(8, 6)))
    library = gd.function([a], node, target="cuda", matmul_precision="tf32")
    monkeypatch.setitem(blas.LEAST, "bf16", blas.Least(7, 0))
    ours = gd.function([a], node, target="cuda", matmul_precision="bf16")
    kernels = [
        [k.product is not None for k in f._executable.emitted.kernels] for f in (library, ours)
    ]
    assert kernels == [[True, False], [False]]
    assert "By cuBLASLt in tf32, at sizes that are worth it: kernel1." in library.source
    assert "cuBLASLt" not in ours.source


def test_float64_is_not_rounded(asked):
    x = values(5, 5, dtype="float64")
    a = gd.tensor("a", (5, 5), "float64")
    f = gd.function([a], a @ a, target="cuda", matmul_precision="bf16")
    np.testing.assert_allclose(f(x), x @ x, rtol=1e-13)
    assert [p.arithmetic for p in asked] == ["float64"]


def test_too_few_rows_are_left_to_our_own_kernel(asked):
    a = gd.tensor("a", ("n", 8))
    w = values(8, 6)
    f = gd.function([a], a @ gd.Variable(w), target="cuda", matmul_precision="tf32")
    for rows, library in ((3, 0), (4, 1), (9, 2)):
        x = values(rows, 8)
        error = np.max(np.abs(f(x) - x @ w))
        assert len(asked) == library and (error > 1e-4) == bool(library)


def test_a_product_in_a_repeat_is_that_of_its_row(asked):
    a = gd.tensor("a", ("n", 5))
    weights = [values(5, 5) for _ in range(6)]
    h, true = a, values(4, 5)
    x = true
    for w in weights:
        h, true = gd.tanh(h @ gd.Variable(w)), np.tanh(true @ w)
    f = gd.function([a], h, target="cuda")
    np.testing.assert_allclose(f(x), true, rtol=1e-5, atol=1e-6)
    assert len(asked) == 6


def test_training_is_that_of_the_cpu_and_a_ragged_batch_has_products_of_its_own(asked):
    ours, theirs = trained("cuda", "adam"), trained("python", "adam")
    for a, b in zip(ours, theirs, strict=True):
        assert ulps(a, b, "float32") <= 64
    rows = {p.rows for p in asked if (p.columns, p.terms) == (8, 6)}
    assert rows == {8, 6, 14}  # batches of 8 and 6 of the fit and of evaluate; predict takes all
    assert {p.terms for p in asked if (p.rows, p.columns) == (6, 8)} == {8, 6}  # the gradient


def test_two_runs_are_the_same_bits_in_each_precision():
    for precision in ("float32", "tf32"):
        runs = [trained("cuda", "adam", matmul_precision=precision) for _ in range(2)]
        for a, b in zip(*runs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_a_guard_keeps_is_not_left_to_a_library(asked):
    """A library does not know that a guard has ended the run."""
    x, w = gd.tensor("x", (4, 4)), gd.Variable(np.eye(4, dtype=np.float32))
    f = gd.function([x], gd.sum(x), {w: x @ x}, target="cuda")
    with pytest.raises(gd.errors.NonFiniteError):
        f(np.full((4, 4), 3e38, np.float32))
    np.testing.assert_array_equal(w.value, np.eye(4))
    f(np.full((4, 4), 2, np.float32))
    np.testing.assert_array_equal(w.value, np.full((4, 4), 16))
    assert asked


def test_a_guard_ends_a_run_in_which_a_library_has_a_part():
    x, y = values(14, 6), np.ones((14, 1), np.float32)
    x[9] = 3e38
    gd.set_seed(3)
    model = gd.Sequential(network())
    model.compile("adam", "binary_crossentropy", target="cuda")
    with pytest.raises(gd.errors.NonFiniteError, match="batch 3 of epoch 1"):
        model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 2
