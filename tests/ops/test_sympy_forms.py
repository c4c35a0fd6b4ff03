"""Built-in elementwise operations against SymPy: their bodies, and their derivatives."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import graphdl as gd
from graphdl.core.graph import apply
from graphdl.differentiate.chain_rule import gradients
from graphdl.ops import activations, arithmetic, entropy, functions, piecewise
from graphdl.ops.build import tensor
from graphdl.ops.registry import all_ops

POINTS = 200
WITHOUT = {"round", "cce", "cce_slope", "cce_logits"}  # half to even; rows, not elements
FAMILIES = (arithmetic, functions, activations, piecewise, entropy)
OPS = {
    name: op
    for name, op in all_ops().items()
    if any(op is value for family in FAMILIES for value in vars(family).values())
}
FORMS = sorted(name for name, op in OPS.items() if op.sympy is not None)
# SymPy leaves these as distributions or unevaluated; away from the jumps they are 0.
FLAT = {"DiracDelta": lambda *a: 0, "Heaviside": lambda x, at=0.5: (mpmath.sign(x) + 1) / 2}


def symbols_of(op):
    """Scalar tensors for the inputs of an op, and the SymPy symbols that stand for them."""
    sample = op.samples[0]
    dtypes = sample.dtypes or ("float64",) * len(sample.shapes)
    nodes = [
        tensor(f"x{i}", (), dtype if dtype == "bool" else "float64")
        for i, dtype in enumerate(dtypes)
    ]
    return nodes, [sp.Symbol(n.attrs["name"], real=True) for n in nodes]


def draw(op, nodes):
    """Points of the op's own test domains, which keep away from kinks."""
    rng = np.random.default_rng(0)
    scalar = [s for s in op.samples if set(s.shapes) == {()}]
    for i in range(POINTS):
        domain = scalar[i % len(scalar)].domain
        bounds = domain if isinstance(domain[0], tuple) else [domain] * len(nodes)
        yield [
            bool(rng.random() < 0.5) if n.dtype == "bool" else mpmath.mpf(rng.uniform(*b))
            for n, b in zip(nodes, bounds, strict=True)
        ]


def assert_equal(op, nodes, symbols, found, expected):
    """By algebra, or where that cannot decide, at 200 points with 50 digits."""
    expected = expected.replace(sp.Derivative, lambda *a: sp.S.Zero)
    if found == expected or sp.expand(found - expected) == 0:
        return
    f, g = (sp.lambdify(symbols, e, [FLAT, "mpmath"]) for e in (found, expected))
    with mpmath.workdps(50):
        for at in draw(op, nodes):
            assert abs(f(*at) - g(*at)) <= 1e-14 * (1 + abs(g(*at))), (op.name, at)


def test_every_elementwise_op_states_its_form():
    assert {name for name in OPS if OPS[name].sympy is None} == WITHOUT


@pytest.mark.parametrize("name", [n for n in FORMS if OPS[n].body is not None])
def test_body_is_the_form(name):
    op = OPS[name]
    nodes, symbols = symbols_of(op)
    assert_equal(op, nodes, symbols, op.body(*nodes).to_sympy(), op.sympy(sp, *symbols))


def differentiable():
    """(op, input) wherever there is a derivative."""
    for name in FORMS:
        op = OPS[name]
        nodes, _ = symbols_of(op)
        if op.differentiable or op.body is not None:
            yield from ((name, i) for i, n in enumerate(nodes) if n.type.is_float)


@pytest.mark.parametrize(("name", "i"), list(differentiable()))
def test_derivative_is_sympys(name, i):
    op = OPS[name]
    nodes, symbols = symbols_of(op)
    found = gradients(apply(op, *nodes), [nodes[i]])[0].to_sympy()
    assert_equal(op, nodes, symbols, found, sp.diff(op.sympy(sp, *symbols), symbols[i]))


def test_scalar_gradient_comes_back_as_sympy():
    x, w = gd.tensor("x", (), "float64"), gd.Variable(0.5, "w", "float64")
    u, v = sp.Symbol("x", real=True), sp.Symbol("w", real=True)
    expected = sp.tanh(v * u) * sp.exp(-(u**2)) + sp.sqrt(1 + v**2)
    J = gd.tanh(w * x) * gd.exp(-gd.square(x)) + gd.sqrt(1 + w * w)
    assert sp.simplify(J.to_sympy() - expected) == 0
    for node, symbol in ((w, v), (x, u)):
        assert sp.simplify(gd.grad(J, node).to_sympy() - sp.diff(expected, symbol)) == 0


def test_names_are_symbols_and_the_nodes_own_name_is_not():
    x = gd.tensor("x", ("n", 3))
    z = (x * 2 + 1).named("z")
    a, b = sp.Symbol("x", real=True), sp.Symbol("z", real=True)
    assert z.to_sympy() == 2 * a + 1
    assert gd.exp(z).to_sympy() == sp.exp(b)
    assert gd.relu(gd.sum(x).named("s")).to_sympy().free_symbols == {sp.Symbol("s", real=True)}


def test_conditions_casts_and_constants_come_back():
    x = gd.tensor("x", (4,))
    s = sp.Symbol("x", real=True)
    assert gd.where((x > 1) & ~(x > 2), x, 0.0).to_sympy() == sp.Piecewise(
        (s, (s > 1) & (s <= 2)), (0, True)
    )
    assert gd.cast(x > 0, "float32").to_sympy() == sp.Piecewise((1, s > 0), (0, True))
    assert (x * gd.constant([0.5, 0.5, 0.5, 0.5])).to_sympy() == s / 2
    assert float((x * 0.1).to_sympy().args[0]) == float(np.float32(0.1))


def test_what_is_not_elementwise_is_named():
    x = gd.tensor("x", (3, 3))
    with pytest.raises(gd.errors.GraphError, match=r"'matmul' .* no form"):
        gd.exp(x @ x).to_sympy()
    with pytest.raises(gd.errors.GraphError, match="holds different numbers"):
        (x + np.eye(3)).to_sympy()
    with pytest.raises(gd.errors.GraphError, match="two different nodes are called x"):
        (x + gd.tensor("x", (3, 3))).to_sympy()
