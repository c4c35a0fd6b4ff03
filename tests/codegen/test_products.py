"""Matrix products by tiles: right for every size and layout, and the same bits whatever the batch."""

import os
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from numba import njit

from codegen import layouts, narrow, native, tiles
from codegen.products import multiply
from codegen.vectors import Machine

EDGES = (1, 2, 5, 8, 9, 17, 31, 32, 33, 50)


@njit(error_model="numpy")
def upright(a, b, out):
    multiply(a, b, out)


@njit(error_model="numpy")
def a_transposed(a, b, out):
    multiply(a.T, b, out)


@njit(error_model="numpy")
def b_transposed(a, b, out):
    multiply(a, b.T, out)


@njit(error_model="numpy")
def both_transposed(a, b, out):
    multiply(a.T, b.T, out)


FORMS = {
    upright: lambda m, n, k: ((m, k), (k, n)),
    a_transposed: lambda m, n, k: ((k, m), (k, n)),
    b_transposed: lambda m, n, k: ((m, k), (n, k)),
    both_transposed: lambda m, n, k: ((k, m), (n, k)),
}


def check(form, m, n, k, dtype, seed=0):
    """Against NumPy in float64, within the error that k additions may make; nothing else written."""
    draw = np.random.default_rng(seed)
    a, b = (draw.standard_normal(shape).astype(dtype) for shape in FORMS[form](m, n, k))
    room = np.full((m + 2, n), 7, dtype)
    form(a, b, room[1:-1])
    left = a.T if form in (a_transposed, both_transposed) else a
    right = b.T if form in (b_transposed, both_transposed) else b
    wide = left.astype("f8") @ right.astype("f8")
    bound = (k + 1) * np.finfo(dtype).eps * (abs(left).astype("f8") @ abs(right).astype("f8"))
    assert (abs(room[1:-1] - wide) <= bound).all(), (m, n, k)
    assert (room[0] == 7).all() and (room[-1] == 7).all(), (m, n, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
def test_every_edge_of_tiles(form, dtype):
    for m, n, k in product(EDGES, EDGES, (1, 7, 16, 33)):
        check(form, m, n, k, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
def test_several_panels_and_blocks(form, dtype):
    block = layouts.BLOCK // (layouts.DEPTH * np.dtype(dtype).itemsize)  # rows
    assert layouts.DEPTH < 300 and 520 > block > 129 > tiles.FEW and tiles.MANY <= 512
    for m, n, k in ((150, 70, 600), (64, 1100, 300), (129, 33, 2100), (3, 40, 700), (70, 520, 513),
                    (525, 37, 300), (523, 515, 270), (13, 512, 5)):  # fmt: skip
        check(form, m, n, k, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
def test_few_columns_in_several_pieces(form, dtype):
    assert narrow.LONG < 1100
    for m, n, k in ((1100, 1, 40), (40, 1, 2100), (2100, 3, 20), (20, 3, 2100), (5, 4, 1037)):
        check(form, m, n, k, dtype)


def test_a_row_of_few_columns_has_the_same_bits_in_any_batch():
    draw = np.random.default_rng(1)
    a, b = draw.standard_normal((40, 1100), "f4"), draw.standard_normal((1100, 3), "f4")
    whole, part = np.empty((40, 3), "f4"), np.empty((5, 3), "f4")
    upright(a, b, whole)
    upright(a[:5].copy(), b, part)
    assert part.tobytes() == whole[:5].tobytes()


@pytest.mark.parametrize("form", [upright, a_transposed, b_transposed], ids=lambda f: f.__name__)
def test_nothing_to_add_up_or_to_write(form):
    for m, n, k in ((3, 4, 0), (0, 4, 3), (3, 0, 4)):
        check(form, m, n, k, "float32")


def test_a_row_has_the_same_bits_in_any_batch():
    draw = np.random.default_rng(1)
    a, b = draw.standard_normal((40, 37), "f4"), draw.standard_normal((37, 45), "f4")
    whole = np.empty((40, 45), "f4")
    upright(a, b, whole)
    for rows in (1, 2, 7, 8, 13):
        part = np.empty((rows, 45), "f4")
        upright(a[:rows].copy(), b, part)
        assert part.tobytes() == whole[:rows].tobytes()


def test_nan_and_infinity_pass_through():
    a, b = np.ones((9, 20), "f4"), np.ones((20, 33), "f4")
    a[3, 5], b[7, 2] = np.nan, np.inf
    out = np.empty((9, 33), "f4")
    upright(a, b, out)
    assert np.isnan(out[3]).all() and (out[:3, 2] == np.inf).all()
    assert np.isfinite(np.delete(np.delete(out, 3, 0), 2, 1)).all()


def test_damaged_object_code_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(tmp_path))
    made = native._object_code("float32")
    (file,) = tmp_path.glob("products_float32_*.o")
    assert native._object_code("float32") == made
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert native._object_code("float32") == made
    file.unlink()
    file.symlink_to("/dev/null")
    assert native._object_code("float32") == made


@pytest.mark.parametrize(
    "machine", [Machine(64, 32), Machine(32, 16), Machine(16, 16), Machine(16, 32)]
)
def test_text_for_other_machines_is_valid(machine):
    import llvmlite.binding as llvm

    for dtype in tiles.DTYPES:
        llvm.parse_assembly(str(tiles.module(dtype, machine))).verify()


def test_narrower_registers():
    """The same cases with the instructions of an older processor."""
    code = (
        "from codegen import native; assert native.machine().register == 16\n"
        "from tests.codegen import test_products as t\n"
        "for form in t.FORMS:\n"
        "    for m, n, k in ((9, 33, 17), (5, 50, 300), (129, 70, 600), (523, 515, 270)):\n"
        "        for dtype in ('float32', 'float64'): t.check(form, m, n, k, dtype)\n"
    )
    environment = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
