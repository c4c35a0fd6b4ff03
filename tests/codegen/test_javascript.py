"""The JavaScript dialect: what Node.js computes is what the un-jitted Python module computes."""

from __future__ import annotations

import numpy as np
import pytest

import graphdl as gd
from codegen import ir, random, scalars
from codegen.executable import Executable
from codegen.javascript import javascript
from graphdl.core.interpret import interpret
from tests.ops.cases import OPS, cases

# ------------------------------------------------------------------ operations


def result(node, function, arrays, *, optimised=True, **options):
    """The outputs of a function in JavaScript, from the program before or after the passes."""
    lowered = function._lowered
    program = function.program if optimised else lowered.program
    given = dict(zip((b for _, b in lowered.inputs), arrays, strict=True))
    given |= dict(lowered.constants)
    numbers = dict(zip((v.name for v in program.scalars), lowered.scalars, strict=True))
    sizes = function._sizes([np.asarray(a) for a in arrays])
    calls = [{"seed": gd.config.seed(), "step": 0}]
    named = {b.name: a for b, a in given.items()}
    status, found = node.run(javascript(program, **options), named, sizes, numbers, calls)
    assert status == [0]
    return [found[b.name] for b in lowered.outputs]


def agree(actual, expected, tolerance, label):
    """The same but for `tolerance` of the largest element: what cancels has no digits left."""
    for a, e in zip(actual, expected, strict=True):
        size = tolerance * max(1.0, np.abs(e[np.isfinite(e)]).max(initial=0.0))
        np.testing.assert_allclose(a, e.ravel(), rtol=tolerance, atol=size, err_msg=label)


def samples(name, dtype):
    """Every sample of an op as a function of it and its derivatives, and what they are."""
    for case in cases(OPS[name], dtype):
        nodes = [case.node, *(g for _, g in case.derivatives())]
        function = gd.function(case.inputs, nodes, target="python")
        yield case, function, interpret(nodes, case.env)


@pytest.mark.parametrize("name", list(OPS))
def test_every_operation_and_its_derivative(node, name):
    for case, function, expected in samples(name, "float64"):
        for optimised in (False, True):
            actual = result(node, function, case.arrays, optimised=optimised)
            agree(actual, expected, 1e-12, case.name)


@pytest.mark.parametrize("name", list(OPS)[::4])
def test_operations_rounded_to_float32(node, name):
    for case, function, expected in samples(name, "float32"):
        agree(result(node, function, case.arrays, single=True), expected, 1e-6, case.name)


def test_float32_is_rounded_only_where_that_is_asked_for(node):
    x = gd.tensor("x", (), "float32")
    function = gd.function([x], x + 1.0, target="python")
    for options, expected in (({}, 2**24 + 1), ({"single": True}, 2**24)):
        assert result(node, function, [np.float32(2**24)], **options) == [expected]


# ------------------------------------------------------------------ scalar functions

FLOATS = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 1e-9,
     0.49999999999999994, -0.3, 1.9999, 2.0, 5.9, -6.5, 30.0, -745.2, 800.0, 1e300, -5e-324]
)  # fmt: skip
WHOLES = np.array([0, 1, -1, 2, -2, 7, -7, 3, 12, -12, 1000, 2**26])
WRAPPED = np.array([0, 1, -1, 7, -7, 12, 2**16 + 1, 2**31 - 1, -(2**31), 10**9])
GRIDS = {"bool": np.array([False, True]), "int32": WRAPPED, "int64": WHOLES, "float64": FLOATS}
X = ir.Var("k", "int64")


def scalar_program(fn, dtypes, to):
    """out[k] = fn(x1[k], x2[k], …)"""
    count = ir.Var("n", "int64")
    inputs = [ir.Buffer(f"x{k}", (count,), d, "input") for k, d in enumerate(dtypes)]
    out = ir.Buffer("out", (count,), to, "output")
    value = ir.Apply(fn, tuple(ir.Load(b, (X,)) for b in inputs), to)
    body = ir.Loop(X, count, (ir.Store(out, (X,), value),))
    return ir.Program((ir.Kernel((body,)),), (count,), (), (*inputs, out))


def both(node, program, arrays, **options):
    """The output in Python, un-jitted, and in JavaScript."""
    executable = Executable(program, jit=False)
    *inputs, out = program.arguments
    sizes = {"n": len(arrays[0])}
    binding = executable.binding(sizes)
    given = dict(zip(inputs, arrays, strict=True))
    expected = np.zeros(sizes["n"], out.dtype)
    for b, a in {**given, out: expected}.items():
        executable.place(binding, b, a)
    executable.run(binding, (0, 0, sizes["n"]))
    _, found = node.run(
        javascript(program, **options), {b.name: a for b, a in given.items()}, sizes
    )
    return expected, found["out"]


def grid(dtypes):
    """Every combination of values, as one array for each argument."""
    values = np.meshgrid(*(GRIDS[d] for d in dtypes))
    return [a.ravel().astype(d) for a, d in zip(values, dtypes, strict=True)]


def signatures():
    """Each function with the dtypes it takes: doubles, truths, and whole numbers where it may."""
    for fn, kinds in scalars.TYPES.items():
        if fn in (*scalars.DRAWS, "cast"):
            continue
        choices = ["float64", "int64", "int32"] if {"n", "t"} & set(kinds) else ["float64"]
        choices += ["bool"] if "t" in kinds else []
        for one in choices:
            dtypes = ["bool" if kind == "b" else one for kind in kinds]
            yield pytest.param(fn, dtypes[:-1], dtypes[-1], id=f"{fn}-{one}")


@pytest.mark.parametrize(("fn", "dtypes", "to"), list(signatures()))
def test_every_function_at_every_kind_of_number(node, fn, dtypes, to):
    expected, actual = both(node, scalar_program(fn, dtypes, to), grid(dtypes))
    np.testing.assert_allclose(actual, expected.astype(float), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("to", ["float64", "float32", "int64", "int32", "bool"])
@pytest.mark.parametrize("source", ["float64", "int64", "int32", "bool"])
def test_casts(node, source, to):
    (values,) = grid([source])
    if source == "float64" and to.startswith("int"):
        values = values[np.abs(values) < 1e9]  # what does not fit has no value that all agree on
    expected, actual = both(node, scalar_program("cast", [source], to), [values], single=True)
    assert actual.astype(to).tobytes() == expected.tobytes()


def test_whole_numbers_have_one_zero(node):
    count = ir.Var("n", "int64")
    x, out = (
        ir.Buffer("x", (count,), "int64", "input"),
        ir.Buffer("out", (count,), "float64", "output"),
    )
    load = ir.Load(x, (X,))
    product = ir.Apply("mul", (load, ir.Apply("neg", (load,), "int64")), "int64")
    value = ir.Apply(
        "div", (ir.Const(1.0, "float64"), ir.Apply("cast", (product,), "float64")), "float64"
    )
    body = ir.Loop(X, count, (ir.Store(out, (X,), value),))
    program = ir.Program((ir.Kernel((body,)),), (count,), (), (x, out))
    expected, actual = both(node, program, [np.array([0, 2])])
    assert expected.tolist() == actual.tolist() == [np.inf, -0.25]


@pytest.mark.parametrize(
    "value", [0.1, -0.0, 1e-320, 1e308, 123456789012345680.0, np.inf, -np.inf, np.nan, 1.0, -2.5]
)
def test_constants_come_back_to_the_bit(node, value):
    out = ir.Buffer("out", (), "float64", "output")
    program = ir.Program(
        (ir.Kernel((ir.Store(out, (), ir.Const(value, "float64")),)),), (), (), (out,)
    )
    _, found = node.run(javascript(program), {})
    assert found["out"].tobytes() == np.float64(value).tobytes() or np.isnan(value)
    assert np.isnan(found["out"][0]) == np.isnan(value)


def test_a_whole_number_beyond_doubles_is_refused():
    out = ir.Buffer("out", (), "int64", "output")
    for value in (2**53 + 1, -(2**60)):
        kernel = ir.Kernel((ir.Store(out, (), ir.Const(value, "int64")),))
        with pytest.raises(ValueError, match=r"beyond 2\*\*53"):
            javascript(ir.Program((kernel,), (), (), (out,)))


# ------------------------------------------------------------------ random draws

PLACES = [(0, 0, 0), (1, 2, 3), (2**32 - 1, 2**32 - 1, 2**32), (2**53 - 1, 2**31, 2**53 - 1)]


@pytest.mark.parametrize(("seed", "stream", "step"), PLACES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_are_those_of_the_generator(node, dtype, seed, stream, step):
    count, at = (
        ir.Var("n", "int64"),
        (ir.Var("seed", "int64"), ir.integer(stream), ir.Var("step", "int64")),
    )
    uniform, normal = (ir.Buffer(n, (count,), dtype, "output") for n in ("uniform", "normal"))
    stores = [
        ir.Store(b, (X,), ir.Apply(f"{b.name}{dtype[5:]}", (*at, X), dtype))
        for b in (uniform, normal)
    ]
    program = ir.Program(
        (ir.Kernel((ir.Loop(X, count, tuple(stores)),)),), (count,), (), (uniform, normal)
    )
    _, found = node.run(javascript(program), {}, {"n": 103}, {}, [{"seed": seed, "step": step}])
    expected = random.uniform(seed, stream, step, 103, dtype)
    assert found["uniform"].tolist() == expected.astype(float).tolist()
    expected = random.normal(seed, stream, step, 103, dtype)
    np.testing.assert_allclose(
        found["normal"], expected, rtol=1e-14 if dtype == "float64" else 6e-8
    )


# ------------------------------------------------------------------ items


def test_sorts_are_stable_and_put_nan_last(node):
    rows = np.array([[3.0, np.nan, 1.0, 3.0, -np.inf, np.nan], [0.0, -0.0, 2.0, 1.0, 1.0, 0.0]])
    x = gd.tensor("x", ("n", 6), "float64")
    function = gd.function([x], gd.argsort(x, axis=1), target="python")
    (actual,) = result(node, function, [rows])
    assert actual.tolist() == np.argsort(rows, axis=1, kind="stable").ravel().tolist()


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_products(node, turned):
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) - 5
    x, y = (
        gd.tensor(n, m.T.shape if t else m.shape, "float64")
        for n, m, t in zip("xy", (a, b), turned, strict=True)
    )
    u, v = (gd.transpose(n) if t else n for n, t in zip((x, y), turned, strict=True))
    arrays = [np.ascontiguousarray(m.T) if t else m for m, t in zip((a, b), turned, strict=True)]
    function = gd.function([x, y], u @ v, target="python")
    assert any(isinstance(i, ir.MatMul) for i in function.program.items)
    (actual,) = result(node, function, arrays)
    assert actual.tolist() == (a @ b).ravel().tolist()
