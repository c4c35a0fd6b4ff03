"""Elementary functions of our own: their errors, special values, order of elements, and vectors."""

import math
import re

import mpmath as mp
import numpy as np
import pytest

import graphdl as gd
from codegen.optimisations import without

FUNCTIONS = {
    "exp": gd.exp, "expm1": gd.expm1, "log": gd.log, "log1p": gd.log1p, "tanh": gd.tanh,
    "erf": gd.erf, "sigmoid": gd.sigmoid, "softplus": gd.softplus, "sin": gd.sin, "cos": gd.cos,
}  # fmt: skip
ULP = {  # the bounds that the functions state; those of sigmoid and softplus follow from them
    "float32": {"exp": 1.03, "expm1": 1.1, "log": 1, "log1p": 1.5, "tanh": 1.5, "erf": 1.5,
                "sigmoid": 2.5, "softplus": 2, "sin": 0.51, "cos": 0.51},
    "float64": {"exp": 1.02, "expm1": 1.2, "log": 1, "log1p": 1.5, "tanh": 1.5, "erf": 1.5,
                "sigmoid": 2.5, "softplus": 2},
}  # fmt: skip
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, -2.0, 1e4, -1e4]
BITS = {"float32": np.uint32, "float64": np.uint64}


def with_numpy(name, x):
    """The function by NumPy or the C library, in float64 at least."""
    if name == "erf":
        return np.array([math.erf(v) for v in x.tolist()])
    if name == "sigmoid":
        return np.where(x < 0, np.exp(-abs(x)), 1) / (1 + np.exp(-abs(x)))
    if name == "softplus":
        return np.where(x < 0, 0, x) + np.log1p(np.exp(-abs(x)))
    return getattr(np, name)(x)


def with_mpmath(name, x):
    """The function of one float64 number, in 120 bits."""
    more = {"sigmoid": lambda v: 1 / (1 + mp.exp(-v)), "softplus": lambda v: mp.log1p(mp.exp(v))}
    with mp.workprec(120):
        return more.get(name, getattr(mp, name, None))(mp.mpf(float(x)))


@pytest.fixture(scope="module", params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def names(dtype):
    return list(ULP[dtype])


def program(dtype, names, target="cpu"):
    x = gd.tensor("x", ("n",), dtype)
    return gd.function([x], [FUNCTIONS[name](x) for name in names], target=target)


@pytest.fixture(scope="module")
def compiled(dtype, names):
    return program(dtype, names)


def everywhere(dtype, count):
    """Numbers of either sign and every exponent, subnormals included, and as many of common sizes."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    spread = rng.integers(0, 2 ** (info.bits - 1) - 2**info.nmant, count, BITS[dtype])
    numbers = spread.astype(BITS[dtype]).view(dtype)
    common = rng.normal(size=count) * 10 ** rng.uniform(-4, 2, count)
    edges = np.array([0.625, 0.93, 1, 2, 0.5**0.5, 2**0.5, 2**0.5 - 1, 0.5**0.5 - 1, 54, 745.1])
    near = np.concatenate([edges * (1 + k * info.eps) for k in range(-3, 4)])
    powers = 2.0 ** np.arange(info.minexp - info.nmant, info.maxexp)
    halves = np.concatenate([numbers, common, near, powers]).astype(dtype)
    return np.concatenate([halves, -halves])


def ulps(found, exact, dtype):
    """The distance in units of the last place of the exact value; inf where only one is finite."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
        unit = np.spacing(np.where(np.isfinite(rounded), abs(rounded), 1)).astype("float64")
        error = abs(found.astype("float64") - exact) / unit
    finite = np.isfinite(found) & np.isfinite(rounded)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    return np.where(finite, error, np.where(same, 0, np.inf))


def test_errors_are_as_stated(compiled, names, dtype):
    """At 400,000 numbers and more, against float64; there NumPy's own error of up to 1 ULP adds."""
    x = everywhere(dtype, 100_000)
    slack = 1 if dtype == "float64" else 1e-6
    with np.errstate(all="ignore"):
        for name, found in zip(names, compiled(x), strict=True):
            error = ulps(found, with_numpy(name, x.astype("float64")), dtype)
            worst = error.argmax()
            assert error[worst] <= ULP[dtype][name] + slack, (name, x[worst], found[worst])


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_errors_against_exact_arithmetic(compiled, names, dtype, target):
    """The emitted module compiled, and as it stands: products and sums may round separately there."""
    call = compiled if target == "cpu" else program(dtype, names, "python")
    x = np.random.default_rng(1).normal(size=300) * 10 ** np.linspace(-3, 1.5, 300)
    x = x.astype(dtype)
    for name, found in zip(names, call(x), strict=True):
        for v, y in zip(x, found, strict=True):
            if name in ("log", "log1p") and v <= -(name == "log1p"):
                assert np.isnan(y)
                continue
            exact = with_mpmath(name, v)
            unit = mp.mpf(float(np.spacing(np.dtype(dtype).type(abs(exact)))))
            assert abs(mp.mpf(float(y)) - exact) <= ULP[dtype][name] * unit, (name, v, y)


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_special_values_and_signs_of_zero(compiled, names, dtype, target):
    call = compiled if target == "cpu" else program(dtype, names, "python")
    info = np.finfo(dtype)
    x = np.array([*SPECIAL, info.max, info.min, info.smallest_subnormal, -info.tiny], dtype)
    with np.errstate(all="ignore"):
        for name, found in zip(names, call(x), strict=True):
            expected = with_numpy(name, x.astype("float64"))
            assert ulps(found, expected, dtype).max() <= ULP[dtype][name], name
            zero = expected.astype(dtype) == 0
            assert np.array_equal(np.signbit(found[zero]), np.signbit(expected[zero])), name


def test_an_element_has_the_same_bits_wherever_it_stands(compiled, names, dtype):
    """In vectors and in what is left over: arrays of 1 to 40 elements, from each end of one."""
    x = np.random.default_rng(2).normal(size=40).astype(dtype)
    whole = compiled(x)
    for n in range(1, 40):
        for name, all_, first, last in zip(
            names, whole, compiled(x[:n].copy()), compiled(x[n:].copy()), strict=True
        ):
            bits = all_.view(BITS[dtype])
            assert np.array_equal(first.view(BITS[dtype]), bits[:n]), (name, n)
            assert np.array_equal(last.view(BITS[dtype]), bits[n:]), (name, n)


def test_loops_are_vectorised(compiled, dtype):
    """All functions stand in one loop: one call or branch within it, and it would stay scalar."""
    run = compiled._executable.module.run
    text = run.inspect_llvm(run.signatures[0])
    kind = "float" if dtype == "float32" else "double"
    assert re.search(rf"fmul.* <\d+ x {kind}>", text) and re.search(rf"fdiv.* <\d+ x {kind}>", text)


def test_the_library_in_their_place(compiled, names, dtype):
    """Switched off, other source is emitted, so that no artefact is taken for another."""
    with without("functions"):
        library = program(dtype, names, "python")
    assert library.source != compiled.source
    assert "np.tanh(a)" in library.source and "np.tanh" not in compiled.source
    x = np.linspace(0.1, 3, 50).astype(dtype)
    for ours, other in zip(compiled(x), library(x), strict=True):
        np.testing.assert_allclose(ours, other, rtol=6 * np.finfo(dtype).eps)
