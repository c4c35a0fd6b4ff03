"""Every operation, its derivatives, products and random programs, by norm against the CPU."""

import numpy as np
import pytest

import graphdl as gd
from tests.cuda.collected import GRAPHS, NETWORKS
from tests.differential.oracle import Case
from tests.gpu.device import allowed, apart, here
from tests.ops.cases import OPS, cases

APART = {"float32": 1e-6, "float64": 1e-14}
SEEDS = {"graph": GRAPHS, "network": NETWORKS}
# rows, terms, columns of a product, each once the longest
PRODUCTS = here(
    [(32, 64, 16), (128, 784, 512), (1024, 4096, 4096), (784, 128, 10), (10, 60000, 7)],
    [(5, 9, 3)],
)


def both(inputs, outputs, arrays):
    return [gd.function(inputs, outputs, target=t)(*arrays) for t in ("cuda", "python")]


@pytest.mark.parametrize("dtype", APART)
@pytest.mark.parametrize("name", here(list(OPS), list(OPS)[::12]))
def test_an_operation_and_its_derivatives(name, dtype):
    for case in cases(OPS[name], dtype):
        nodes = [case.node, *(d for _, d in case.derivatives())]
        for ours, theirs in zip(*both(case.inputs, nodes, case.arrays), strict=True):
            assert apart(ours, theirs) <= APART[dtype], case.name


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_a_product_and_its_gradients(shape):
    """Each contraction by its own length."""
    rows, terms, columns = shape
    draw = np.random.default_rng(0)
    sizes = [(rows, terms), (terms, columns), (rows, columns)]
    arrays = [draw.standard_normal(s, dtype=np.float32) for s in sizes]
    a, b, c = (gd.tensor(n, s) for n, s in zip("abc", sizes, strict=True))
    product = a @ b
    nodes = [product, *gd.grad(gd.sum(product * c), [a, b])]
    found = both([a, b, c], nodes, arrays)
    for ours, theirs, length in zip(*found, (terms, columns, rows), strict=True):
        assert apart(ours, theirs) <= allowed(length)


CASES = [(kind, seed) for kind, seeds in SEEDS.items() for seed in here(list(seeds), [0])]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_a_random_program(kind, seed):
    """Against PyTorch where it is installed, else against the interpreter and differences."""
    case = Case(kind, seed)
    for dtype, check in (("float64", case.check), ("float32", case.check_float32)):
        built = case.built(dtype)
        check(gd.function(built.symbols, built.outputs, target="cuda")(*built.arrays))


def test_uniform_numbers_are_the_same_bits():
    gd.set_seed(7)
    x, drawn = gd.tensor("x", ("n",)), gd.random.uniform(here((300, 70), (5, 3)))
    found = []
    for target in ("cuda", "python"):
        f = gd.function([x], [x + 1, drawn], target=target)
        found.append([f(np.zeros(2, np.float32))[1] for _ in range(2)])
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(*found[0])
