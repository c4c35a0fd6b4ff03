"""Names are data: whatever a thing is called, the text that is executed stays the same."""

import ast

import numpy as np
import pytest

import graphdl as gd
from graphdl.core.interpret import interpret
from tests.training.nets import LABEL, X, compiled, same

NAMES = [
    "a b",
    "it's",
    'say "no"',
    '"""',
    "'''\nimport os",
    "a);import os#",
    "a\nimport os\nos.abort()",
    "a\r\nb\x0bc\x0cd\x85e\u2028f\u2029g",
    "__import__('os').abort()",
    "__builtins__",
    "__class__",
    "{x}",
    "%s%n",
    "\\",
    "\\N{BULLET}\\x00",
    "\x00",
    "\x1b[31m",
    "\u202egnp.exe",  # turns the direction of writing round
    "Ａ",  # which Python reads as A
    "日本語",
    "🤖",
    "\ud800",  # half of a character
    " ",
    "0",
    "-1",
    "None",
    "lambda",
    "n",
    "x" * 5000,
    # what generated programs use themselves
    "jit",
    "entry",
    "run",
    "ENTRY",
    "total",
    "start",
    "order",
    "x_all",
    "x0",
    "range",
    "numpy",
    "math",
    "float32",
]
KINDS = ["tensor", "variable", "size", "function", "node"]
WORK = np.arange(12.0, dtype=np.float32).reshape(4, 3)


def program(**names):
    """A function of a tensor, a variable, a formula and a named value, and what it computes."""
    names = {kind: kind for kind in KINDS} | names
    x = gd.tensor(names["tensor"], (names["size"], 3))
    w = gd.Variable(np.ones((3, 1), np.float32), name=names["variable"])
    formula = gd.elementwise(names["function"], lambda z: z * z + 1.5)
    y = formula(x @ w).named(names["node"])
    step = gd.function([x], gd.sum(y), updates={w: 0.5 * w}, target="python")
    return step, step(WORK), w


@pytest.fixture(scope="module")
def tame():
    return program()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_change_no_executed_text(tame, name):
    for kind in KINDS:
        step, result, w = program(**{kind: name})
        assert result == tame[1] == ((WORK.sum(axis=1) ** 2) + 1.5).sum()
        assert np.array_equal(w.value, np.full((3, 1), 0.5))
        assert step._executable.source == tame[0]._executable.source
        assert step.source_file == tame[0].source_file
        assert ast.dump(ast.parse(step.source)) == ast.dump(ast.parse(tame[0].source))


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_break_no_text(name):
    x = gd.tensor(name, (name, 3))
    w = gd.Variable(np.ones((3, 1), np.float32), name=name)
    loss = gd.mean(gd.square((x @ w).named(name)))
    (slope,) = gd.grad(loss, [w])
    assert str(slope) and repr(slope) and slope.latex()
    with pytest.raises(gd.errors.ShapeError) as caught:
        gd.function([x], loss, target="python")(np.ones((2, 5)))
    assert "3" in str(caught.value)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_stay_on_one_line(name):
    """Nothing of a name moves the cursor, breaks a line or passes for the text around it."""
    layer = gd.layers.Dense(2, name=name)
    x = gd.Input(shape=(3,), name=name)
    said = [str(layer(x)), repr(layer(x)), str(gd.tensor(name, (name, 3)).type)]
    for error, job in (
        (gd.errors.ShapeError, lambda: layer.add_weight((2.5,))),
        (gd.errors.ShapeError, lambda: interpret([x], {x: np.ones((2, 4))})),
        (gd.errors.GraphError, lambda: gd.Model(x, layer(x)).weight("?")),
    ):
        with pytest.raises(error) as caught:
            job()
        said.append(str(caught.value))
    for text in said:
        assert text.isprintable(), ascii(text)


def network(input_name, *layer_names, model_name=None, units=(4, 1)):
    gd.set_seed(1)
    x = gd.Input(shape=(3,), name=input_name)
    h = x
    for u, name in zip(units, layer_names, strict=True):
        h = gd.layers.Dense(u, activation="sigmoid", name=name)(h)
    return gd.Model(x, h, name=model_name)


def trained(model, target):
    metric = gd.metrics.BinaryAccuracy(name=model.name)
    compiled(model, "binary_crossentropy", target=target, metrics=[metric])
    gd.set_seed(2)
    model.fit(X, LABEL, 16, epochs=2, verbose=0)
    runner = next(iter(model._runners.values()))
    return model.get_weights(), runner.compiled.executable.module


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_models_with_any_names_train_alike(target):
    expected, module = trained(network("x", "first", "second", model_name="model"), target)
    names = NAMES if target == "python" else NAMES[:7]
    for name in names:
        model = network(name, name, f"{name}2", model_name=name)
        weights, same_module = trained(model, target)
        assert same(weights, expected)
        assert same_module is module
        assert model.weight(f"{name}/kernel").value.shape == (3, 4)
        assert set(model.gradients(X, LABEL)) == {w.name for w in model.weights}
        assert "Total params" in model.summary_text()
