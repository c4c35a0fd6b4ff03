"""The four forms of one record: golden texts of the lecture's networks, rows 29 to 31 in numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import graphdl as gd
from graphdl.ops.entropy import bce

layers = gd.layers
GOLDEN = Path(__file__).with_name("golden")


def two_units():
    """ŷ = σ(w₂·σ(w₁·x)) with x = 1, y = 1: the lecture's network of two weights."""
    x, y = gd.tensor("x", (), "float64"), gd.tensor("y", (), "float64")
    w1, w2 = gd.Variable(0.5, "w1", "float64"), gd.Variable(-1.0, "w2", "float64")
    z1 = (w1 * x).named("z1")
    p = gd.sigmoid(w2 * gd.sigmoid(z1)).named("ŷ")
    return bce(y, p).named("J"), w1, w2


def perceptron():
    gd.set_seed(0)
    model = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model.derive("dense/kernel")


def chatgpt():
    gd.set_seed(0)
    stack = [layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]
    model = gd.Sequential([layers.Input(shape=(2,)), *stack])
    model.compile("adam", "binary_crossentropy")
    return model.derive("dense/kernel")


def regression():
    gd.set_seed(0)
    stack = [layers.Dense(3, "tanh", kernel_regularizer="l2"), layers.Dropout(0.5), layers.Dense(1)]
    model = gd.Sequential([layers.Input(shape=(2,)), *stack])
    model.compile("sgd", "mse")
    return model.derive("dense/kernel")


def classes():
    gd.set_seed(0)
    stack = [layers.Dense(4, "gelu"), layers.Dense(3, "softmax")]
    model = gd.Sequential([layers.Input(shape=(2,)), *stack])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model.derive("dense/kernel")


def one_weight():
    gd.set_seed(0)
    stack = [layers.Dense(3, "relu"), layers.Dense(1, "sigmoid")]
    model = gd.Sequential([layers.Input(shape=(2,)), *stack])
    model.compile("sgd", "binary_crossentropy")
    return model.derive("dense/kernel", unit=(0, 2))


CASES = {
    "w1": lambda: gd.derive(*two_units()[:2]),
    "w2": lambda: gd.derive(*two_units()[::2]),
    "perceptron": perceptron,
    "chatgpt": chatgpt,
    "regression": regression,
    "classes": classes,
    "one_weight": one_weight,
}


def written(derivation):
    """All forms of a derivation but the code, whose line numbers are the printer's affair."""
    forms = [f"--- {f}\n{derivation.text(f)}" for f in ("chain", "matrix", "index")]
    return "\n\n".join([*forms, f"--- latex\n{derivation.latex()}"]) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_golden_text(name):
    """GOLDEN=1 writes them anew."""
    found, file = written(CASES[name]()), GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8")


def test_the_same_text_and_json_under_any_hash_seed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_forms as t; import hashlib;"
        "texts = [t.written(d) + d.json() + d.html() for d in (t.chatgpt(), t.regression())];"
        "print(hashlib.sha256(''.join(texts).encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True, text=True, check=True, cwd=root,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


# ------------------------------------------------------------------ rows 29 to 31


def test_rows_30_and_31_in_numbers_to_six_digits():
    loss, w1, w2 = two_units()
    for weight, factors, gradient in (
        (w2, [-2.863505, 0.141464], -0.405083),
        (w1, [-2.863505, -0.0534084, 1.0], 0.152935),
    ):
        found = gd.derive(loss, weight).evaluate({"x": 1.0, "y": 1.0})
        assert found.result == pytest.approx(1.0520465, abs=5e-8)
        assert found.factors == pytest.approx(factors, abs=5e-7)
        assert found.gradient == pytest.approx(gradient, abs=5e-7)
        assert found.product().endswith(f"= {float(found.gradient):.7g}")
        assert f"{gradient:.5f}" in str(found) and f"{gradient:.5f}" in found.latex()


def test_row_29_a_small_change_of_w2():
    loss, _, w2 = two_units()
    values = {"x": 1.0, "y": 1.0}
    d, h = gd.derive(loss, w2), 1e-6
    up, down = (d.evaluate({**values, "w2": -1.0 + s * h}).result for s in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx(d.evaluate(values).gradient, rel=1e-8)
    assert d.steps[0].kind == "question"


def test_rows_30_and_31_in_colours_and_with_braces():
    loss, w1, w2 = two_units()
    purple, red, blue = "#7b2d8b", "#c0392b", "#1f5fa8"
    for weight, colours in ((w2, [purple, red]), (w1, [purple, red, blue])):
        chain = gd.derive(loss, weight).latex("chain").splitlines()[1]
        assert [c for c in (purple, red, blue) if c in chain] == colours
        assert chain.count(r"\underbrace") == len(colours)  # the formula under each: a second cue


def test_the_chain_rule_is_applied_click_by_click():
    loss, w1, _ = two_units()
    d = gd.derive(loss, w1)
    kinds = [s.kind for s in d.steps]
    assert kinds == [
        "question",
        "chain",
        "chain",
        "local",
        "local",
        "local",
        "cotangent",
        "gradient",
    ] or (kinds == ["question", "chain", "chain", "local", "local", "local", "gradient"])
    assert [d.names_of(s) for s in d.steps if s.kind == "chain"] == [("J", "w1"), ("ŷ", "w1")]


def test_the_first_factor_is_the_same_node_in_both():
    loss, w1, w2 = two_units()
    assert gd.derive(loss, w1).factors[0].after is gd.derive(loss, w2).factors[0].after


# ------------------------------------------------------------------ one weight, many forms


def test_one_weight_is_an_element_of_the_gradient():
    d = one_weight()
    x, y = np.float32([[1, -2], [0.5, 1]]), np.float32([[1], [0]])
    found = d.evaluate({"x": x, "y": y})
    assert found.value == found.gradient[0, 2]
    assert d.text("index").splitlines()[0] == "∂J/∂W1[0, 2] = Σ_i(x[i, 0]*δ_z1[i, 2])  [i < n]"


@pytest.mark.parametrize("unit", [(0,), (0, 3), (2, 0), (0, 0, 0), (0.5, 1), True])
def test_a_weight_that_is_not_there_is_refused(unit):
    gd.set_seed(0)
    model = gd.Sequential([layers.Input(shape=(2,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.raises(gd.errors.GraphError, match=r"'dense/kernel' has shape \(2, 3\); unit="):
        model.derive("dense/kernel", unit=unit)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="'chain', 'index', 'matrix', 'code', got 'matrices'"):
        chatgpt().text("matrices")


@pytest.mark.parametrize("name", CASES)
def test_mathml_and_html_are_well_formed(name):
    d = CASES[name]()
    for form in (None, "chain", "matrix", "index", "code"):
        for line in d.mathml(form).splitlines():
            assert ElementTree.fromstring(line).tag.endswith("math")
    page = ElementTree.fromstring(d.html().replace("<br>", "<br/>"))
    assert len(page.findall(".//li")) == len(d.steps)
    assert "http" not in d.html().replace("http://www.w3.org/1998/Math/MathML", "")


def test_json_holds_everything():
    d = chatgpt()
    data = json.loads(d.json())
    assert data["schema"] == "graphdl.derivation/1" and data["weight"] == "W1"
    assert [s["number"] for s in data["steps"]] == list(range(1, len(d.steps) + 1))
    lines = data["source"].splitlines()
    for step in data["steps"]:
        assert step["text"] and step["latex"]
        assert all(n in data["nodes"] for n in step["nodes"])
        assert all(lines[n - 1].strip() for n in step["lines"])
        assert step["kind"] in ("question", "chain") or step["lines"] or step["merged_by"]
    assert data["forms"]["matrix"]["text"][0]["right"] == "xᵀ @ δ_z1"


def test_the_optimizer_is_the_last_step():
    assert [s.kind for s in chatgpt().steps][-2:] == ["gradient", "update"]
    rows = json.loads(chatgpt().json())["steps"][-1]["text"]
    assert [r["left"] for r in rows if r["sign"] == "←"] == ["m", "v", "w"]


# ------------------------------------------------------------------ size


def test_eight_layers_print_within_two_screens_of_equations():
    gd.set_seed(0)
    stack = [layers.Dense(32, "tanh") for _ in range(8)]
    model = gd.Sequential([layers.Input(shape=(30,)), *stack, layers.Dense(3, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    d = model.derive("dense/kernel")
    gradient, _, forward = d.text("matrix").partition("forward")
    assert gradient.count("\n") < 20 and forward.count("\n") < 30
    assert len(d.factors) == 2 * 9 + 1 and d.paths == 1


def test_the_text_grows_with_the_layers_and_not_with_the_paths():
    def length(depth):
        x = gd.tensor("x", ("n", 4), "float64")
        h = x
        for k in range(depth):
            w = gd.Variable(np.ones((4, 4)), f"W{k}", "float64")
            h = (gd.tanh((h @ w).named(f"z{k}")) + h).named(f"h{k}")
        first = next(n for n in gd.Graph([x], [h]).variables if n.name == "W0")
        d = gd.derive(gd.mean(h).named("J"), first)
        return d.paths, len(d.text("matrix")), len(d.text("index"))

    (few, short, short_index), (many, long, long_index) = length(8), length(16)
    assert many == few**2 * 2
    assert long < 2.2 * short and long_index < 2.2 * short_index
