"""Every operation, its derivatives, and random draws: as kernels, against the un-jitted CPU module.

Most are the same bits. Products and sums add up in another order: by tiles and trees.
"""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import Node
from tests.cuda.distance import ulps
from tests.differential.oracle import Case
from tests.ops.cases import OPS, cases

REORDERED = {"matmul", "prod"}  # in their own sums
APART = 2  # ULP of the largest element, where the order differs


def both(inputs, outputs, arrays):
    """What the kernels and the CPU module give."""
    return [gd.function(inputs, outputs, target=t)(*arrays) for t in ("cuda", "python")]


def close(ours, theirs, bound):
    for a, b in zip(ours, theirs, strict=True):
        assert ulps(a, b) <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_an_operation(name, dtype):
    for case in cases(OPS[name], dtype):
        found = both(case.inputs, [case.node], case.arrays)
        close(*found, APART if name in REORDERED else 0)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.differentiable])
def test_its_derivatives(name):
    for case in cases(OPS[name], "float32"):
        nodes = [d for _, d in case.derivatives()]
        if nodes:
            found = both(case.inputs, nodes, case.arrays)
            close(*found, APART if name in REORDERED else 0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["graph", "network"])
def test_a_random_program(kind, seed):
    """A value and its gradient: as close as the products in it allow."""
    for dtype in ("float64", "float32"):
        built = Case(kind, seed).built(dtype)
        close(*both(built.symbols, built.outputs, built.arrays), 8 if kind == "graph" else 32)


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
