"""JavaScript text: a golden one, what may stand in it, and what it says of its arguments."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from codegen import ir
from codegen.javascript import javascript
from codegen.passes import optimise

GOLDEN = Path(__file__).with_name("lecture_step.js")
READABLE = ("flatten", "fuse", "contract", "hoist")  # no packs, no repeats


# ------------------------------------------------------------------ a golden text


def lecture_text():
    """The training step of the network of 30 features, 16 units and one probability."""
    layers = [
        gd.layers.Input(shape=(30,)),
        gd.layers.Dense(16, "relu"),
        gd.layers.Dense(1, "sigmoid"),
    ]
    model = gd.Sequential(layers)
    model.compile(gd.optimizers.SGD(0.1), "binary_crossentropy", target="python")
    data = model._data("fit", np.zeros((4, 30)), np.zeros((4, 1)))
    program = model._runner("train", data).compiled.lowered.program
    return javascript(optimise(program, READABLE))


def test_the_step_of_the_lectures_network_reads_as_it_should():
    """Where a change of it is meant, `python -m tests.codegen.test_javascript_text` renews it."""
    assert lecture_text() == GOLDEN.read_text(encoding="utf-8")


def test_a_batch_has_at_least_one_row(node):
    message = "batch must be a whole number of at least 1, got 0"
    with pytest.raises(RuntimeError, match=message):
        node.run(lecture_text(), {}, {"total": 4}, {}, [{"batch": 0}])


# ------------------------------------------------------------------ names and notes


def test_names_are_checked():
    for bad in (
        "alert(1)",
        "a b",
        "class",
        "Math",
        "erf",
        "ｘ",
        "__proto__",
        "arrays",
        "",
        "</script>",
    ):
        out = ir.Buffer(bad, (), "float64", "output")
        kernel = ir.Kernel((ir.Store(out, (), ir.Const(1.0, "float64")),))
        with pytest.raises(ValueError, match="cannot be a name"):
            javascript(ir.Program((kernel,), (), (), (out,)))
        with pytest.raises(ValueError, match="cannot be a name"):
            javascript(ir.Program((), (), (), ()), bad)


HOSTILE = "</script><script>alert(1)</script>\u2028alert(2)\nalert(3)\r\n<!--\x00\u202e*/"


def test_notes_stay_comments(node):
    out = ir.Buffer("out", (), "float64", "output", note=HOSTILE)
    kernel = ir.Kernel((ir.Store(out, (), ir.Const(1.0, "float64")),), HOSTILE)
    text = javascript(ir.Program((kernel,), (), (), (out,), notes=(HOSTILE,)))
    assert "</" not in text and "<!" not in text and "<s" not in text
    assert not re.search("[\u2028\u2029\u202e\x00\r]", text)
    assert all(line.strip().startswith("//") for line in text.splitlines() if "alert" in line)
    assert node.run(text, {})[1]["out"] == 1


def test_names_of_users_never_reach_the_text():
    x = gd.tensor(HOSTILE, ("n", 3))
    w = gd.Variable(np.ones((3, 1), np.float32), name="alert(1)")
    function = gd.function([x], gd.sum(x @ w).named("alert(4)"), {w: 0.5 * w}, target="python")
    assert "alert" not in javascript(function.program)


def test_arguments_that_do_not_fit_are_named(node):
    n = ir.Var("n", "int64")
    x, out = (
        ir.Buffer("x", (n, ir.integer(2)), "float64", "input"),
        ir.Buffer("out", (), "float64", "output"),
    )
    number = ir.Var("c1", "float64")
    kernel = ir.Kernel((ir.Store(out, (), number),))
    text = javascript(ir.Program((kernel,), (n,), (number,), (x, out)))
    fits = {"x": np.zeros(6)}
    assert node.run(text, fits, {"n": 3}, {"c1": 5.0})[1]["out"] == 5
    assert node.shapes == {"x": [3, 2], "out": []}
    for arrays, sizes, numbers, message in [
        ({"x": np.zeros(5)}, {"n": 3}, {"c1": 5.0}, "x must be a typed array of 6 elements, got 5"),
        ({}, {"n": 3}, {"c1": 5.0}, "x must be a typed array of 6 elements, got undefined"),
        (fits, {}, {"c1": 5.0}, "the size n must be a whole number of at least 0, got undefined"),
        (fits, {"n": 3}, {}, "the number c1 must be given, got undefined"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            node.run(text, arrays, sizes, numbers)


if __name__ == "__main__":
    GOLDEN.write_text(lecture_text(), encoding="utf-8")
