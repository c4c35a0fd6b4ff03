"""Every operation, its derivatives, and random draws: as kernels, against the un-jitted CPU module.

Most are the same bits. Products and sums add up in another order: by tiles and trees.
"""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import Node
from tests.differential.oracle import Case
from tests.ops.cases import OPS, cases

REORDERED = {"matmul", "prod"}  # in their own sums
TOLERANCE = {"float32": 1e-6, "float64": 1e-14}  # of the largest element, where the order differs


def both(inputs, outputs, arrays):
    """What the kernels and the CPU module give."""
    return [gd.function(inputs, outputs, target=t)(*arrays) for t in ("cuda", "python")]


def close(ours, theirs, dtype):
    for a, b in zip(ours, theirs, strict=True):
        scale = max(1.0, float(np.max(np.abs(b), initial=0)))
        np.testing.assert_allclose(a, b, 0, TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_an_operation(name, dtype):
    for case in cases(OPS[name], dtype):
        ours, theirs = both(case.inputs, [case.node], case.arrays)
        if name in REORDERED:
            close(ours, theirs, dtype)
        else:
            np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.differentiable])
def test_its_derivatives(name):
    for case in cases(OPS[name], "float32")[:2]:
        nodes = [d for _, d in case.derivatives()]
        if nodes:
            close(*both(case.inputs, nodes, case.arrays), "float32")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["graph", "network"])
def test_a_random_program(kind, seed):
    """A value and its gradient; in float32 as close as the sums in it allow."""
    for dtype, tolerance in (("float64", 1e-13), ("float32", 2e-5)):
        built = Case(kind, seed).built(dtype)
        ours, theirs = both(built.symbols, built.outputs, built.arrays)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                a, b, 0, tolerance * max(1e-30, np.max(np.abs(b), initial=0))
            )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_random_numbers_are_the_same_bits(kind, dtype):
    gd.set_seed(7)
    x = gd.tensor("x", ("n", 3), dtype)
    drawn: Node = getattr(gd.random, kind)((5, 3), dtype=dtype)
    found = []
    for target in ("cuda", "python"):
        f = gd.function([x], [x + 1, drawn], target=target)
        found.append([f(np.zeros((2, 3), dtype))[1] for _ in range(2)])
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0][0], found[0][1])  # each call draws anew
