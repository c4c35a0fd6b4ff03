"""What may be made in the memory of an array that is then done, and what may not."""

from dataclasses import replace

import numpy as np
import pytest

from codegen import ir, memory
from codegen.executable import Executable
from codegen.optimisations import without
from codegen.passes.inplace import in_place
from codegen.verify import verify


def var(name):
    return ir.Var(name, "int64")


def buffer(name, *shape, role="temp", view_of=None, dtype="float64"):
    return ir.Buffer(name, tuple(map(ir.integer, shape)), dtype, role, view_of)


I, J, K, L, M, N, O, P = map(var, "ijklmnop")  # noqa: E741
X, Y = buffer("x", 3, 4, role="input"), buffer("y", 3, 4, role="output")
T, U = buffer("t", 3, 4), buffer("u", 3, 4)
FLAT = buffer("t_flat", 12, view_of=T)
S, R = buffer("s", 3, 4, dtype="float32"), buffer("r", 3, 4)
A, TWO = ir.Var("a", "float64"), ir.Const(2.0, "float64")


def nest(*body, i=I, j=J, before=(), beside=()):
    inner = ir.Loop(j, ir.integer(4), body)
    return ir.Kernel((*before, ir.Loop(i, ir.integer(3), (inner, *beside))))


def at(b, i=I, j=J):
    return ir.Load(b, (i, j))


def put(b, value, i=I, j=J, op=None):
    return ir.Store(b, (i, j), value, op)


def plus(a, b):
    return ir.Apply("add", (a, b), "float64")


FIRST = nest(put(T, plus(at(X), TWO)))  # t = x + 2
LAST = nest(put(Y, plus(at(U, M, N), at(U, M, N)), M, N), i=M, j=N)  # y = u + u


def program(*items):
    made = ir.Program((FIRST, *items, LAST), (), (), (X, Y))
    verify(made)
    return made


def run(made):
    executable = Executable(made, jit=False)
    binding = executable.own_binding({})
    x = np.arange(12.0).reshape(3, 4)
    for b, array in ((X, x), (Y, np.zeros((3, 4)))):
        executable.place(binding, b, array)
    executable.run(binding, [0, 0])
    return binding.arrays[Y], executable.plan({}).size


DOUBLED = put(U, plus(at(T, K, L), at(T, K, L)), K, L)


def test_an_array_is_made_where_one_is_done():
    made = program(nest(DOUBLED, i=K, j=L))
    assert in_place(made) == {U: T}
    ours, size = run(made)
    with without("inplace"):
        theirs, more = run(made)
    np.testing.assert_array_equal(ours, theirs)
    assert more == 2 * size
    assert "u = t  # in its place" in Executable(made, jit=False).source


def test_a_whole_chain_has_one_place():
    first = nest(put(R, plus(at(T, K, L), TWO), K, L), i=K, j=L)
    made = program(first, nest(put(U, plus(at(R, O, P), TWO), O, P), i=O, j=P))
    assert in_place(made) == {R: T, U: R}
    ours, size = run(made)
    np.testing.assert_array_equal(ours, 2 * (np.arange(12.0).reshape(3, 4) + 6))
    assert size == memory.nbytes(T, {}) // memory.ALIGN * memory.ALIGN + memory.ALIGN


REFUSED = {
    "read by a later item": (
        nest(DOUBLED, i=K, j=L),
        nest(put(Y, at(T, O, P), O, P), i=O, j=P),
    ),
    "read at another element": (nest(put(U, at(T, K, ir.ZERO), K, L), i=K, j=L),),
    "read after the store": (
        nest(put(U, TWO, K, L), ir.Let(A, at(T, K, L)), put(Y, A, K, L), i=K, j=L),
    ),
    "read beside the loop": (
        nest(DOUBLED, i=K, j=L, beside=(ir.Let(A, at(T, K, ir.ZERO)), put(Y, A, K, ir.ZERO))),
    ),
    "written, too": (nest(DOUBLED, put(T, TWO, K, L), i=K, j=L),),
    "known as a view": (
        ir.Kernel((ir.Loop(O, ir.integer(12), (ir.Store(FLAT, (O,), TWO),)),)),
        nest(DOUBLED, i=K, j=L),
    ),
    "an argument": (nest(put(U, at(X, K, L), K, L), i=K, j=L),),
    "of another dtype": (
        nest(put(S, ir.Apply("cast", (at(T, O, P),), "float32"), O, P), i=O, j=P),
        nest(put(U, ir.Apply("cast", (at(S, K, L),), "float64"), K, L), i=K, j=L),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_lies_by_itself_where_the_other_one_is(case):
    made = program(*REFUSED[case])
    assert U not in in_place(made)
    ours = run(made)[0]
    with without("inplace"):
        np.testing.assert_array_equal(ours, run(made)[0])


def test_a_team_shares_no_places():
    made = program(nest(DOUBLED, i=K, j=L))
    assert in_place(replace(made, shares=())) == {}
