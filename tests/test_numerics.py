"""The numerics contract holds, row by row: interpreted, as the emitted module, compiled."""

from __future__ import annotations

from itertools import chain
from math import nan

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.interpret import interpret
from tests.numerics_table import FREE, TABLE, About, By

# 4 ULP of float32, 8 of float64; a subnormal or a rounded sum in float32 is off by one of its own.
TOLERANCE = {"float32": (4 * 2**-23, 1.5e-45), "float64": (8 * 2**-52, 0.0)}


# ------------------------------------------------------------------ evaluation


def graph_of(rows, dtype):
    """For each row its symbols, its arrays, and its value and gradients as nodes."""
    for r in rows:
        arrays = [np.asarray(x, dtype) for x in r.inputs]
        symbols = [gd.tensor(f"x{k}", a.shape, dtype) for k, a in enumerate(arrays)]
        value = r.f(*symbols)
        yield r, symbols, arrays, [value, *gd.grad(gd.sum(value), symbols)]


def interpreted(rows, dtype):
    return [
        (r, interpret(nodes, dict(zip(symbols, arrays, strict=True))))
        for r, symbols, arrays, nodes in graph_of(rows, dtype)
    ]


def executed(rows, dtype, target):
    rows, symbols, arrays, nodes = zip(*graph_of(rows, dtype), strict=True)
    call = gd.function([*chain(*symbols)], [*chain(*nodes)], target=target)
    flat = call(*chain(*arrays))
    values = iter(flat)
    return [(r, [next(values) for _ in n]) for r, n in zip(rows, nodes, strict=True)]


def mismatch(name, actual, expected, dtype):
    """A line that says what differs, or None."""
    expected = getattr(expected, dtype) if isinstance(expected, By) else expected
    if isinstance(expected, str):
        ok = expected == FREE or not np.isfinite(actual).any()
        return None if ok else f"{name}: {actual} is finite"
    wanted = expected if isinstance(expected, (list, np.ndarray)) else [expected]
    found = np.atleast_1d(actual).tolist()
    fits = len(found) == len(wanted) and all(
        any(admits(a, e, dtype) for e in (w if isinstance(w, tuple) else (w,)))
        for a, w in zip(found, wanted, strict=True)
    )
    return None if fits else f"{name}: {found}, expected {list(wanted)}"


def admits(actual, expected, dtype):
    """Zeros, ones, infinities and NaN exactly; other numbers within a few units in the last place."""
    if expected == FREE:
        return True
    if isinstance(expected, About):
        return bool(abs(actual - expected.number) <= 1e-6 * abs(expected.number))
    expected = np.dtype(dtype).type(expected)
    if not np.isfinite(expected) or expected in (0, 1, -1):
        return bool(actual == expected or (np.isnan(expected) and np.isnan(actual)))
    relative, absolute = TOLERANCE[dtype]
    slack = 1e-5 if abs(expected) < 1e-37 and dtype == "float32" else relative
    return bool(abs(actual - expected) <= slack * abs(expected) + absolute)


@pytest.mark.parametrize(
    ("path", "dtype"),
    [
        ("interpreter", "float32"),
        ("interpreter", "float64"),
        ("python", "float32"),
        ("python", "float64"),
        ("cpu", "float32"),
        pytest.param("cpu", "float64", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("section", TABLE)
def test_contract(section, path, dtype):
    rows = TABLE[section]
    results = interpreted(rows, dtype) if path == "interpreter" else executed(rows, dtype, path)
    wrong = []
    for r, (value, *gradients) in results:
        wrong.append(mismatch(r.name, value, r.value, dtype))
        for k, (a, e) in enumerate(zip(gradients, r.gradients, strict=True)):
            wrong.append(mismatch(f"{r.name}, gradient {k}", a, e, dtype))
    wrong = [w for w in wrong if w]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["interpreter", "cpu"])
def test_long_sums_do_not_drift(path):
    """10⁷ · 0.1: the exact sum of the float32 nearest to 0.1 is 1000000.0149."""
    x = gd.tensor("x", ("n",), "float32")
    data = np.full(10**7, 0.1, np.float32)
    outputs = [gd.sum(x), gd.mean(x)]
    if path == "interpreter":
        total, mean = interpret(outputs, {x: data})
    else:
        total, mean = gd.function([x], outputs)(data)
    assert abs(total - 1000000.0149) <= 1 and abs(mean - 0.10000000149) <= 1e-7


@pytest.mark.parametrize("reduction", [gd.mean, gd.max, gd.min, gd.argmax, gd.argmin])
def test_a_choice_from_nothing_is_an_error(reduction):
    with pytest.raises(gd.errors.ShapeError, match="empty"):
        reduction(gd.tensor("x", (0,)))


def test_first_winner_and_first_nan():
    x = np.array([[1.0, 3, 3], [1, nan, 3]])
    assert gd.argmax(x).tolist() == [1, 1]
    symbol = gd.tensor("x", (2, 3), "float64")
    for target in ("python", "cpu"):
        found = gd.function([symbol], [gd.argmax(symbol), gd.argmin(-symbol)], target=target)(x)
        assert [f.tolist() for f in found] == [[1, 1], [1, 1]]
