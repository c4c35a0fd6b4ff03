"""Ill-typed graphs fail where they are written; the message has both shapes, dtypes or sizes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import (
    DisconnectedError,
    DTypeError,
    GraphdlError,
    GraphError,
    NotDifferentiableError,
    ShapeError,
)
from graphdl.ops import entropy


def symbols():
    """Fresh symbols for a case: what it learns of sizes stays with it."""
    t = gd.tensor
    return SimpleNamespace(
        a=t("a", (4, 3)),
        b=t("b", (4, 2)),
        c=t("c", (2, 4, 3)),
        v=t("v", (5,)),
        s=t("s", ()),
        d=t("d", (4, 3), "float64"),
        i=t("i", (4,), "int64"),
        k=t("k", (4, 3), "int64"),
        q=t("q", (4, 3), "bool"),
        x=t("x", ("n", "m")),
        y=t("y", ("n", 1)),
        e=t("e", (0, 3)),
    )


# What is built, the error, and the words its message must have.
SHAPES = {
    "add": (lambda t: t.a + t.b, "add", "(4, 3)", "(4, 2)"),
    "subtract a vector": (lambda t: t.a - t.v, "sub", "(4, 3)", "(5)"),
    "multiply": (lambda t: t.a * t.b, "mul", "(4, 3)", "(4, 2)"),
    "divide": (lambda t: t.a / t.v, "div", "(4, 3)", "(5)"),
    "power": (lambda t: t.a**t.b, "pow", "(4, 3)", "(4, 2)"),
    "maximum": (lambda t: gd.maximum(t.a, t.b), "maximum", "(4, 3)", "(4, 2)"),
    "clip": (lambda t: gd.clip(t.a, t.b, 1.0), "clip", "(4, 3)", "(4, 2)"),
    "compare": (lambda t: t.a > t.v, "gt", "(4, 3)", "(5)"),
    "and": (lambda t: t.q & (t.b > 0), "and", "(4, 3)", "(4, 2)"),
    "where": (lambda t: gd.where(t.q, t.a, t.b), "where", "(4, 3)", "(4, 2)"),
    "where's condition": (lambda t: gd.where(t.q, t.b, 0.0), "where", "(4, 3)", "(4, 2)"),
    "xlogy": (lambda t: gd.xlogy(t.a, t.b), "xlogy", "(4, 3)", "(4, 2)"),
    "bce": (lambda t: entropy.bce(t.a, t.b), "bce", "(4, 3)", "(4, 2)"),
    "cce": (lambda t: entropy.cce(t.a, t.b), "cce", "(4, 3)", "(4, 2)"),
    "matmul": (lambda t: t.a @ t.b, "matmul", "[4, 3]", "[4, 2]"),
    "matmul a vector": (lambda t: t.a @ t.v, "matmul", "[4, 3]", "[5, 1]"),
    "vector matmul": (lambda t: t.v @ t.a, "matmul", "[1, 5]", "[4, 3]"),
    "matmul a scalar": (lambda t: t.a @ t.s, "matmul", "[4, 3]", "[]"),
    "matmul of batches": (
        lambda t: gd.tensor("c3", (3, 3, 4)) @ t.c, "matmul", "(3)", "(2)",
    ),
    "outer": (lambda t: gd.outer(t.a, t.v), "outer", "[4, 3]", "[5]"),
    "tensordot": (lambda t: gd.tensordot(t.a, t.v, 1), "tensordot", "[4, 3]", "[5]"),
    "tensordot axes": (lambda t: gd.tensordot(t.a, t.b, ([0], [0, 1])), "tensordot", "1", "2"),
    "einsum sizes": (lambda t: gd.einsum("ij,jk->ik", t.a, t.b), "einsum", "[4, 3]", "[4, 2]"),
    "einsum rank": (lambda t: gd.einsum("ijk->i", t.a), "einsum", "ijk", "[4, 3]"),
    "einsum count": (lambda t: gd.einsum("ij,jk->ik", t.a), "einsum", "2", "1"),
    "einsum letters": (lambda t: gd.einsum("ij->iz", t.a), "einsum", "ij->iz"),
    "reshape": (lambda t: gd.reshape(t.a, (5, 2)), "reshape", "[4, 3]", "(5, 2)"),
    "reshape -1": (lambda t: gd.reshape(t.a, (5, -1)), "reshape", "[4, 3]", "(5, -1)"),
    "reshape two -1": (lambda t: gd.reshape(t.a, (-1, -1)), "reshape", "(-1, -1)"),
    "transpose": (lambda t: gd.transpose(t.a, (0, 0)), "transpose", "2 axes", "(0, 0)"),
    "transpose too many": (lambda t: gd.transpose(t.a, (0, 1, 2)), "transpose", "2", "2 axes"),
    "broadcast_to": (lambda t: gd.broadcast_to(t.a, (4, 5)), "broadcast_to", "[4, 3]", "(4, 5)"),
    "broadcast to fewer": (lambda t: gd.broadcast_to(t.a, (3,)), "broadcast_to", "[4, 3]", "(3,)"),
    "squeeze": (lambda t: gd.squeeze(t.a, 0), "squeeze", "[4, 3]", "4"),
    "concat": (lambda t: gd.concat([t.a, t.b], 0), "concat", "[4, 3]", "[4, 2]"),
    "concat ranks": (lambda t: gd.concat([t.a, t.c]), "concat", "[4, 3]", "[2, 4, 3]"),
    "concat nothing": (lambda t: gd.concat([]), "concat", "empty"),
    "stack": (lambda t: gd.stack([t.a, t.b]), "concat", "[1, 4, 3]", "[1, 4, 2]"),
    "split": (lambda t: gd.split(t.a, 2), "split", "3", "2"),
    "split lengths": (lambda t: gd.split(t.a, (1, 1)), "split", "2", "3"),
    "pad": (lambda t: gd.pad(t.a, [(1, 1)]), "pad", "2 pairs", "[(1, 1)]"),
    "pad negative": (lambda t: gd.pad(t.v, [(-1, 0)]), "pad", "[(-1, 0)]"),
    "index": (lambda t: t.a[4], "index", "4", "axis 0"),
    "too many indices": (lambda t: t.a[0, 0, 0], "index", "3", "2 axes"),
    "no index": (lambda t: t.a["x"], "index", "'x'"),
    "axis of sum": (lambda t: gd.sum(t.a, axis=2), "sum", "2", "2 axes"),
    "axis twice": (lambda t: gd.mean(t.a, axis=(0, -2)), "mean", "(0, -2)"),
    "axis not whole": (lambda t: gd.max(t.a, axis=0.5), "max", "0.5"),
    "axis of softmax": (lambda t: gd.softmax(t.a, axis=-3), "softmax", "-3", "2 axes"),
    "softmax of a scalar": (lambda t: gd.softmax(t.s), "softmax", "0 axes"),
    "axis of flip": (lambda t: gd.flip(t.v, 1), "flip", "1", "1 axes"),
    "axis of cumsum": (lambda t: gd.cumsum(t.v, 1), "cumsum", "1 axes"),
    "axis of gather": (lambda t: gd.gather(t.a, t.i, axis=2), "gather", "2 axes"),
    "axis of sort": (lambda t: gd.sort(t.a, axis=3), "sort", "3", "2 axes"),
    "mean of nothing": (lambda t: gd.mean(t.e, 0), "mean", "empty", "[0, 3]"),
    "max of nothing": (lambda t: gd.max(t.e), "max", "empty", "[0, 3]"),
    "argmax of nothing": (lambda t: gd.argmax(t.e, 0), "argmax", "empty", "[0, 3]"),
    "take_along ranks": (lambda t: gd.take_along(t.a, t.i), "take_along", "[4]", "[4, 3]"),
    "take_along sizes": (
        lambda t: gd.take_along(t.b, t.k, axis=0), "take_along", "[4, 2]", "[4, 3]",
    ),
    "top_k of too few": (lambda t: gd.top_k(t.a, 4), "top_k", "4", "[4, 3]"),
    "negative size": (lambda t: gd.tensor("z", (-1,)), "-1"),
    "size of no kind": (lambda t: gd.tensor("z", (2.5,)), "2.5"),
    "sizes contradict": (lambda t: (t.x @ gd.ones((3, 2))) + (t.x @ gd.ones((4, 2))), "m", "3", "4"),
    "sizes of rows": (lambda t: gd.concat([t.x[:, :1], gd.ones((7, 1))], 1)
                      + gd.concat([t.y, gd.ones((8, 1))], 1), "n", "7", "8"),
    "jvp's direction": (lambda t: gd.jvp(gd.sum(t.a), t.a, t.b), "[4, 3]", "[4, 2]"),
    "jvp's count": (lambda t: gd.jvp(gd.sum(t.a), [t.a], [t.a, t.b]), "1", "2"),
}  # fmt: skip
DTYPES = {
    "float32 and float64": (lambda t: t.a + t.d, "add", "float32", "float64"),
    "matmul of two": (lambda t: t.a @ gd.transpose(t.d), "matmul", "float32", "float64"),
    "where of two": (lambda t: gd.where(t.q, t.a, t.d), "where", "float32", "float64"),
    "concat of two": (lambda t: gd.concat([t.a, t.d]), "concat", "float32", "float64"),
    "condition": (lambda t: gd.where(t.a, t.a, t.a), "where", "float32", "truth"),
    "and of numbers": (lambda t: t.a & t.a, "and", "float32", "truth"),
    "not of a number": (lambda t: ~t.a, "not", "float32", "truth"),
    "indices": (lambda t: gd.gather(t.a, t.v), "gather", "float32", "whole"),
    "indices along": (lambda t: gd.take_along(t.a, t.b), "take_along", "float32", "whole"),
    "one_hot": (lambda t: gd.one_hot(t.a, 3), "one_hot", "float32", "whole"),
    "unknown dtype": (lambda t: gd.cast(t.a, "float16"), "float16", "float32"),
    "text": (lambda t: t.a + "1", "numbers", "'1'"),
    "a variable of text": (lambda t: gd.Variable(["a"]), "numbers", "list"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_do_not_fit(name):
    build, *words = SHAPES[name]
    with pytest.raises(ShapeError) as caught:
        build(symbols())
    assert all(w in str(caught.value) for w in words), str(caught.value)


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_that_do_not_fit(name):
    build, *words = DTYPES[name]
    with pytest.raises((DTypeError, ShapeError)) as caught:
        build(symbols())
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_an_error_names_the_line_of_the_program():
    t = symbols()
    with pytest.raises(ShapeError, match=r"add \(.*test_errors_graph\.py:\d+\)"):
        t.a + t.b


def test_a_contradiction_names_where_the_size_was_learnt():
    t = symbols()
    product = t.x @ gd.ones((3, 2))
    with pytest.raises(ShapeError, match=r"'m' is 3 by matmul \(.*test_errors_graph\.py:\d+\)"):
        product + (t.x @ gd.ones((4, 2)))


def test_contradictions_between_parts_are_found_when_the_graph_is_formed():
    t = symbols()
    first, second = t.x @ gd.ones((3, 2)), t.x @ gd.ones((4, 2))
    with pytest.raises(ShapeError, match="'m' is 3"):
        gd.Graph([t.x], [first, second])


def test_a_graph_names_the_input_it_lacks():
    t = symbols()
    with pytest.raises(GraphError, match="'y'"):
        gd.Graph([t.x], [t.x + t.y])
    with pytest.raises(GraphError, match="twice"):
        gd.Graph([t.x, t.x], [t.x + 1])


@pytest.mark.parametrize("use", [bool, list, lambda node: node in [node + 1, node + 2]])
def test_a_node_is_not_a_number(use):
    node = symbols().a
    if use is not bool and use is not list:
        assert not use(node)  # == is identity
        return
    with pytest.raises(TypeError, match="node"):
        use(node)


# ------------------------------------------------------------------ derivatives

NO_DERIVATIVE = {
    "argmax": (lambda x: gd.sum(gd.cast(gd.argmax(x), "float32")), "argmax", "index"),
    "argmin": (lambda x: gd.sum(gd.cast(gd.argmin(x), "float32")), "argmin", "index"),
    "argsort": (lambda x: gd.sum(gd.cast(gd.argsort(x), "float32")), "argsort", "order"),
    "comparison": (lambda x: gd.sum(gd.cast(x > 0, "float32")), "gt", "comparison"),
    "condition": (lambda x: gd.sum(gd.where(x > 0, 1.0, 2.0)), "gt", "comparison"),
    "cast": (lambda x: gd.sum(gd.cast(gd.cast(x, "int64"), "float32")), "cast", "whole number"),
    "isnan": (lambda x: gd.sum(gd.cast(gd.isnan(x), "float32")), "isnan", "test"),
    "accuracy": (
        lambda x: gd.mean(gd.cast(gd.equal(gd.argmax(x), 1), "float32")), "argmax", "index",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_DERIVATIVE)
def test_not_differentiable_says_through_what(name):
    build, op, why = NO_DERIVATIVE[name]
    x = gd.tensor("x", (4, 3))
    with pytest.raises(NotDifferentiableError) as caught:
        gd.grad(build(x), x)
    assert (
        f"'{op}'" in str(caught.value) and why in str(caught.value) and "'x'" in str(caught.value)
    )


FLAT = {
    "floor": gd.floor,
    "round": gd.round,
    "sign": gd.sign,
    "stop_gradient": gd.stop_gradient,
    "sign of a function": lambda x: gd.sign(gd.sin(x) + x),
    "stopped twice": lambda x: gd.exp(gd.stop_gradient(x)) * gd.floor(x),
}


@pytest.mark.parametrize("name", FLAT)
def test_a_derivative_of_zero_is_zero_and_no_error(name):
    x = gd.tensor("x", (4, 3))
    slope = gd.grad(gd.sum(FLAT[name](x)), x)
    value = gd.interpret([slope], {x: np.full((4, 3), 0.3)})[0]
    assert value.shape == (4, 3) and not value.any()


def test_one_way_with_a_derivative_is_enough():
    x = gd.tensor("x", (3,))
    loss = gd.sum(x * gd.cast(x > 0, "float32") + gd.floor(x))
    assert gd.interpret([gd.grad(loss, x)], {x: [-1.0, 2, 3]})[0].tolist() == [0, 1, 1]


def test_disconnected_is_told_apart_from_zero():
    x, w = gd.tensor("x", (3,)), gd.Variable(np.zeros(3), name="w")
    loss = gd.sum(gd.square(x))
    for wrt in (w, [w], [x, w], [w, x]):
        with pytest.raises(DisconnectedError, match="does not depend on 'w'"):
            gd.grad(loss, wrt)
    with pytest.raises(DisconnectedError, match="'w'"):
        gd.jacobian(gd.square(x), w)


def test_second_derivatives_of_what_is_linear_are_zero():
    x = gd.tensor("x", (2,))
    v = gd.constant([1.0, 2.0], "float32")
    env = {x: [1.0, -1.0]}
    linear, bent = gd.sum(3 * x), gd.sum(gd.relu(x))
    for loss in (linear, bent):
        product, full = gd.interpret([gd.hvp(loss, x, v), gd.hessian(loss, x)], env)
        assert product.tolist() == [0, 0] and full.tolist() == [[0, 0], [0, 0]]
    assert gd.interpret([gd.jvp(gd.floor(x), x, v)], env)[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("result", "wrt", "error", "words"),
    [
        (lambda t: t.a, lambda t: t.a, ShapeError, "a scalar"),
        (lambda t: gd.sum(t.i), lambda t: t.i, NotDifferentiableError, "int64"),
        (lambda t: gd.sum(t.a), lambda t: t.q, NotDifferentiableError, "bool"),
        (lambda t: 1.0, lambda t: t.a, TypeError, "nodes"),
        (lambda t: gd.sum(t.a), lambda t: "a", TypeError, "str"),
    ],
)
def test_grad_takes_a_scalar_and_nodes(result, wrt, error, words):
    t = symbols()
    with pytest.raises(error, match=words):
        gd.grad(result(t), wrt(t))


def test_jacobian_needs_a_known_size():
    t = symbols()
    with pytest.raises(ShapeError, match="known size"):
        gd.jacobian(t.x, t.x)


def test_all_are_errors_of_graphdl():
    for error in (ShapeError, DTypeError, GraphError, NotDifferentiableError, DisconnectedError):
        assert issubclass(error, GraphdlError)
