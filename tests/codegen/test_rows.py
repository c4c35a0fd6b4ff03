"""Copies of rows: what they look like, what they leave alone, and the same values."""

import numpy as np
import pytest

import graphdl as gd
from codegen import ir
from codegen.printer import Printer

ROW, J = ir.Var("i", "int64"), ir.Var("j", "int64")
TEN, N = ir.integer(10), ir.Var("n", "int64")
X = ir.Buffer("x", (N, TEN), "float32", "input")
OUT = ir.Buffer("out", (N, TEN), "float32", "output")
WIDE = ir.Buffer("wide", (N, TEN), "float64", "output")


def printed(*inner, extent=TEN):
    return "\n".join(Printer(set()).body((ir.Loop(J, extent, inner),), 0))


def test_a_row_is_one_call():
    e = ir.Var("e1", "float32")
    assert (
        printed(ir.Store(OUT, (ROW, J), ir.Load(X, (ROW, J))))
        == "copy_row(out, (i, 0), x, (i, 0), 10)"
    )
    assert "copy_row" in printed(ir.Let(e, ir.Load(X, (ROW, J))), ir.Store(OUT, (ROW, J), e))


@pytest.mark.parametrize(
    "inner",
    [
        ir.Store(OUT, (ROW, J), ir.Load(X, (J, ROW))),  # a column
        ir.Store(OUT, (ROW, J), ir.Load(X, (ROW, ir.minus(ir.integer(9), J)))),  # backwards
        ir.Store(OUT, (ROW, J), ir.Load(X, (J, J))),  # a diagonal
        ir.Store(OUT, (ROW, J), ir.Load(OUT, (ir.ZERO, J))),  # within one array
        ir.Store(OUT, (ROW, J), ir.Load(X, (ROW, J)), "add"),
        ir.Store(WIDE, (ROW, J), ir.Load(X, (ROW, J))),  # another dtype
    ],
)
def test_what_is_no_copy_stays_a_loop(inner):
    assert "copy_row" not in printed(inner)


def test_an_unknown_length_stays_a_loop():
    assert "copy_row" not in printed(ir.Store(OUT, (ROW, J), ir.Load(X, (ROW, J))), extent=N)


@pytest.mark.parametrize("target", ["cpu", "python"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_values(target, dtype):
    x = gd.tensor("x", ("n", 7), dtype)
    which = gd.tensor("which", ("k",), "int64")
    rows = gd.function([x, which], [gd.gather(x, which), gd.concat([x, x], 1)], target=target)
    values = np.random.default_rng(0).integers(0, 2, (5, 7)).astype(dtype)
    taken, twice = rows(values, [4, 0, 4])
    assert "copy_row" in rows.source
    np.testing.assert_array_equal(taken, values[[4, 0, 4]])
    np.testing.assert_array_equal(twice, np.concatenate([values, values], 1))
