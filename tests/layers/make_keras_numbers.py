"""Writes keras_numbers.json: what Keras says of the cases. Needs Keras 3 with TensorFlow.

KERAS_BACKEND=tensorflow python -m tests.layers.make_keras_numbers
"""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

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


def listed(values):
    """Nested lists of numbers with the nine digits that tell float32 numbers apart."""
    return [np.vectorize(lambda v: float(f"{v:.9g}"))(np.asarray(v)).tolist() for v in values]


def value_and_gradients(function, variables):
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = function()
        total = tf.reduce_sum(value * numbers_of(value.shape, 101))
    gradients = tape.gradient(total, variables, unconnected_gradients="zero")
    return listed([value, *gradients])


def layer_numbers(name, arguments, shapes, training):
    layer = getattr(keras.layers, name)(**arguments)
    arrays = [tf.constant(a) for a in inputs_of(shapes)]
    given = arrays if isinstance(shapes, list) else arrays[0]
    layer(given)
    layer.set_weights(weights_of([w.shape for w in layer.weights]))
    trained = [w.value for w in layer.trainable_weights]
    takes = "training" in layer._call_signature.parameters
    options = {"training": training} if takes else {}
    found = value_and_gradients(lambda: layer(given, **options), [*arrays, *trained])
    return {"values": found, "weights": listed([w.numpy() for w in layer.weights])}


def function_numbers(function, of=MATRIX):
    x = tf.constant(of)
    return value_and_gradients(lambda: function(x), [x])


def main():
    found = {
        "keras": keras.__version__,
        "layers": [layer_numbers(*case) for case in LAYERS],
        "activations": [
            function_numbers(lambda x, n=n, a=a: getattr(keras.activations, n)(x, **a))
            for n, a in ACTIVATIONS
        ],
        "constraints": [
            function_numbers(getattr(keras.constraints, n)(**a)) for n, a in CONSTRAINTS
        ],
        "regularizers": [
            function_numbers(getattr(keras.regularizers, n)(**a)) for n, a in REGULARIZERS
        ],
    }
    file = Path(__file__).with_name("keras_numbers.json")
    file.write_text(json.dumps(found, separators=(",", ":")) + "\n")


main()
