"""Small data, networks and functions that the tests of studies share."""

import numpy as np

import graphdl as gd

layers = gd.layers


def data(rows=40):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:] > 0).astype(np.float32)


def model(optimizer=None, target="python", units=4):
    gd.set_seed(3)
    parts = [layers.Dense(units, "tanh"), layers.Dense(1, "sigmoid")]
    made = gd.Sequential([layers.Input(shape=(2,)), *parts])
    made.compile(
        optimizer or gd.optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"], target=target
    )
    return made


def bowl(values=(3.0, -1.0)):
    w = gd.Variable(list(values), "w", "float64")
    return (gd.square(w[0]) + 10 * gd.square(w[1])) / 2, w
