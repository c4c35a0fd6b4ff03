"""Small data and networks that the tests of training share."""

import numpy as np

import graphdl as gd

_draw = np.random.default_rng(0)
X = _draw.normal(size=(40, 3)).astype(np.float32)
SUM = X.sum(axis=1, keepdims=True)
LABEL = (SUM > 0).astype(np.float32)
CLASS = np.digitize(SUM[:, 0], [-1.0, 1.0])


def dense(*units, activation="tanh", last="linear", inputs=3):
    """A Sequential of dense layers, not compiled."""
    hidden = [gd.layers.Dense(u, activation=activation) for u in units[:-1]]
    first = gd.layers.Input(shape=(inputs,))
    return gd.Sequential([first, *hidden, gd.layers.Dense(units[-1], activation=last)])


def compiled(model, loss="mse", optimizer="sgd", target="python", **rest):
    """The model, compiled for training; un-jitted unless a test is about machine code."""
    model.compile(optimizer, loss, target=target, **rest)
    return model


def classifier(target="python", **rest):
    """A binary classifier with the accuracy as its metric."""
    return compiled(
        dense(4, 1, last="sigmoid"), "binary_crossentropy", "adam", target, metrics=["accuracy"],
        **rest,
    )  # fmt: skip


def same(ours, theirs):
    """Are two lists of arrays equal to the bit?"""
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
