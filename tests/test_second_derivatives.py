"""Second derivatives of a loss on a sigmoid or softmax output, to the ends of the logits' range."""

import mpmath
import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import Graph
from graphdl.core.interpret import interpret
from graphdl.ops import entropy
from graphdl.rewrite.simplify import simplify

EPS, TINY = np.finfo(np.float32).eps, np.finfo(np.float32).tiny
LOGITS = [-80.0, -40.0, -17.0, -3.0, -1e-3, 0.0, 2.0, 16.0, 18.0, 40.0, 80.0]
LABELS = [0.0, 1.0, 0.3]


def evaluated(inputs, arrays, outputs, target):
    if target == "interpreted":
        return interpret(outputs, dict(zip(inputs, arrays, strict=True)))
    return gd.function(inputs, outputs, target=target)(*arrays)


# ------------------------------------------------------------------ bce∘sigmoid


def curvature(z):
    """σ(z)·(1 − σ(z)), to float64 from 100 digits."""
    with mpmath.workdps(100):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(float(z))))
        return float(p * (1 - p))


BINARY = {
    "bce": lambda y, z: gd.mean(entropy.bce(y, gd.sigmoid(z))),
    "with a name between": lambda y, z: gd.mean(entropy.bce(y, gd.sigmoid(z).named("ŷ"))),
    "with a view between": lambda y, z: gd.mean(
        entropy.bce(gd.squeeze(y, 1), gd.squeeze(gd.sigmoid(z), 1))
    ),
    "the loss of models": lambda y, z: gd.losses.BinaryCrossentropy()(y, gd.sigmoid(z)),
    "from logits": lambda y, z: gd.losses.BinaryCrossentropy(from_logits=True)(y, z),
}


@pytest.mark.parametrize("target", ["interpreted", "python"])
@pytest.mark.parametrize("loss", BINARY.values(), ids=BINARY)
def test_of_a_sigmoid(loss, target):
    """∂²J/∂z² = σ(z)·(1 − σ(z))/n whatever the label, relative to itself."""
    at = np.repeat(np.float32(LOGITS), len(LABELS))[:, None]
    label = np.tile(np.float32(LABELS), len(LOGITS))[:, None]
    direction = np.linspace(0.5, 2, len(at), dtype=np.float32)[:, None]
    y, z, v = (gd.tensor(name, ("n", 1)) for name in "yzv")
    J = loss(y, z)
    outputs = [gd.hvp(J, z, v), gd.grad(gd.sum(gd.grad(J, z) * v), z)]
    true = [curvature(x) * u / len(at) for x, u in zip(at[:, 0], direction[:, 0], strict=True)]
    for found in evaluated([y, z, v], [label, at, direction], outputs, target):
        np.testing.assert_allclose(found[:, 0], true, rtol=4 * EPS)


def test_compiled_with_the_gradient():
    """First and second derivatives side by side, as one program."""
    at, label = np.float32(LOGITS)[:, None], np.full((len(LOGITS), 1), 0.3, np.float32)
    y, z = gd.tensor("y", ("n", 1)), gd.tensor("z", ("n", 1))
    J = BINARY["with a name between"](y, z)
    slope = gd.grad(J, z)
    outputs = [slope, gd.hvp(J, z, gd.ones(z.shape))]
    first, second = evaluated([y, z], [label, at], outputs, "cpu")
    sigma = 1 / (1 + np.exp(-at.astype(float)))
    np.testing.assert_allclose(first, (sigma - np.float32(0.3)) / len(at), rtol=4 * EPS)
    np.testing.assert_allclose(second[:, 0], [curvature(x) / len(at) for x in at[:, 0]], rtol=1e-6)


def test_hessian_of_a_layer():
    """∂²J/∂W² = Xᵀ·diag(σ(1−σ))·X/n"""
    draw = np.random.default_rng(0)
    rows, label = draw.normal(size=(6, 3)) * 20, np.float64([[0], [1], [1], [0], [1], [0]])
    W = gd.Variable(np.array([[1.0], [-2.0], [0.5]]), name="W", dtype="float64")
    x, y = gd.tensor("x", ("n", 3), "float64"), gd.tensor("y", ("n", 1), "float64")
    J = gd.mean(entropy.bce(y, gd.sigmoid((x @ W).named("z")).named("ŷ")))
    found = interpret([gd.hessian(J, W)], {x: rows, y: label})[0].reshape(3, 3)
    diagonal = np.array([curvature(t) for t in (rows @ W.value)[:, 0]])
    np.testing.assert_allclose(found, rows.T * diagonal @ rows / 6, rtol=1e-12)


def test_third_derivative():
    """σ′(z)·(1 − 2σ(z))"""
    z, y = gd.tensor("z", (5,), "float64"), gd.tensor("y", (5,), "float64")
    node = gd.sum(entropy.bce(y, gd.sigmoid(z)))
    for _ in range(3):
        node = gd.sum(gd.grad(node, z))
    at = np.array([-40.0, -2.0, 0.0, 2.0, 40.0])
    third = gd.grad(gd.sum(gd.grad(gd.sum(entropy.bce(y, gd.sigmoid(z))), z)), z)
    env = {z: at, y: np.float64([0, 1, 0.3, 1, 0])}
    sigma = 1 / (1 + np.exp(-at))
    slope = np.array([curvature(t) for t in at])
    np.testing.assert_allclose(interpret([third], env)[0], slope, rtol=1e-14)
    wanted = (slope * (1 - 2 * sigma)).sum()
    assert interpret([node], env)[0] == pytest.approx(wanted, abs=1e-16)


def test_with_respect_to_the_probability_itself():
    """∂²/∂p² = (1−y)/(1−p)² + y/p²: what lies below p is no part of it."""
    z, y = gd.tensor("z", (3,), "float64"), gd.tensor("y", (3,), "float64")
    p = gd.sigmoid(z)
    J = gd.sum(entropy.bce(y, p))
    found = gd.grad(gd.sum(gd.grad(J, p)), p)
    at, label = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 1.0, 0.3])
    q = 1 / (1 + np.exp(-at))
    wanted = (1 - label) / (1 - q) ** 2 + label / q**2
    np.testing.assert_allclose(interpret([found], {z: at, y: label})[0], wanted, rtol=1e-13)


# ------------------------------------------------------------------ cce∘softmax


def product(z, y, v):
    """H·v = Σy·(p⊙v − p·(p·v)) of one row, and the size of its terms."""
    with mpmath.workdps(100):
        e = [mpmath.exp(mpmath.mpf(float(t))) for t in z]
        p = [t / mpmath.fsum(e) for t in e]
        inner = mpmath.fsum(q * float(u) for q, u in zip(p, v, strict=True))
        total = sum(map(float, y))
        exact = [float(total * q * (float(u) - inner)) for q, u in zip(p, v, strict=True)]
        terms = [float(q * (abs(float(u)) + abs(inner))) for q, u in zip(p, v, strict=True)]
        return np.array(exact), np.array(terms)


CLASSES = {
    "cce": lambda y, z: gd.sum(entropy.cce(y, gd.softmax(z))),
    "with a name between": lambda y, z: gd.sum(entropy.cce(y, gd.softmax(z).named("ŷ"))),
    "the loss of models": lambda y, z: gd.losses.CategoricalCrossentropy(reduction="sum")(
        y, gd.softmax(z)
    ),
    "from logits": lambda y, z: gd.losses.CategoricalCrossentropy(
        from_logits=True, reduction="sum"
    )(y, z),
}
ROWS = np.float32(
    [[80, 0, 0], [0, -80, 40], [-40, 40, 40], [1, 2, 3], [0, 0, 0], [-80, -80, -79.5], [17, 0, -17]]
)


@pytest.mark.parametrize("target", ["interpreted", "python"])
@pytest.mark.parametrize("label", [[1, 0, 0], [0, 1, 0], [0.2, 0.3, 0.5]])
@pytest.mark.parametrize("loss", CLASSES.values(), ids=CLASSES)
def test_of_a_softmax(loss, label, target):
    y, z, v = (gd.tensor(name, ("n", 3)) for name in "yzv")
    labels = np.tile(np.float32(label), (len(ROWS), 1))
    direction = np.random.default_rng(1).normal(size=ROWS.shape).astype(np.float32)
    J = loss(y, z)
    outputs = [gd.hvp(J, z, v), gd.grad(gd.sum(gd.grad(J, z) * v), z)]
    for found in evaluated([y, z, v], [labels, ROWS, direction], outputs, target):
        for row in zip(found, ROWS, labels, direction, strict=True):
            exact, terms = product(*row[1:])
            assert (np.abs(row[0] - exact) <= 8 * EPS * terms + TINY).all()


def test_of_class_numbers():
    """The sparse loss has the same second derivative as that of one-hot labels."""
    y, z = gd.tensor("y", ("n",), "int64"), gd.tensor("z", ("n", 3))
    J = gd.losses.SparseCategoricalCrossentropy(reduction="sum")(y, gd.softmax(z))
    direction = np.float32([1.0, -2.0, 0.5])
    found = interpret([gd.hvp(J, z, 0 * z + direction)],
                      {y: np.arange(len(ROWS)) % 3, z: ROWS})[0]  # fmt: skip
    for got, at in zip(found, ROWS, strict=True):
        exact, terms = product(at, [1.0], direction)
        assert (np.abs(got - exact) <= 8 * EPS * terms + TINY).all()


# ------------------------------------------------------------------ what stays as it was


def test_first_derivatives_keep_their_factors():
    """A reader still finds bce′ and σ′ in the gradient; the compiler merges them."""
    y, z = gd.tensor("y", ("n", 1)), gd.tensor("z", ("n", 1))
    slope = gd.grad(gd.mean(entropy.bce(y, gd.sigmoid(z))), z)
    graph = Graph([y, z], [slope])
    assert entropy.bce_slope_op in {n.op for n in graph.nodes}
    merged, trace = simplify(graph)
    assert entropy.bce_slope_op not in {n.op for n in merged.nodes}
    assert "bce∘sigmoid: δ = ŷ − y" in [t.rule for t in trace]
