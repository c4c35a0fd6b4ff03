"""Whole graphs: what users write, differentiated and simplified."""

import mpmath as mp
import numpy as np
import pytest

import graphdl.ops.operators  # noqa: F401
from graphdl import losses
from graphdl.core.graph import Graph
from graphdl.core.interpret import interpret
from graphdl.differentiate.chain_rule import grad
from graphdl.ops import arithmetic as a
from graphdl.ops import entropy, shape
from graphdl.ops import functions as f
from graphdl.ops import reduce as r
from graphdl.ops.build import tensor, variable
from graphdl.ops.index import take_along
from graphdl.ops.shape import reshape, transpose
from graphdl.rewrite.simplify import PASSES, simplify


def values(graph: Graph, arrays):
    return interpret(graph.roots, dict(zip(graph.inputs, arrays, strict=True)))


# ------------------------------------------------------------------ formulas as people write them


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


FORMULAS = {
    "softplus": (lambda x: a.log(1 + f.exp(x)), lambda x: mp.log1p(mp.exp(x))),
    "softplus of −x": (lambda x: f.log1p(f.exp(-x)), lambda x: mp.log1p(mp.exp(-x))),
    "sigmoid": (lambda x: 1 / (1 + f.exp(-x)), sigmoid),
    "sigmoid, other form": (lambda x: f.exp(x) / (1 + f.exp(x)), sigmoid),
    "swish": (lambda x: x / (1 + f.exp(-x)), lambda x: x * sigmoid(x)),
    "swish as a product": (lambda x: x * (1 / (1 + f.exp(-x))), lambda x: x * sigmoid(x)),
    "mish": (
        lambda x: x * f.tanh(a.log(1 + f.exp(x))),
        lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    ),
    "tanh": (lambda x: (f.exp(x) - f.exp(-x)) / (f.exp(x) + f.exp(-x)), mp.tanh),
    "tanh of 2x": (lambda x: (f.exp(2 * x) - 1) / (f.exp(2 * x) + 1), mp.tanh),
    "tanh of −2x": (lambda x: 2 / (1 + f.exp(-2 * x)) - 1, mp.tanh),
    "log sigmoid": (lambda x: a.log(f.sigmoid(x)), lambda x: -mp.log1p(mp.exp(-x))),
    "log sigmoid of a view": (
        lambda x: a.log(reshape(f.sigmoid(x), (1,))), lambda x: -mp.log1p(mp.exp(-x)),
    ),
    "log(1 − sigmoid)": (lambda x: a.log(1 - f.sigmoid(x)), lambda x: -mp.log1p(mp.exp(x))),
    "log(1 − written-out sigmoid)": (
        lambda x: a.log(1 - 1 / (1 + f.exp(-x))), lambda x: -mp.log1p(mp.exp(x)),
    ),
    "√x²": (lambda x: a.sqrt(x * x), abs),
    "√(x**2)": (lambda x: a.sqrt(x**2), abs),
    "log x²": (lambda x: a.log(x * x), lambda x: mp.log(x * x)),
    "log eˣ": (lambda x: a.log(f.exp(x)), lambda x: x),
    "log softmax": (
        lambda x: a.log(r.softmax(shape.concat([x, 0 * x], 1))[:, 0]),
        lambda x: -mp.log1p(mp.exp(-x)),
    ),
    "negative log of the label's softmax": (
        lambda x: -a.log(take_along(r.softmax(shape.concat([x, 0 * x], 1)), np.array([[1]]), 1)),
        lambda x: mp.log1p(mp.exp(x)),
    ),
    "written-out log softmax": (
        lambda x: a.log(_written_out(shape.concat([x, 0 * x], 1))[:, :1]),
        lambda x: -mp.log1p(mp.exp(-x)),
    ),
    "written-out softmax": (
        lambda x: _written_out(shape.concat([x, 0 * x], 1))[:, 0], sigmoid,
    ),
    "log Σ exp": (
        lambda x: a.log(r.sum(f.exp(shape.concat([x, 0 * x], 1)), 1)),
        lambda x: mp.log1p(mp.exp(x)),
    ),
    "log Σ exp of all": (
        lambda x: a.log(r.sum(f.exp(shape.concat([x, 0 * x], 1)))),
        lambda x: mp.log1p(mp.exp(x)),
    ),
    "log mean exp": (
        lambda x: a.log(r.mean(f.exp(shape.concat([x, 0 * x], 1)), 1, keepdims=True)),
        lambda x: mp.log1p(mp.exp(x)) - mp.log(2),
    ),
}  # fmt: skip


def _written_out(x):
    e = f.exp(x)
    return e / r.sum(e, -1, keepdims=True)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("at", [200.0, 90.0, 1.5, -1.5, -90.0, -200.0])
def test_formula_and_gradient_in_single_precision(name, at):
    build, exact = FORMULAS[name]
    x = tensor("x", (1, 1), "float32")
    loss = r.sum(build(x))
    graph, _ = simplify(Graph([x], [loss, grad(loss, x)]), verify=True)
    value, slope = (float(v.item()) for v in values(graph, [np.array([[at]], np.float32)]))
    with mp.workdps(250):
        wanted = [float(exact(mp.mpf(at))), float(mp.diff(exact, mp.mpf(at)))]
    np.testing.assert_allclose([value, slope], wanted, rtol=2e-6, atol=1e-7)


# ------------------------------------------------------------------ losses on sigmoid and softmax

#: z, y → loss and its derivative in single precision.
TABLE = {
    (1e4, 0): (1e4, 1), (1e4, 1): (0, 0), (-1e4, 0): (0, 0), (-1e4, 1): (1e4, -1),
    (100, 0): (100, 1), (100, 1): (3.78351e-44, -3.78351e-44),
    (-100, 0): (3.78351e-44, 3.78351e-44), (-100, 1): (100, -1),
    (40, 0): (40, 1), (40, 1): (4.248354e-18, -4.248354e-18),
    (-40, 0): (4.248354e-18, 4.248354e-18), (-40, 1): (40, -1),
    (0, 0): (0.6931472, 0.5), (0, 1): (0.6931472, -0.5),
    (30, 0): (30, 1), (30, 1): (9.35762e-14, -9.35762e-14),
}  # fmt: skip


def _hand_written(y, p):
    return -(y * a.log(p) + (1 - y) * a.log(1 - p))


BINARY = {
    "mean of the loss": lambda y, z: r.mean(losses.binary_crossentropy(y, f.sigmoid(z))),
    "names on the way": lambda y, z: r.mean(
        losses.binary_crossentropy(y, f.sigmoid(z.named("z")).named("ŷ")).named("loss")
    ).named("J"),
    "the class": lambda y, z: losses.BinaryCrossentropy()(y, f.sigmoid(z)),
    "sum": lambda y, z: r.sum(entropy.bce(y, f.sigmoid(z))),
    "another shape": lambda y, z: r.mean(entropy.bce(reshape(y, (-1,)), reshape(f.sigmoid(z), -1))),
    "transposed": lambda y, z: r.mean(entropy.bce(transpose(y), transpose(f.sigmoid(z)))),
    "from logits": lambda y, z: r.mean(entropy.bce(y, z, from_logits=True)),
    "written by hand": lambda y, z: r.mean(_hand_written(y, f.sigmoid(z))),
    "sigmoid written out": lambda y, z: r.mean(entropy.bce(y, 1 / (1 + f.exp(-z)))),
}


@pytest.mark.parametrize("form", BINARY)
@pytest.mark.parametrize("z, y", TABLE)
def test_binary_crossentropy_of_a_sigmoid(form, z, y):
    sy, sz = tensor("y", ("n", 1), "float32"), tensor("z", ("n", 1), "float32")
    loss = BINARY[form](sy, sz)
    graph, _ = simplify(Graph([sy, sz], [loss, grad(loss, sz)]), verify=True)
    data = [np.array([[y]], np.float32), np.array([[z]], np.float32)]
    got = [v.item() for v in values(graph, data)]
    np.testing.assert_allclose(got, TABLE[z, y], rtol=5e-7, atol=1e-45)


WEIGHTS = np.array([[0.5, 2.0, 1.0, 0.0]]).T
BATCHES = {
    "weighted": lambda y, z: r.mean(entropy.bce(y, f.sigmoid(z)) * WEIGHTS),
    "a sum of two losses": lambda y, z: (
        r.mean(entropy.bce(y, f.sigmoid(z))) + 0.1 * r.sum(a.square(f.sigmoid(z)))
    ),
    "a difference": lambda y, z: 3 - r.sum(f.sigmoid(z)) - r.mean(entropy.bce(y, f.sigmoid(z))),
    "repeated targets": lambda y, z: r.mean(entropy.bce(y, f.sigmoid(z[:1]))),
    "each class": lambda y, z: r.mean(
        losses.categorical_crossentropy(
            shape.concat([y, 1 - y], 1), r.softmax(shape.concat([z, 2 * z], 1))
        )
    ),
    "each class, weighted": lambda y, z: r.sum(
        WEIGHTS[:, 0]
        * entropy.cce(shape.concat([y, 1 - y], 1), r.softmax(shape.concat([z, 2 * z], 1)))
    ),
    "negative each class": lambda y, z: (
        -r.sum(entropy.cce(shape.concat([y, 1 - y], 1), r.softmax(shape.concat([z, 2 * z], 1))))
    ),
    "label": lambda y, z: r.mean(
        losses.sparse_categorical_crossentropy(y, r.softmax(shape.concat([z, 2 * z], 1)))
    ),
}


@pytest.mark.parametrize("form", BATCHES)
def test_fused_gradient_equals_the_plain_one(form, rng):
    y, z = tensor("y", (4, 1), "float64"), tensor("z", (4, 1), "float64")
    loss = BATCHES[form](y, z)
    plain = Graph([y, z], [loss, grad(loss, z)])
    graph, trace = simplify(plain, verify=True)
    ops = {n.op.name for n in graph.nodes}
    assert not ops & {"bce", "bce_slope", "cce", "cce_slope"}
    assert any("δ =" in t.rule for t in trace)
    data = [np.array([[0.0, 1.0, 1.0, 0.0]]).T, rng.uniform(-3, 3, (4, 1))]
    for got, wanted in zip(values(graph, data), values(plain, data), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-14)


def test_probabilities_that_are_given_stay_clipped():
    y, p = tensor("y", (2, 1), "float32"), tensor("p", (2, 1), "float32")
    loss = r.sum(entropy.bce(y, p))
    graph, _ = simplify(Graph([y, p], [loss, grad(loss, p)]))
    value, slope = values(graph, [np.array([[1], [0]], "f4"), np.array([[0], [1]], "f4")])
    np.testing.assert_allclose(value, 16.1181 + 15.9424, rtol=1e-5)
    np.testing.assert_array_equal(slope, 0)


# ------------------------------------------------------------------ passes on and off


def random_graph(seed: int) -> tuple[Graph, list[np.ndarray]]:
    """Some operations that stay away from kinks and poles, a loss, its gradients, updates."""
    draw = np.random.default_rng(seed)
    x, y = tensor("x", ("n", "m"), "float64"), tensor("y", ("n", 1), "float64")
    w = variable(draw.normal(size=(5, 3)), "w", "float64")
    b = variable(draw.normal(size=3), "b", "float64")
    ends = [(x @ w + b).named("z"), y]
    unary = [
        lambda v: f.exp(f.tanh(v)), lambda v: a.log(1 + f.exp(v)), lambda v: 1 / (1 + f.exp(-v)),
        lambda v: a.sqrt(v * v + 0.25), lambda v: f.sigmoid(v).named("s"), lambda v: -v * 1,
        lambda v: a.log(f.sigmoid(v)), lambda v: r.softmax(v), lambda v: a.log(r.softmax(v)),
        lambda v: transpose(transpose(v)), lambda v: v - r.mean(v, 0, keepdims=True),
        lambda v: 2 * (0.5 * v) + 0, lambda v: v**2 / (1 + v**2), lambda v: f.exp(v * 0.1) - 1,
        lambda v: reshape(reshape(v, (-1,)), v.type.shape), lambda v: v / (1 + a.absolute(v)),
    ]  # fmt: skip
    binary = [a.add, a.subtract, a.multiply, lambda u, v: u / (1 + v * v),
              lambda u, v: a.where(u > 10, u, v), lambda u, v: u - -v]  # fmt: skip
    for _ in range(10):
        first = ends[draw.integers(len(ends))]
        if draw.random() < 0.6:
            ends.append(unary[draw.integers(len(unary))](first))
        else:
            ends.append(binary[draw.integers(len(binary))](first, ends[0]))
    loss = r.mean(ends[-1]) + r.mean(a.square(ends[0])) + _head(ends[0], y, draw)
    gw, gb = grad(loss, [w, b])
    graph = Graph([x, y], [loss, gw], {w: w - 0.1 * gw, b: b - 0.1 * gb})
    return graph, [draw.normal(size=(6, 5)), (draw.random((6, 1)) > 0.5) * 1.0]


def _head(z, y, draw):
    if draw.random() < 0.5:
        return r.mean(entropy.bce(y, f.sigmoid(z)))
    return r.mean(entropy.cce(shape.concat([y, 1 - y, 0 * y], 1), r.softmax(z)))


@pytest.mark.parametrize("seed", range(30))
def test_each_pass_on_or_off_gives_the_same_values(seed):
    graph, data = random_graph(seed)
    plain = values(graph, data)
    for passes in (PASSES, *[[q for q in PASSES if q != off] for off in PASSES]):
        simplified, _ = simplify(graph, passes, verify=True)
        for got, wanted in zip(values(simplified, data), plain, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_simplifying_twice_changes_nothing_more(seed):
    once, _ = simplify(random_graph(seed)[0])
    twice, trace = simplify(once)
    assert trace == [] and twice.roots == once.roots


def test_no_passes_leave_the_graph_alone():
    graph, _ = random_graph(0)
    assert simplify(graph, ()) == (graph, [])


@pytest.mark.parametrize("kind", ["binary", "each class"])
@pytest.mark.parametrize("at", [0.3, 2.0, -17.0, 100.0])
def test_second_derivatives_are_merged_as_a_whole_or_not_at_all(kind, at):
    y, z = tensor("y", (1, 2), "float64"), tensor("z", (1, 2), "float64")
    if kind == "binary":
        loss = r.sum(entropy.bce(y, f.sigmoid(z)))
    else:
        loss = r.sum(entropy.cce(y, r.softmax(z)))
    plain = Graph([y, z], [loss, *_second(loss, z)])
    graph, _ = simplify(plain, verify=True)
    data = [np.array([[0.0, 1.0]]), np.array([[at, 0.5]])]
    got, wanted = values(graph, data)[2], values(plain, data)[2]
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-6)


def _second(loss, z):
    slope = grad(loss, z)
    return slope, grad(r.sum(slope * np.array([[1.0, -0.5]])), z)


def test_a_cotangent_that_is_repeated_is_not_taken_for_a_view():
    x, w = tensor("x", (5, 2), "float64"), tensor("w", (1, 2), "float64")
    p = r.softmax(x)
    loss = r.sum(reshape(w, (2,)) * p) + r.sum(a.log(p))
    graph = Graph([x, w], [loss, grad(loss, x)])
    data = [np.linspace(-1, 1, 10).reshape(5, 2), np.array([[0.3, 2.0]])]
    for got, wanted in zip(values(simplify(graph)[0], data), values(graph, data), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
