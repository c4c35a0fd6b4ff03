"""What cannot work is refused where it is declared, by an error that names it and the cure."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import (
    DTypeError,
    GraphError,
    MemoryBudgetError,
    NotBuiltError,
    NotCompiledError,
    ShapeError,
)
from tests.training.nets import SUM, X, dense

L = gd.layers
NAN, INF = float("nan"), float("inf")


def dense_model(*layers, **options):
    return gd.Sequential([L.Input(shape=(3,)), *layers], **options)


def used_twice():
    layer = L.Dense(3)
    return dense_model(layer, layer)


def functional(make):
    def build():
        a, b = gd.Input(shape=(3,), name="a"), gd.Input(shape=(3,), name="b")
        return make(a, b)

    return build


# (what is written, the error, words that its message holds)
CASES = {
    "learning rate -1": (lambda: gd.optimizers.SGD(-1), ValueError, "learning_rate", "-1"),
    "learning rate NaN": (lambda: gd.optimizers.Adam(NAN), ValueError, "learning_rate", "nan"),
    "learning rate infinite": (lambda: gd.optimizers.SGD(INF), ValueError, "learning_rate"),
    "learning rate a word": (lambda: gd.optimizers.SGD("0.1"), TypeError, "learning_rate", "str"),
    "momentum 1.5": (lambda: gd.optimizers.SGD(momentum=1.5), ValueError, "momentum", "1.5"),
    "beta 1": (lambda: gd.optimizers.Adam(beta_2=1.0), ValueError, "beta_2"),
    "two ways to clip": (
        lambda: gd.optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "clipnorm", "clipvalue",
    ),
    "units 0": (lambda: L.Dense(0), ValueError, "units", "got 0"),
    "units 2.5": (lambda: L.Dense(2.5), ValueError, "units", "2.5"),
    "unknown activation": (
        lambda: L.Dense(3, activation="rellu"), ValueError, "activation", "did you mean 'relu'?",
    ),
    "unknown initializer": (
        lambda: L.Dense(3, kernel_initializer="he_unifrom"), ValueError, "mean 'he_uniform'?",
    ),
    "unknown regularizer": (lambda: L.Dense(3, kernel_regularizer="l3"), ValueError, "'l3'", "l2"),
    "unknown layer": (lambda: L.Dens(3), AttributeError, "Dens"),
    "unknown argument": (lambda: L.Dense(3, activaton="relu"), TypeError, "activaton"),
    "dtype of a layer": (lambda: L.Dense(3, dtype="float31"), DTypeError, "float31", "float32"),
    "softmax over one unit": (
        lambda: dense_model(L.Dense(1, activation="softmax")), ShapeError, "'dense'", "sigmoid",
    ),
    "Activation over one unit": (
        lambda: dense_model(L.Dense(1), L.Activation("softmax")), ShapeError, "'activation'",
    ),
    "a word for a layer": (lambda: gd.Sequential(["dense"]), GraphError, "str 'dense'"),
    "a layer for a list": (lambda: gd.Sequential(L.Dense(3)), GraphError, "a list of layers"),
    "a layer used twice": (used_twice, GraphError, "'dense' is used twice"),
    "a name used twice": (
        lambda: dense_model(L.Dense(3, name="a"), L.Dense(3, name="a")), GraphError, "'a'",
    ),
    "an input that is not first": (
        lambda: dense_model(L.Dense(3), L.Input(shape=(3,))), GraphError, "Input stands first",
    ),
    "no layers": (lambda: dense_model().predict(X), GraphError, "has no layers"),
    "an input without a shape": (lambda: L.Input(), ShapeError, "shape of one example"),
    "an input of negative size": (lambda: L.Input(shape=(-3,)), ShapeError, "-3"),
    "a complex input": (lambda: L.Input(shape=(3,), dtype="complex64"), DTypeError, "complex64"),
    "an input without features": (
        lambda: gd.Sequential([L.Input(shape=()), L.Dense(1)]), ShapeError, "'dense'", "features",
    ),
    "an input that is missing": (
        functional(lambda a, b: gd.Model(a, L.Dense(1)(a) + L.Dense(1)(b))), GraphError, "'b'",
        "not among",
    ),
    "an input that is not used": (
        functional(lambda a, b: gd.Model([a, b], L.Dense(1)(a))), GraphError, "'b'", "not depend",
    ),
    "an input listed twice": (
        functional(lambda a, b: gd.Model([a, a], L.Dense(1)(a))), GraphError, "listed twice",
    ),
    "an input that is computed": (
        functional(lambda a, b: gd.Model(L.Dense(1)(a), L.Dense(1)(a))), GraphError, "Input",
    ),
    "no input": (lambda: gd.Model([], []), GraphError, "at least one input"),
    "an output that is a number": (
        functional(lambda a, b: gd.Model(a, gd.sum(a))), GraphError, "one row for each example",
    ),
    "fit before compile": (lambda: dense(1).fit(X, SUM), NotCompiledError, "compile", "fit"),
    "evaluate before compile": (lambda: dense(1).evaluate(X, SUM), NotCompiledError, "evaluate"),
    "gradients before compile": (lambda: dense(1).gradients(X, SUM), NotCompiledError, "gradients"),
    "summary before the input is known": (
        lambda: gd.Sequential([L.Dense(1)]).summary(), NotBuiltError, "Input",
    ),
    "weight before the input is known": (
        lambda: gd.Sequential([L.Dense(1)]).weight("dense/kernel"), NotBuiltError, "Input",
    ),
    "a trillion units": (lambda: dense_model(L.Dense(10**12)), MemoryBudgetError, "'dense'", "GiB"),
    "10**30 units": (lambda: dense_model(L.Dense(10**30)), MemoryBudgetError, "GiB"),
    "gradient missing": (
        lambda: gd.optimizers.SGD().apply_gradients([(None, dense(1).weights[0])]), ShapeError,
        "no gradient for 'dense/kernel'",
    ),
    "gradients of nothing": (
        lambda: gd.optimizers.SGD().apply_gradients([]), ValueError, "no pairs",
    ),
    "a prediction beyond memory": (
        lambda: dense(10**6).predict(np.zeros((10**5, 3), "f4")), MemoryBudgetError,
        "(100000, 1000000)",
    ),
    "a variable with two gradients": (
        lambda: gd.optimizers.SGD().apply_gradients([(SUM, v := dense(1).weights[0]), (SUM, v)]),
        ValueError, "twice",
    ),
    "a gradient for an array": (
        lambda: gd.optimizers.SGD().apply_gradients([(X, X)]), TypeError, "gd.Variable",
    ),
    "targets of another shape": (
        lambda: gd.losses.MeanSquaredError()(np.zeros((3, 2)), np.zeros((3, 4))), ShapeError,
        "same shape",
    ),
    "too many sample weights": (
        lambda: gd.losses.MeanSquaredError()(SUM, SUM, np.ones((40, 3))), ShapeError,
        "sample_weight",
    ),
    "unknown reduction": (
        lambda: gd.losses.MeanSquaredError(reduction="avg"), ValueError, "'avg'", "'sum'",
    ),
    "no such hook": (
        lambda: gd.callbacks.LambdaCallback(on_epoch=print), ValueError, "'on_epoch'",
    ),
    "a hook that is no function": (
        lambda: gd.callbacks.LambdaCallback(on_epoch_end=3), TypeError, "on_epoch_end",
    ),
    "a seed below 0": (lambda: gd.set_seed(-1), ValueError, "-1"),
    "floatx": (lambda: gd.set_floatx("float16"), DTypeError, "'float16'", "float32"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case):
    act, error, *words = CASES[case]
    with pytest.raises(error) as caught:
        act()
    message = str(caught.value)
    assert all(word in message for word in words), message
