"""Layers, activations, constraints and regularizers give Keras's numbers, and Keras's gradients."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import DisconnectedError, NotDifferentiableError
from graphdl.core.interpret import interpret
from graphdl.layers.trace import Trace, tracing
from tests.layers.cases import (
    ACTIVATIONS,
    CONSTRAINTS,
    LAYERS,
    MATRIX,
    REGULARIZERS,
    inputs_of,
    numbers_of,
    weights_of,
)

KERAS = json.loads(Path(__file__).with_name("keras_numbers.json").read_text())
# sparsemax along another axis than the last is compared with its definition: Keras 3.15 gives columns
# that do not sum to 1.


def cases(kind, table):
    return [
        pytest.param(*case, found, id=f"{case[0]}-{k}")
        for k, (case, found) in enumerate(zip(table, KERAS[kind], strict=True))
    ]


def close(ours, keras):
    np.testing.assert_allclose(ours, keras, rtol=1e-5, atol=1e-6)


def gradient(total, w):
    try:
        return gd.grad(total, w)
    except (DisconnectedError, NotDifferentiableError):
        return gd.zeros(w.shape, w.dtype)


def agree(output, wrt, env, keras):
    """Value and gradients of a node, weighted as Keras's were, against Keras's."""
    shape = np.shape(keras[0])
    total = gd.sum(output * gd.constant(numbers_of(shape, 101)))
    found = interpret([output, *(gradient(total, w) for w in wrt)], env)
    assert len(found) == len(keras)
    for ours, theirs in zip(found, keras, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize(
    ("name", "arguments", "shapes", "training", "keras"), cases("layers", LAYERS)
)
def test_layer(name, arguments, shapes, training, keras):
    layer = getattr(gd.layers, name)(**arguments)
    arrays = inputs_of(shapes)
    nodes = [gd.tensor(f"x{k}", ("n", *a.shape[1:])) for k, a in enumerate(arrays)]
    given = nodes if isinstance(shapes, list) else nodes[0]
    layer(given)
    layer.set_weights(weights_of([w.storage.shape for w in layer.weights]))
    trace = Trace(training)
    with tracing(trace):
        output = layer(given)
    env = dict(zip(nodes, arrays, strict=True))
    agree(output, [*nodes, *layer.trainable_weights], env, keras["values"])
    # after one training step, the weights that follow the batch are Keras's too
    after = interpret([trace.updates.get(w, w) for w in layer.weights], env)
    for ours, theirs in zip(after, keras["weights"], strict=True):
        close(ours, theirs)


@pytest.mark.parametrize(("name", "arguments", "keras"), cases("activations", ACTIVATIONS))
def test_activation(name, arguments, keras):
    x = gd.tensor("x", MATRIX.shape)
    agree(getattr(gd.activations, name)(x, **arguments), [x], {x: MATRIX}, keras)
    if not set(arguments) - {"axis"}:
        close(gd.activations.get(name)(MATRIX, **arguments), keras[0])


@pytest.mark.parametrize(("name", "arguments", "keras"), cases("constraints", CONSTRAINTS))
def test_constraint(name, arguments, keras):
    x = gd.tensor("x", MATRIX.shape)
    agree(getattr(gd.constraints, name)(**arguments)(x), [x], {x: MATRIX}, keras)


@pytest.mark.parametrize(("name", "arguments", "keras"), cases("regularizers", REGULARIZERS))
def test_regularizer(name, arguments, keras):
    x = gd.tensor("x", MATRIX.shape)
    agree(getattr(gd.regularizers, name)(**arguments)(x), [x], {x: MATRIX}, keras)


def test_sparsemax_along_any_axis():
    across = gd.activations.sparsemax(MATRIX, axis=0)
    close(across, gd.activations.sparsemax(MATRIX.T.copy()).T)
    close(across.sum(axis=0), np.ones(6))


def test_all_of_keras_activations_are_there():
    names = {name for name, _ in ACTIVATIONS}
    assert names <= set(gd.activations.KNOWN)
