"""One rule of differentiation is made wrong: the certificate names the very step that uses it."""

import contextlib

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import apply
from graphdl.core.op import Where
from graphdl.derivation.derivation import derive
from graphdl.differentiate import chain_rule
from graphdl.ops.registry import all_ops
from graphdl.ops.shape import broadcast_to

OPS = all_ops()
QUICK = ("complex step", "differences")


@contextlib.contextmanager
def wrong(op, **rules):
    """The operation with other rules, for a while."""
    kept = {name: getattr(op, name) for name in rules}
    try:
        for name, rule in rules.items():
            object.__setattr__(op, name, rule)
        yield
    finally:
        for name, rule in kept.items():
            object.__setattr__(op, name, rule)


def scaled(op, input_=0, by=1.5):
    """The rule of one input, times a number."""
    name = "partials" if op.partials is not None else "vjp" if op.vjp is not None else None
    if name is None:  # declared by its formula alone: it is given a rule, near its own
        return {"partials": lambda n: [_slope(n) * by, *[None] * (len(n.inputs) - 1)]}
    right = getattr(op, name)

    def rule(*args):
        found = list(right(*args))
        found[input_] = _times(found[input_], by)
        return found

    return {name: rule}


def _times(sent, by):
    if isinstance(sent, Where):
        return Where(sent.condition, _times(sent.partial, by))
    return gd.constant(by * sent, "float64") if isinstance(sent, int) else sent * by


def _slope(node):
    body = node.op.body(*node.inputs, **node.attrs)
    return chain_rule.gradients(gd.sum(body), [node.inputs[0]])[0]


def weights(*shapes):
    return [gd.Variable(np.zeros(s), f"W{k}", "float64") for k, s in enumerate(shapes, 1)]


def inputs(columns=4, targets=3):
    return gd.tensor("x", ("n", columns), "float64"), gd.tensor("y", ("n", targets), "float64")


def network(function):
    """z = x @ W1, h = function(z), then a second product and the mean of squares."""
    x, y = inputs()
    w1, w2 = weights((4, 4), (4, 3))
    z = (x @ w1).named("z")
    h = function(z).named("h")
    o = (h @ w2).named("o")
    return gd.mean(gd.square((o - y).named("e"))).named("J"), w1, w2


HIDDEN = {
    "sigmoid": gd.sigmoid,
    "tanh": gd.tanh,
    "relu": gd.relu,
    "gelu": gd.gelu,
    "elu": gd.elu,
    "softmax": gd.softmax,
    "log_softmax": gd.log_softmax,
    "exp": gd.exp,
    "softplus": gd.softplus,
    "log": lambda z: gd.log(1.5 + gd.square(z)),
    "sqrt": lambda z: gd.sqrt(1.5 + gd.square(z)),
    "div": lambda z: z / (2 + gd.square(z)),
    "mul": lambda z: z * z,
    "abs": gd.absolute,
    "maximum": lambda z: gd.maximum(z, 0.3),
    "sum": lambda z: z + gd.sum(z, 1, keepdims=True),
    "reshape": lambda z: gd.reshape(gd.reshape(z, (-1,)), ("n", 4)),
    "transpose": lambda z: gd.transpose(gd.exp(gd.transpose(z))),
    "concat": lambda z: gd.concat([gd.sin(z), z], 1)[:, 2:6],
    "cumsum": lambda z: gd.cumsum(z, 1),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_the_factor_with_the_wrong_rule_is_named(name):
    with wrong(OPS[name], **scaled(OPS[name])):
        loss, w1, _ = network(HIDDEN[name])
        found = derive(loss, w1).check(methods=QUICK)
    assert not found
    assert found.wrong.step == "∂h/∂z"
    assert {r.step for r in found.rows if r.verdict == "wrong"} == {"∂h/∂z", "∂J/∂W1"}
    assert name in found.wrong.rule
    assert __file__ in found.wrong.where
    with pytest.raises(ArithmeticError, match=r"∂h/∂z is wrong \(rule: "):
        found.raise_if_wrong()


@pytest.mark.parametrize("name", HIDDEN)
def test_the_right_rule_passes(name):
    loss, w1, _ = network(HIDDEN[name])
    assert derive(loss, w1).check(methods=QUICK)


@pytest.mark.parametrize(("side", "step"), [(0, "∂o/∂h"), (1, "∂z/∂W1")])
def test_each_side_of_a_product(side, step):
    with wrong(OPS["matmul"], **scaled(OPS["matmul"], side)):
        loss, w1, w2 = network(gd.tanh)
        assert derive(loss, w1).check(methods=QUICK).wrong.step == step
        if side == 1:
            assert derive(loss, w2).check(methods=QUICK).wrong.step == "∂o/∂W2"


def test_a_product_that_forgets_to_transpose():
    """A·B sends δ·B instead of δ·Bᵀ to A."""
    right = OPS["matmul"].vjp
    with wrong(OPS["matmul"], vjp=lambda n, ct: [apply(n.op, ct, n.inputs[1]), right(n, ct)[1]]):
        x, _ = inputs()
        w1, w2 = weights((4, 4), (4, 4))
        h = gd.tanh(x @ w1).named("h")
        found = derive(gd.mean(gd.square((h @ w2).named("o"))).named("J"), w1).check(methods=QUICK)
    assert found.wrong.step == "∂o/∂h"


def test_a_mean_that_is_not_divided():
    with wrong(OPS["mean"], vjp=lambda n, ct: [broadcast_to(ct, n.inputs[0].type.shape)]):
        x, y = inputs()
        (w1,) = weights((4, 3))
        e = ((x @ w1).named("z") - y).named("e")
        found = derive(gd.mean(e * e).named("J"), w1).check(methods=QUICK)
    assert found.wrong.step == "∂J/∂e"
    assert "'mean'" in found.wrong.note  # of mean and mul it is the mean


@pytest.mark.parametrize("slope", ["bce_slope", "surprisal_slope"])
def test_a_wrong_slope_of_a_loss(slope):
    """The slope is an operation of its own: here its meaning is wrong, in every kind of number."""
    op = OPS[slope]
    body, reference = op.body, op.reference
    with wrong(op, body=lambda *a: 2 * body(*a), reference=lambda *a: 2 * reference(*a)):
        x, y = inputs(4, 1)
        (w1,) = weights((4, 1))
        p = gd.sigmoid((x @ w1).named("z")).named("p")
        loss = apply(OPS["bce"], y, p) if slope == "bce_slope" else apply(OPS["surprisal"], p)
        found = derive(gd.mean(loss).named("J"), w1).check()
    assert found.wrong.step == "∂J/∂p"
    wrong_rows = {r.method for r in found.rows if r.step == "∂J/∂p" and r.verdict == "wrong"}
    assert wrong_rows == {"complex step", "differences", "high precision", "sympy"}


def test_a_wrong_slope_of_classes():
    op = OPS["cce_slope"]
    body, reference = op.body, op.reference
    with wrong(op, body=lambda *a: body(*a) * 0.5, reference=lambda *a: reference(*a) * 0.5):
        x, y = inputs()
        (w1,) = weights((4, 3))
        p = gd.softmax((x @ w1).named("z")).named("p")
        found = derive(gd.mean(apply(OPS["cce"], y, p)).named("J"), w1).check()
    assert found.wrong.step == "∂J/∂p"


@pytest.mark.parametrize("name", ["bce_logits", "cce_logits"])
def test_a_wrong_loss_from_logits(name):
    with wrong(OPS[name], **scaled(OPS[name], 1, 0.9)):
        x, y = inputs()
        (w1,) = weights((4, 3))
        z = (x @ w1).named("z")
        found = derive(gd.mean(apply(OPS[name], y, z)).named("J"), w1).check(methods=QUICK)
    assert found.wrong.step == "∂J/∂z"


def built(layers, loss="mse", shape=(4,), dtype=None, outputs=2):
    gd.set_seed(0)
    start = gd.layers.Input(shape=shape, **({} if dtype is None else {"dtype": dtype}))
    model = gd.Sequential([start, *layers, gd.layers.Dense(outputs)])
    model.compile("sgd", loss, target="python")
    return model


def test_dropout_that_does_not_scale_back():
    """The mask is applied, the division by 1 − p left out of the derivative."""
    right = OPS["div"].partials

    def unscaled(node):
        by_number = node.inputs[1].op.name == "constant" and node.inputs[0].op.name == "where"
        return [1, None] if by_number else right(node)

    with wrong(OPS["div"], partials=unscaled):
        model = built([gd.layers.Dense(8, "tanh"), gd.layers.Dropout(0.25)])
        found = model.derive("dense/kernel").check(methods=QUICK)
    assert found.wrong.step == "∂h2/∂h1"
    assert {r.step for r in found.rows if r.verdict == "wrong"} == {"∂h2/∂h1", "∂J/∂W1"}


@pytest.mark.parametrize(("name", "factor"), [("square", 1.2), ("sqrt", 0.8), ("div", 1.1)])
def test_within_batch_normalization(name, factor):
    with wrong(OPS[name], **scaled(OPS[name], 0, factor)):
        model = built([gd.layers.Dense(4, "tanh"), gd.layers.BatchNormalization()], "mae")
        found = model.derive("dense/kernel").check(methods=QUICK)
    whole = found.rows[-1].step
    wrong_rules = {r.rule for r in found.rows if r.verdict == "wrong" and r.step != whole}
    assert wrong_rules
    assert all(name in rule for rule in wrong_rules)


def test_an_embedding_that_loses_half_of_what_arrives():
    with wrong(OPS["gather"], **scaled(OPS["gather"], 0, 0.5)):
        model = built([gd.layers.Embedding(5, 3), gd.layers.Flatten()], shape=(2,), dtype="int64")
        found = model.derive("embedding/embeddings").check(methods=QUICK)
    assert "gather" in found.wrong.rule


def test_un_broadcasting_that_takes_the_mean(monkeypatch):
    """A bias is added to every row: its derivative is the sum over them."""
    right = chain_rule.sum_to
    monkeypatch.setattr(chain_rule, "sum_to", lambda a, shape: right(a, shape) * 0.25)
    x, y = inputs()
    (w1,) = weights((4, 3))
    b = gd.Variable(np.zeros(3), "b", "float64")
    loss = gd.mean(gd.square(((x @ w1 + b).named("z") - y).named("e"))).named("J")
    assert derive(loss, b).check(methods=QUICK).wrong.step == "∂z/∂b"
    assert derive(loss, w1).check(methods=QUICK)


def test_a_path_that_is_forgotten(monkeypatch):
    """Of two paths that meet only the second is kept: every factor is right, the sum is not."""
    monkeypatch.setattr(chain_rule.Cotangent, "__add__", lambda self, other: other)
    x, _ = inputs()
    (w1,) = weights((4, 4))
    h = gd.tanh(x @ w1).named("h")
    a, b = gd.exp(h).named("a"), gd.sin(h).named("b")
    found = derive(gd.mean(a * b).named("J"), w1).check(methods=QUICK)
    assert found.wrong.step == "∂J/∂h = Σ"
    assert "sum over 2 paths" in found.wrong.rule
