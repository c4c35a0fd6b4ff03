"""Bad input is refused before anything changes, by an error that names the thing and the cure."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.errors import DTypeError, GraphError, ShapeError
from tests.training.nets import CLASS, LABEL, SUM, X, compiled, dense

L = gd.layers
NAN, INF = float("nan"), float("inf")
ONE_HOT = np.eye(3)[CLASS]
WEIGHT = np.ones(len(X))


def binary():
    return compiled(dense(1, last="sigmoid"), "binary_crossentropy")


def sparse():
    return compiled(dense(3, last="softmax"), "sparse_categorical_crossentropy")


def categorical():
    return compiled(dense(3, last="softmax"), "categorical_crossentropy")


def regression():
    return compiled(dense(1))


def two_inputs():
    a, b = gd.Input(shape=(3,), name="a"), gd.Input(shape=(3,), name="b")
    return compiled(gd.Model([a, b], L.Dense(1)(a + b)))


def two_outputs():
    a = gd.Input(shape=(3,))
    return compiled(gd.Model(a, [L.Dense(1)(a), L.Dense(2)(a)]))


def with_(array, value):
    """A copy that has this value in row 4."""
    changed = np.array(array, np.result_type(array, type(value)))
    changed.reshape(len(changed), -1)[4, 0] = value
    return changed


def fit(*args, **options):
    return lambda model: model.fit(*args, **{"verbose": 0} | options)


def call(method, *args, **options):
    return lambda model: getattr(model, method)(*args, **options)


# (model, what is done with it, the error, words that its message holds)
CASES = {
    "x too narrow": (binary, fit(X[:, :2], LABEL), ShapeError, "x has shape (40, 2)", "(n, 3)"),
    "x of one feature": (binary, fit(X[:, 0], LABEL), ShapeError, "x has shape (40,)", "(n, 3)"),
    "x one example": (binary, call("predict", X[0]), ShapeError, "x[None, ...]"),
    "x of three axes": (binary, fit(X[:, None], LABEL), ShapeError, "(40, 1, 3)"),
    "x a number": (binary, fit(3.0, 1.0), ShapeError, "x has shape ()"),
    "x missing": (binary, fit(None, LABEL), ValueError, "x is missing"),
    "x empty": (binary, fit(X[:0], LABEL[:0]), ValueError, "x is empty"),
    "x NaN": (binary, fit(with_(X, NAN), LABEL), ValueError, "x has 1 values", "NaN", "row 4"),
    "x infinite": (binary, fit(with_(X, -INF), LABEL), ValueError, "infinite", "row 4"),
    "x beyond float32": (binary, fit(np.full((40, 3), 1e300), LABEL), ValueError, "in float32"),
    "x complex": (binary, fit(X + 0j, LABEL), DTypeError, "x:", "complex"),
    "x strings": (binary, fit(X.astype(str), LABEL), DTypeError, "x:", "expected numbers"),
    "x objects": (binary, fit(X.astype(object), LABEL), DTypeError, "x:", "object"),
    "x dates": (binary, fit(np.zeros((40, 3), "M8[s]"), LABEL), DTypeError, "x:", "datetime"),
    "x ragged": (binary, fit([[1, 2, 3], [1]], [0, 1]), DTypeError, "x:", "as an array"),
    "y missing": (binary, fit(X), ValueError, "y is missing"),
    "y shorter": (binary, fit(X, LABEL[:7]), ShapeError, "x has 40 rows, y has 7"),
    "y NaN": (binary, fit(X, with_(LABEL, NAN)), ValueError, "y has 1 values", "row 4"),
    "y 1.5": (binary, fit(X, with_(LABEL, 1.5)), ValueError, "y: 1.5 in row 4", "from 0 to 1"),
    "y -1": (binary, fit(X, with_(LABEL, -1.0)), ValueError, "y: -1 in row 4"),
    "y complex": (binary, fit(X, LABEL + 0j), DTypeError, "y:", "complex"),
    "y strings": (binary, fit(X, ["yes"] * 40), DTypeError, "y:", "expected numbers"),
    "y of two columns": (binary, fit(X, X[:, :2]), ShapeError, "y has shape (40, 2)", "(n, 1)"),
    "y of three axes": (regression, fit(X, SUM[..., None]), ShapeError, "(40, 1, 1)"),
    "class numbers for one-hot": (
        categorical, fit(X, CLASS), ShapeError, "y has shape (40,)", "sparse_categorical",
    ),
    "one-hot for class numbers": (
        sparse, fit(X, ONE_HOT), ShapeError, "looks one-hot", "'categorical_crossentropy'",
    ),
    "one-hot too narrow": (categorical, fit(X, ONE_HOT[:, :2]), ShapeError, "(40, 2)", "(n, 3)"),
    "one-hot negative": (categorical, fit(X, with_(ONE_HOT, -0.5)), ValueError, "-0.5 in row 4"),
    "label too large": (sparse, fit(X, with_(CLASS, 3)), ValueError, "label 3 in row 4", "0 … 2"),
    "label negative": (sparse, fit(X, with_(CLASS, -1)), ValueError, "label -1 in row 4"),
    "label not whole": (sparse, fit(X, with_(CLASS, 1.5)), ValueError, "1.5", "whole numbers"),
    "label NaN": (sparse, fit(X, with_(CLASS, NAN)), ValueError, "nan", "whole numbers"),
    "labels of two columns": (sparse, fit(X, ONE_HOT[:, :2]), ShapeError, "y has shape (40, 2)"),
    "batch_size 0": (binary, fit(X, LABEL, 0), ValueError, "batch_size", "got 0"),
    "batch_size -1": (binary, call("evaluate", X, LABEL, -1), ValueError, "batch_size", "got -1"),
    "batch_size 2.5": (binary, call("predict", X, 2.5), ValueError, "batch_size", "got 2.5"),
    "batch_size a word": (binary, fit(X, LABEL, "32"), ValueError, "batch_size", "'32'"),
    "epochs -1": (binary, fit(X, LABEL, epochs=-1), ValueError, "epochs", "got -1"),
    "epochs 1.5": (binary, fit(X, LABEL, epochs=1.5), ValueError, "epochs", "got 1.5"),
    "initial_epoch": (binary, fit(X, LABEL, initial_epoch=-2), ValueError, "initial_epoch"),
    "validation_freq": (binary, fit(X, LABEL, validation_freq=0), ValueError, "validation_freq"),
    "verbose": (binary, fit(X, LABEL, verbose="loud"), ValueError, "verbose", "'loud'"),
    "validation_split 1": (binary, fit(X, LABEL, validation_split=1.0), ValueError, "below 1"),
    "validation_split NaN": (binary, fit(X, LABEL, validation_split=NAN), ValueError, "share"),
    "validation_split of two": (
        binary, fit(X[:2], LABEL[:2], validation_split=0.9), ValueError, "leaves one part empty",
    ),
    "validation_data alone": (binary, fit(X, LABEL, validation_data=X), ValueError, "(x, y)"),
    "validation_data narrow": (
        binary, fit(X, LABEL, validation_data=(X[:, :2], LABEL)), ShapeError, "validation data: x",
    ),
    "validation_data NaN": (
        binary, fit(X, LABEL, validation_data=(with_(X, NAN), LABEL)), ValueError,
        "validation data: x", "row 4",
    ),
    "weights shorter": (
        binary, fit(X, LABEL, sample_weight=WEIGHT[:7]), ShapeError, "sample_weight", "(40,)",
    ),
    "weights negative": (
        binary, fit(X, LABEL, sample_weight=-WEIGHT), ValueError, "sample_weight", "negative",
    ),
    "weights NaN": (
        binary, fit(X, LABEL, sample_weight=with_(WEIGHT, NAN)), ValueError, "sample_weight",
    ),
    "class_weight a list": (binary, fit(X, LABEL, class_weight=[1, 2]), TypeError, "maps class"),
    "class_weight -1": (
        binary, fit(X, LABEL, class_weight={0: -1}), ValueError, "class_weight of class 0", "-1",
    ),
    "class_weight a word": (
        binary, fit(X, LABEL, class_weight={0: "a"}), TypeError, "class_weight of class 0", "'a'",
    ),
    "class_weight without classes": (
        regression, fit(X, SUM, class_weight={0: 2.0}), ValueError, "targets that are classes",
    ),
    "callback": (binary, fit(X, LABEL, callbacks=[3]), TypeError, "gd.callbacks.Callback", "3"),
    "evaluate on nothing": (binary, call("evaluate", X[:0], LABEL[:0]), ValueError, "x is empty"),
    "train on an empty batch": (
        binary, call("train_on_batch", X[:0], LABEL[:0]), ValueError, "x is empty",
    ),
    "gradients without y": (binary, call("gradients", X, None), ValueError, "y is missing"),
    "one input of two": (two_inputs, fit(X, SUM), ShapeError, "2 inputs, got 1"),
    "three inputs of two": (two_inputs, fit([X, X, X], SUM), ShapeError, "2 inputs, got 3"),
    "inputs of other lengths": (
        two_inputs, fit([X, X[:7]], SUM), ShapeError, "different numbers of rows: [7, 40]",
    ),
    "several outputs": (two_outputs, fit(X, SUM), ShapeError, "several outputs"),
    "unknown loss": (
        regression, call("compile", "sgd", "binary_crosentropy"), ValueError,
        "unknown loss", "did you mean 'binary_crossentropy'?",
    ),
    "unknown optimizer": (
        regression, call("compile", "adan", "mse"), ValueError, "did you mean 'adam'?",
    ),
    "unknown metric": (
        regression, call("compile", "sgd", "mse", metrics=["binary_acuracy"]), ValueError,
        "unknown metric", "did you mean 'binary_accuracy'?",
    ),
    "metrics a word": (
        regression, call("compile", "sgd", "mse", metrics="accuracy"), TypeError, "['accuracy']",
    ),
    "metric a number": (regression, call("compile", "sgd", "mse", metrics=[3]), TypeError, "3"),
    "no loss": (regression, call("compile", "sgd"), ValueError, "loss='binary_crossentropy'"),
    "optimizer a number": (regression, call("compile", 3, "mse"), TypeError, "optimizer", "int"),
    "unknown target": (
        regression, call("compile", "sgd", "mse", target="gpu"), ValueError, "'gpu'", "'cpu'",
    ),
    "no such weight": (regression, call("weight", "kernel"), GraphError, "dense/kernel"),
    "weights missing": (regression, call("set_weights", []), ShapeError, "2 weights, got 0"),
    "weights of other shape": (
        regression, call("set_weights", [np.ones((3, 1)), np.ones(2)]), ShapeError, "dense/bias",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def models():
    makers = (binary, sparse, categorical, regression, two_inputs, two_outputs)
    return {make: make() for make in makers}


def weights(models):
    return [w for model in models.values() for w in model.get_weights()]


@pytest.mark.parametrize("case", CASES)
def test_a_model_refuses_and_stays_as_it_was(models, case):
    make, act, error, *words = CASES[case]
    before, optimizer = weights(models), models[make].optimizer
    with pytest.raises(error) as caught:
        act(models[make])
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(models), strict=True))
    assert models[make].optimizer is optimizer and int(optimizer.iterations.value) == 0
    assert not models[make]._runners  # nothing was compiled for it
