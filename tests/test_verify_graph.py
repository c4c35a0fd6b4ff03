"""The spec of graphs: what breaks it is named."""

from types import MappingProxyType

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.graph import Graph, Node, _fill
from graphdl.core.op import Op
from graphdl.core.types import Type
from graphdl.core.verify import verify
from graphdl.rewrite.expand import expand
from graphdl.rewrite.simplify import simplify
from tests.codegen.programs import runner_of


def node_of(op, *inputs, type, **attrs):
    """A node that no rule has checked."""
    return _fill(
        Node(), op=op, inputs=inputs, attrs=MappingProxyType(attrs), type=type,
        facts=inputs[0].facts, origin="here.py:1",
    )  # fmt: skip


def graph():
    x = gd.tensor("x", ("n", "m"))
    W = gd.Variable(np.ones((3, 2)), name="W")
    return Graph([x], [gd.tanh(x @ W)], {W: W * 0.5}, [gd.sum(x)])


X = gd.tensor("x", ("n", 3))
ADD = gd.add(X, X).op
SILENT = Op(name="silent", infer=lambda rule, x: x, reference=lambda x: x)


def missing_input():
    g = graph()
    g.inputs = ()
    return g


def missing_node():
    g = graph()
    g.nodes = g.nodes[:-1]
    return g


def wrong_storage():
    W = gd.Variable(np.ones(3), name="W")
    object.__setattr__(W, "storage", np.ones(4, "float32"))
    return Graph([], [W * 2.0])


W = gd.Variable(np.ones((3, 2)), name="W")
WRONG = {
    "the symbol 'x' .* is not among the inputs": missing_input,
    "its nodes are not those its roots depend on": missing_node,
    r"a 'add' \(here.py:1\) is f32\[n, 4\], its rule says f32\[n, 3\]": lambda: Graph(
        [X], [node_of(ADD, X, X, type=Type((*X.shape[:1], 4), "float32"))]
    ),
    r"is f64\[n, 3\], its rule says f32\[n, 3\]": lambda: Graph(
        [X], [node_of(ADD, X, X, type=Type(X.shape, "float64"))]
    ),
    "does not fit its inputs: add got float32 and float64": lambda: Graph(
        [X], [node_of(ADD, X, gd.constant(np.ones(3), "float64"), type=X.type)]
    ),
    "silent has no derivative and no reason": lambda: Graph([X], [node_of(SILENT, X, type=X.type)]),
    "is updated and no variable": lambda: Graph([X], [], {X: X}),
    r"'W' .* is f32\[3, 2\], its update f32\[3\]": lambda: Graph([], [], {W: gd.sum(W, axis=1)}),
    "the check .* is bool: always finite": lambda: Graph([X], [X], checks=[X > 0.0]),
    r"'W' .* is f32\[3\] and holds f32\[4\]": wrong_storage,
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_graph_is_refused(message):
    with pytest.raises(gd.errors.GraphError, match=message):
        verify(WRONG[message]())


def test_a_right_graph_is_accepted():
    verify(graph())
    _, runner = runner_of(3)
    for right in (runner.step.graph, simplify(runner.step.graph)[0]):
        verify(right)
        verify(expand(right))
