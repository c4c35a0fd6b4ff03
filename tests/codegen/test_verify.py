"""The spec of programs: what breaks it is named, whatever it is; and what passes make keeps to it."""

from dataclasses import replace

import pytest

from codegen import ir
from codegen.passes import optimise
from codegen.verify import InvalidProgram, verify
from tests.codegen.programs import step_program

ROW, COLUMN, N = (ir.Var(name, "int64") for name in "ijn")
X = ir.Buffer("x", (N, ir.integer(3)), "float32", "input")
Y = ir.Buffer("y", (N, ir.integer(3)), "float32", "output")
T = ir.Buffer("t", (N, ir.integer(3)), "float32")
SECOND = replace(T, name="t2")
S = ir.Buffer("s", (ir.integer(3),), "float32")
ELEMENT = ir.Load(X, (ROW, COLUMN))


def over(*body, columns=3):
    """A kernel that runs the statements at each i, j."""
    return ir.Kernel((ir.Loop(ROW, N, (ir.Loop(COLUMN, ir.integer(columns), body),)),), "t = x")


def kernel_of(*body):
    return ir.Kernel(body)


def program(*items, arguments=(X, Y), **rest):
    return ir.Program(items, (N,), (), arguments, **rest)


def store(expr, buffer=Y, index=(ROW, COLUMN), op=None):
    return ir.Store(buffer, index, expr, op)


def apply(fn, *args, dtype="float32"):
    return ir.Apply(fn, args, dtype)


def copies(a, b):
    """b = a"""
    i, j = ir.Var(f"i_{b.name}", "int64"), ir.Var(f"j_{b.name}", "int64")
    inner = ir.Loop(j, ir.integer(3), (ir.Store(b, (i, j), ir.Load(a, (i, j))),))
    return ir.Kernel((ir.Loop(i, N, (inner,)),))


ACC = ir.Var("a", "float32")
SQUARE = ir.Buffer("q", (ir.integer(3), ir.integer(3)), "float32", "variable")
OTHER = ir.Buffer("o", (N, ir.integer(3)), "float32", "variable")
SLOT = ir.Buffer("slot", T.shape, "float32", "slot")
ARENA = ir.Buffer("arena", (ir.Var("arena_size", "int64"),), "float32", "arena")


def repeat(*rows, items=None):
    offsets = ir.Buffer("offsets", (ir.integer(len(rows)), ir.ONE), "int64", "offsets")
    items = (copies(X, SLOT),) if items is None else items
    return ir.Repeat(items, (SLOT,), tuple((r,) for r in rows), (ARENA,), offsets)


def pack(*members, size):
    return ir.Pack(ir.Buffer("whole", (ir.integer(size),), "float32", "variable"), members)


def through(middle):
    """y = x by way of another buffer, which only then is read."""
    return (copies(X, middle), copies(middle, Y))


VIEW = ir.Buffer("v", (ir.integer(9),), "float32", "variable", SQUARE)
SHORT = replace(VIEW, shape=(ir.integer(8),))

WRONG = {
    "t is read before it is written": program(over(store(ir.Load(T, (ROW, COLUMN))))),
    "y is read before it is written": program(over(store(ELEMENT, op="add"))),
    "y is never written": program(over(store(ELEMENT, T))),
    "the input x is written": program(over(store(ELEMENT), store(ELEMENT, X))),
    "the output y is not among the arguments": program(over(store(ELEMENT)), arguments=(X,)),
    "the argument t is a temp": program(arguments=(T,)),
    "the name x is given twice": program(over(store(ELEMENT, replace(Y, name="x")))),
    "the name i is given twice": program(over(store(ELEMENT)), over(store(ELEMENT))),
    "j has no value here": program(ir.Kernel((ir.Loop(ROW, N, (store(ELEMENT),)),))),
    "a is updated before it has a value": program(over(ir.Update(ACC, "add", ELEMENT))),
    "n is no accumulator": program(over(ir.Update(N, "set", ir.ONE))),
    "a has no value here": program(over(ir.Let(ACC, ELEMENT)), kernel_of(store(ACC, index=(N, N)))),
    "a is float32, its value int64": program(over(ir.Let(ACC, ROW))),
    "y has 2 axes": program(over(store(ELEMENT, index=(ROW,)))),
    "indexes y as float32": program(over(store(ELEMENT, index=(ELEMENT, COLUMN)))),
    "3 leaves an axis of y": program(over(store(ELEMENT, index=(ROW, ir.integer(3))))),
    "-1 leaves an axis of y": program(over(store(ELEMENT, index=(ROW, ir.integer(-1))))),
    "j leaves an axis of": program(over(store(ELEMENT), columns=4)),
    "a int64 is kept as float32": program(over(store(ROW))),
    "add of float32, int64 is no float32": program(over(store(apply("add", ELEMENT, ROW)))),
    "add of float32 is no float32": program(over(store(apply("add", ELEMENT)))),
    "exp of int64 is no int64": program(over(store(apply("exp", ROW, dtype="int64")))),
    "where of float32": program(over(store(apply("where", ELEMENT, ELEMENT, ELEMENT)))),
    "frobnicate is not in the vocabulary": program(over(store(apply("frobnicate", ELEMENT)))),
    "which is no expression of the sizes": program(
        ir.Kernel((ir.Loop(ROW, N, (ir.Loop(COLUMN, ROW, (store(ELEMENT),)),)),))
    ),
    "(n, 3) times (n, 3) is not (n, 3)": program(ir.MatMul(X, X, Y)),
    "y is an operand": program(
        over(store(ELEMENT)), ir.MatMul(Y, SQUARE, Y), arguments=(X, Y, SQUARE)
    ),
    "y is float32": program(ir.ArgSort(X, Y)),
    "the view v has 8 elements": program(
        over(store(ir.Load(SHORT, (COLUMN,)))), arguments=(X, Y, SQUARE)
    ),
    "whole has 8 elements, its members 9": program(packs=(pack(SQUARE, size=8),), arguments=(SQUARE,)),
    "whole holds a buffer twice": program(packs=(pack(SQUARE, SQUARE, size=18),), arguments=(SQUARE,)),
    "a member of whole has no fixed size": program(packs=(pack(OTHER, size=3),), arguments=(OTHER,)),
    "s does not fit the slot": program(repeat(T, S)),
    "o and t lie in different arenas": program(repeat(T, OTHER), arguments=(X, OTHER)),
    "the output y is in a table": program(repeat(Y)),
    "1 slots, a row of 2 buffers": program(replace(repeat(T), table=((T, T),))),
    "t2 is read before it is written": program(
        copies(X, T), repeat(T, SECOND, items=(copies(SLOT, Y),))
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_program_is_refused(message):
    with pytest.raises(InvalidProgram) as caught:
        verify(WRONG[message])
    assert message in str(caught.value)


def test_the_error_names_item_and_statement():
    wrong = program(copies(X, T), over(store(ROW)))
    with pytest.raises(InvalidProgram, match=r"^item 2 \(kernel t = x\): y\[i, j\] = i: "):
        verify(wrong)


def test_the_error_names_the_pass():
    with pytest.raises(InvalidProgram, match=r"^after lowering: "):
        optimise(WRONG["y is never written"], check=True)


@pytest.mark.parametrize(
    "right",
    [
        program(*through(T)),
        program(repeat(T, SECOND), copies(SECOND, Y)),
        program(
            copies(X, Y), ir.MatMul(X, SQUARE, T), packs=(pack(SQUARE, size=9),),
            arguments=(X, Y, SQUARE),
        ),
        program(over(store(ir.Load(VIEW, (COLUMN,)))), arguments=(X, Y, SQUARE)),
    ],
)  # fmt: skip
def test_a_right_program_is_accepted(right):
    verify(right)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "clipped"])
def test_every_pass_keeps_to_the_spec(optimizer):
    optimise(step_program(4, optimizer, 0.01), check=True)
