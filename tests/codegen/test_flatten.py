"""Functions of short rows in one run: where that happens, where not, and the same values."""

import numpy as np
import pytest

import graphdl as gd
from codegen import ir
from codegen.passes.flatten import flatten


def lowered(build, columns, dtype="float32"):
    x = gd.tensor("x", ("n", columns), dtype)
    return gd.function([x], build(x)), gd.function([x], build(x), target="python")


def flat_loops(program):
    views = {b for i in program.items for b in (*ir.reads(i), *ir.writes(i)) if b.view_of}
    return {b for b in views if b.name.endswith("_flat")}


@pytest.mark.parametrize(
    "columns, dtype, flat",
    [
        (10, "float32", True), (2, "float32", True), (16, "float32", False),
        (7, "float64", True), (8, "float64", False),
    ],
)  # fmt: skip
def test_softmax(columns, dtype, flat):
    """A row of 16 fills a register; in float64 one of 8."""
    ours, plain = lowered(lambda x: gd.softmax(2 * x), columns, dtype)
    assert bool(flat_loops(ours.program)) is flat
    values = np.random.default_rng(0).standard_normal((7, columns)).astype(dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(ours(values), plain(values), rtol=tolerance)


def test_equal_layers_are_left_to_repeat():
    def deep(x):
        for _ in range(5):
            x = gd.exp(gd.sin(x))
        return x

    ours, _ = lowered(deep, 10)
    assert not flat_loops(ours.program)


def test_what_reads_other_elements_stays_as_it_is():
    rows, columns = ir.Var("i", "int64"), ir.Var("j", "int64")
    n, ten = ir.Var("n", "int64"), ir.integer(10)
    a, b = (ir.Buffer(name, (n, ten), "float32") for name in ("a", "b"))

    def program(index, expr):
        store = ir.Store(b, index, expr)
        nest = ir.Loop(rows, n, (ir.Loop(columns, ten, (store,)),))
        return ir.Program((ir.Kernel((nest,)),), (n,), (), ())

    def exp(e):
        return ir.Apply("exp", (e,), "float32")

    own = (rows, columns)
    assert flat_loops(flatten(program(own, exp(ir.Load(a, own)))))
    number = ir.Apply("cast", (columns,), "float32")
    for same in (
        program(own, exp(ir.Load(a, (rows, ir.ZERO)))),
        program((rows, ir.ZERO), exp(ir.Load(a, own))),
        program(own, exp(number)),
        program(own, ir.Apply("neg", (ir.Load(a, own),), "float32")),
    ):
        assert flatten(same).items == same.items
