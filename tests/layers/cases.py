"""What is compared with Keras: names, arguments and inputs, the same for both libraries.

Numbers come from `numbers_of`, which every library reproduces: no generator is involved.
"""

import numpy as np


def numbers_of(shape, start=0):
    """Distinct numbers in about (-2, 2), positive and negative mixed, none of them at a kink."""
    count = int(np.prod(shape, dtype=int))
    k = np.arange(start + 1, start + count + 1)
    return (4 * ((k * 0.6180339887498949) % 1) - 2).astype("float32").reshape(shape)


# name, arguments, shape of an example (a list of them for several inputs), with training=
LAYERS = [
    ("Dense", {"units": 3, "activation": "tanh"}, (4,), False),
    ("BatchNormalization", {}, (4,), True),
    ("BatchNormalization", {}, (4,), False),
    ("BatchNormalization", {"axis": 1, "momentum": 0.8, "epsilon": 1e-5}, (3, 2), True),
    ("BatchNormalization", {"center": False, "scale": False}, (4,), True),
    ("LayerNormalization", {}, (4,), True),
    ("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-6}, (3, 2), False),
    ("LayerNormalization", {"axis": 1, "center": False}, (3, 2), False),
    ("GroupNormalization", {"groups": 2}, (6,), False),
    ("GroupNormalization", {"groups": 2}, (3, 4), False),
    ("GroupNormalization", {"groups": -1, "axis": 1}, (3, 4), False),
    ("RMSNormalization", {}, (4,), False),
    ("UnitNormalization", {}, (4,), False),
    ("UnitNormalization", {"axis": [1, 2]}, (3, 2), False),
    ("ReLU", {}, (4,), False),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.5}, (4,), False),
    ("ReLU", {"max_value": 6.0}, (4,), False),
    ("ReLU", {"negative_slope": 0.1}, (4,), False),
    ("LeakyReLU", {}, (4,), False),
    ("PReLU", {}, (3, 2), False),
    ("PReLU", {"shared_axes": [1]}, (3, 2), False),
    ("ELU", {"alpha": 0.7}, (4,), False),
    ("Softmax", {}, (4,), False),
    ("Softmax", {"axis": 1}, (3, 2), False),
    ("Rescaling", {"scale": 0.5, "offset": 3.0}, (4,), False),
    ("Normalization", {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 0.0, 2.0]}, (4,), False),
    ("Normalization", {"mean": 0.5, "variance": 4.0, "axis": None, "invert": True}, (3, 2), False),
    ("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 2.0], "axis": 1}, (3, 2), False),
    ("Reshape", {"target_shape": [2, -1]}, (6,), False),
    ("Permute", {"dims": [2, 1]}, (3, 2), False),
    ("RepeatVector", {"n": 3}, (4,), False),
    ("Flatten", {}, (3, 2), False),
    ("Identity", {}, (4,), False),
    ("Add", {}, [(4,), (4,), (4,)], False),
    ("Add", {}, [(3, 2), (2,)], False),
    ("Subtract", {}, [(4,), (4,)], False),
    ("Multiply", {}, [(4,), (4,)], False),
    ("Average", {}, [(4,), (4,), (4,)], False),
    ("Maximum", {}, [(4,), (4,)], False),
    ("Minimum", {}, [(4,), (4,)], False),
    ("Concatenate", {}, [(4,), (2,)], False),
    ("Concatenate", {"axis": 1}, [(3, 2), (1, 2)], False),
    ("Dot", {"axes": 1}, [(4,), (4,)], False),
    ("Dot", {"axes": [2, 1], "normalize": True}, [(3, 2), (2, 4)], False),
    ("Dropout", {"rate": 0.5}, (4,), False),
    ("AlphaDropout", {"rate": 0.5}, (4,), False),
    ("GaussianNoise", {"stddev": 0.5}, (4,), False),
]  # fmt: skip

ACTIVATIONS = [
    ("celu", {}), ("celu", {"alpha": 0.5}), ("elu", {}), ("elu", {"alpha": 0.5}),
    ("exponential", {}), ("gelu", {}), ("gelu", {"approximate": True}), ("glu", {}),
    ("glu", {"axis": 0}), ("hard_shrink", {}), ("hard_shrink", {"threshold": 1.0}),
    ("hard_sigmoid", {}), ("hard_silu", {}), ("hard_swish", {}), ("hard_tanh", {}),
    ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.4}), ("linear", {}),
    ("log_sigmoid", {}), ("log_softmax", {}), ("log_softmax", {"axis": 0}), ("mish", {}),
    ("relu", {}), ("relu", {"negative_slope": 0.3, "max_value": 1.5, "threshold": 0.25}),
    ("relu", {"threshold": 0.5}), ("relu", {"max_value": 6}), ("relu6", {}), ("selu", {}),
    ("sigmoid", {}), ("silu", {}), ("swish", {}), ("softmax", {}), ("softmax", {"axis": 0}),
    ("soft_shrink", {}), ("soft_shrink", {"threshold": 1.0}), ("softplus", {}), ("softsign", {}),
    ("sparse_plus", {}), ("sparsemax", {}), ("sparse_sigmoid", {}),
    ("squareplus", {}), ("squareplus", {"b": 2.0}), ("tanh", {}), ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.5, "default_value": 0.25}),
]  # fmt: skip

CONSTRAINTS = [
    ("MaxNorm", {}), ("MaxNorm", {"max_value": 1.5, "axis": 1}), ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}), ("UnitNorm", {}), ("UnitNorm", {"axis": 1}), ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.3, "axis": 1}),
]  # fmt: skip

REGULARIZERS = [
    ("L1", {}), ("L1", {"l1": 0.2}), ("L2", {}), ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}), ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]  # fmt: skip

ROWS = 5
MATRIX = 2 * numbers_of((4, 6))  # for activations, constraints, regularizers


def inputs_of(shapes):
    """The arrays that a layer is called on."""
    several = shapes if isinstance(shapes, list) else [shapes]
    return [numbers_of((ROWS, *s), 31 * k) for k, s in enumerate(several)]


def weights_of(shapes):
    """Weights that are positive: some of them are variances."""
    return [np.abs(numbers_of(s, 7 * k)) + 0.1 for k, s in enumerate(shapes)]
