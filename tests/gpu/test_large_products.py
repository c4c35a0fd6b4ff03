"""Products that a library does, in each precision: how exact they are, and the same bits twice."""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import blas, executable
from codegen.cuda.device import missing_blas
from tests.gpu.device import SIMULATED, allowed, apart, here

L = gd.layers
SHAPES = here([(1024, 1024, 1024), (1536, 4096, 1024), (1031, 1025, 2051)], [(5, 9, 6)])
BATCH, UNITS = here((1024, 1024), (6, 5))
PRECISIONS = {"float32": None, "tf32": 1e-3, "bf16": 1e-2}  # what is allowed; of float32 by length
if not SIMULATED and missing_blas():
    pytest.skip(missing_blas(), allow_module_level=True)


@pytest.fixture(autouse=True)
def simulated(monkeypatch):
    """The simulator's products are small."""
    if SIMULATED:
        for arithmetic in blas.LEAST:
            monkeypatch.setitem(blas.LEAST, arithmetic, blas.Least(4, 0))
        monkeypatch.setattr(executable, "fits", lambda program: False)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_product_and_its_gradients(shape, precision):
    """Against float64: a·b, and with c in place of its gradient c·bᵀ and aᵀ·c."""
    rows, terms, columns = shape
    draw = np.random.default_rng(0)
    sizes = [(rows, terms), (terms, columns), (rows, columns)]
    x, y, z = arrays = [draw.standard_normal(s, dtype=np.float32) for s in sizes]
    a, b, c = (gd.tensor(n, s) for n, s in zip("abc", sizes, strict=True))
    nodes = [a @ b, c @ gd.transpose(b), gd.transpose(a) @ c]
    f = gd.function([a, b, c], nodes, target="cuda", matmul_precision=precision)
    assert f"matmul_precision {precision}, 3 products by the library" in f.explain()
    x, y, z = (m.astype(float) for m in (x, y, z))
    made = f(*arrays)
    for ours, true, length in zip(
        made, (x @ y, z @ y.T, x.T @ z), (terms, columns, rows), strict=True
    ):
        error = np.linalg.norm(ours - true) / np.linalg.norm(true)
        assert error <= (PRECISIONS[precision] or allowed(length))
    for ours, again in zip(made, f(*arrays), strict=True):
        np.testing.assert_array_equal(ours, again)


def network(precision, target):
    gd.set_seed(3)
    layers = [L.Input((UNITS,)), L.Dense(UNITS, activation="tanh"), L.Dense(UNITS)]
    model = gd.Sequential(layers)
    model.compile("adam", "mse", target=target, matmul_precision=precision)
    return model


def test_a_ragged_batch(reference):
    x = np.random.default_rng(0).standard_normal((BATCH * 5 // 3, UNITS), dtype=np.float32)
    ours, theirs = (network("float32", t).predict(x, batch_size=BATCH) for t in ("cuda", reference))
    assert apart(ours, theirs) <= allowed(UNITS)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_two_runs_are_the_same_bits(precision):
    x = np.random.default_rng(0).standard_normal((BATCH * 10 // 3, UNITS), dtype=np.float32)
    states = []
    for _ in range(2):
        model = network(precision, "cuda")
        model.fit(x, np.tanh(x), epochs=2, batch_size=BATCH, verbose=0)
        states.append([*model.get_weights(), *(v.value for v in model.optimizer.variables)])
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one, other)
