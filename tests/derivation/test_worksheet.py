"""Worksheets: the lecture's numbers, friendly ones, a key that is right, grading of typed numbers."""

import html.parser
import re

import numpy as np
import pytest

import graphdl as gd
from graphdl.derivation.grading.examples import Examples

D = gd.layers.Dense


def model(*layers, loss="mse", features=2):
    made = gd.Sequential([gd.layers.Input(shape=(features,)), *layers])
    made.compile("sgd", loss)
    return made


NETWORKS = {
    "relu": lambda: model(D(2, activation="relu"), D(1)),
    "sigmoid": lambda: model(D(2, activation="tanh"), D(1, activation="sigmoid"),
                             loss="binary_crossentropy"),
    "softmax": lambda: model(D(3, activation="softmax"), loss="categorical_crossentropy"),
    "l2": lambda: model(D(1, kernel_regularizer="l2")),
    "deep": lambda: model(D(2, activation="relu"), D(2, activation="relu"), D(1), loss="mae"),
}  # fmt: skip

LECTURE = """\
How does J change with w1?

Given
    x = 1
    y = 1
    w1 = 0.5
    w2 = -1
    where bce(y, ŷ) = -(y*log(ŷ) + (1 - y)*log(1 - ŷ))
    where bce′(y, ŷ) = (1 - y)/(1 - ŷ) - y/ŷ

Forward
    (a) Compute z1 = w1*x.
        z1 = 0.5
    (b) Compute ŷ = sigmoid(w2*sigmoid(z1)).
        ŷ = 0.3492

The loss
    (c) Compute J = bce(y, ŷ).
        J = 1.052

Each factor
    (d) Find a formula and compute ∂J/∂ŷ.
        ∂J/∂ŷ = bce′(y, ŷ) = -2.864
    (e) Find a formula and compute ∂ŷ/∂z1.
        ∂ŷ/∂z1 = ŷ*(1 - ŷ)*w2*sigmoid(z1)*(1 - sigmoid(z1)) = -0.05341
    (f) Find a formula and compute ∂z1/∂w1.
        ∂z1/∂w1 = x = 1

Together
    (g) Compute ∂J/∂w1 = ∂J/∂ŷ · ∂ŷ/∂z1 · ∂z1/∂w1.
        ∂J/∂w1 = 0.1529

The update
    (h) Compute new w1 = w1 - η*∂J/∂w1 with η = 0.1.
        new w1 = 0.4847

A check
    (i) Make this weight larger by 0.01 and compare with ∂J/∂w1: compute (J(w1+0.01) - J(w1))/0.01.
        (J(w1+0.01) - J(w1))/0.01 = 0.1528
"""


def test_the_lectures_network_is_the_first_worksheet():
    sheet = gd.worksheet()
    assert str(sheet.key) == LECTURE
    answers = [line for line in LECTURE.splitlines() if line.startswith("        ")]
    hidden = "    where bce′"
    kept = [x for x in LECTURE.splitlines() if x not in answers and not x.startswith(hidden)]
    assert str(sheet).splitlines() == kept
    numbers = [float(q.value) for q in sheet.questions]
    expected = [0.5, 0.3492223, 1.0520465, -2.863505, -0.0534084, 1, 0.152935, 0.4847065]
    assert numbers[:8] == pytest.approx(expected, abs=5e-7)


def test_the_lectures_other_weight():
    sheet = gd.worksheet(weight="w2")
    values = {q.name.text: float(q.value) for q in sheet.questions}
    assert values["∂J/∂ŷ"] * values["∂ŷ/∂w2"] == pytest.approx(-0.405083, abs=5e-7)
    assert values["∂J/∂w2"] == pytest.approx(-0.405083, abs=5e-7)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("form", ["chain", "matrix"])
def test_the_key_is_what_the_derivation_evaluates_to(name, form):
    network = NETWORKS[name]()
    for weight in network.trainable_weights:
        sheet = gd.worksheet(network, weight=weight.name, form=form, seed=3)
        found = sheet.derivation.evaluate(sheet.values)
        answers = {q.name.text: q.value for q in sheet.questions}
        words = Examples(sheet.derivation, count=0).vocabulary
        total = words.total(sheet.derivation.wrt)
        np.testing.assert_allclose(answers[total], found.gradient, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(answers["J"], found.result, rtol=2e-5)
        new = next(q for q in sheet.questions if q.section == "The update")
        moved = sheet.values[sheet.derivation.wrt] - 0.1 * found.gradient
        np.testing.assert_allclose(new.value, moved, rtol=2e-5, atol=1e-6)
        if form == "chain":
            for factor, value in zip(sheet.derivation.factors, found.factors, strict=True):
                if value is not None and words.factor(factor) != total:
                    np.testing.assert_allclose(
                        answers[words.factor(factor)], value, rtol=2e-5, atol=1e-6
                    )
        change = next(q for q in sheet.questions if q.section == "A check").value
        assert change == pytest.approx(
            found.gradient.flat[np.abs(found.gradient).argmax()], rel=0.05
        )


def test_numbers_are_friendly_where_the_network_is_piecewise_linear():
    for seed in range(4):
        sheet = gd.worksheet(NETWORKS["relu"](), seed=seed)
        z1, h1 = (q.value for q in sheet.questions if q.name.text in ("z1", "h1"))
        assert (h1 == 0).any()
        assert (h1 > 0).any()
        for array in (*sheet.values.values(), z1, h1):
            assert np.all(np.abs(array * 4 - np.round(array * 4)) < 1e-9)
            assert np.abs(array).max() <= 12


def test_worksheets_are_the_same_for_a_seed_and_differ_between_seeds():
    network = NETWORKS["relu"]()
    texts = [str(gd.worksheet(network, seed=s).key) for s in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert str(gd.worksheet(seed=1)) != str(gd.worksheet())


def test_a_models_weights_are_only_read():
    network = NETWORKS["sigmoid"]()
    before = [w.value for w in network.weights]
    gd.worksheet(network)
    assert all((a == w.value).all() for a, w in zip(before, network.weights, strict=True))


def test_a_derivation_of_one_element_asks_for_that_element():
    sheet = gd.worksheet(NETWORKS["relu"]().derive("dense/kernel", unit=(1, 0)))
    question = next(q for q in sheet.questions if q.section == "Together")
    found = sheet.derivation.evaluate(sheet.values)
    assert question.name.text == "∂J/∂W1[1, 0]"
    assert question.value == pytest.approx(float(found.value), rel=2e-5)


def test_levels_and_rows():
    network = NETWORKS["relu"]()
    sections = [
        list(dict.fromkeys(q.section for q in gd.worksheet(network, level=k).questions))
        for k in (1, 2, 3)
    ]
    assert sections == [
        ["Forward", "The loss"],
        ["Forward", "The loss", "From the loss back", "Together"],
        ["Forward", "The loss", "From the loss back", "Together", "The update", "A check"],
    ]
    assert gd.worksheet(network, rows=3).questions[0].value.shape == (3, 2)


def test_grading_of_numbers():
    sheet = gd.worksheet()
    grades = sheet.grade(["1/2", 0.349, -1.052, "-2.8635", "0.3*2", 1, 0.153, 0.4847, "x"])
    assert [g.right for g in grades] == [True, True, False, True, False, True, True, True, False]
    assert grades[2].reason == "the sign is turned"
    assert "times the answer" in grades[4].reason
    assert grades[8].verdict == "unreadable"
    (grade,) = sheet.grade({"∂J/∂ŷ": "0.3492"})
    assert grade.reason == "this is ŷ"
    assert sheet.grade({"b": 0.35})[0].right
    assert not sheet.grade({"b": 0.36})[0].right
    assert sheet.grade({"b": 0.36}, tolerance=0.05)[0].right
    assert not sheet.grade({"b": float("nan")})[0].right


def test_grading_of_matrices():
    sheet = gd.worksheet(NETWORKS["relu"]())
    question = sheet.questions[0]
    assert sheet.grade([question.value])[0].right
    assert sheet.grade([question.value.tolist()])[0].right
    assert sheet.grade([str(question.value.tolist())])[0].right
    assert "asked is (2, 2)" in sheet.grade([[1, 2]])[0].reason
    for text in ("[[1, 2], [3", "[__import__('os')]", "[[1], [2, 3]]"):
        assert sheet.grade([text])[0].verdict == "unreadable"


class Tags(html.parser.HTMLParser):
    """Notes what a page would load."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        assert not {k for k, _ in attrs} & {"src", "href", "onclick"}


def test_html_is_self_contained():
    sheet = gd.worksheet()
    tags = Tags()
    tags.feed(sheet.html())
    assert "script" not in tags.seen
    assert "details" in tags.seen
    assert "-2.864" in sheet.html()
    assert "-2.864" not in sheet.html(key=False)
    assert "-2.864" in sheet.key.html()


def test_hostile_names_are_only_letters():
    x = gd.tensor("<script>alert(1)</script>", (), "float64")
    w = gd.Variable(2.0, r"\input{x}", "float64")
    sheet = gd.worksheet(gd.derive(gd.square(w * x).named("J"), w))
    assert "<script>" not in sheet.html()
    assert r"\input" not in sheet.latex()


def test_latex_is_balanced_and_a_document_holds_it():
    for sheet in (gd.worksheet(), gd.worksheet(NETWORKS["softmax"]())):
        for printed in (sheet, sheet.key):
            body = printed.latex()
            assert body.count(r"\[") == body.count(r"\]") > 0
            assert body.count(r"\(") == body.count(r"\)") > 0
            assert body.count("{") == body.count("}")
            outside = re.sub(r"\\\[.*?\\\]|\\\(.*?\\\)", "", body, flags=re.S)
            assert outside.isascii(), outside
            document = printed.latex(document=True)
            assert document.startswith(r"\documentclass{article}")
            assert body in document
            assert document.endswith("\\end{document}\n")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"level": 4}, ValueError, "level is 1"),
        ({"form": "x"}, ValueError, "form is 'chain' or 'matrix'"),
        ({"rows": 0}, ValueError, "rows must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be a whole number"),
        ({"weight": "w3"}, gd.errors.GraphError, "weights w1 and w2"),
        ({"subject": 3}, TypeError, "takes a model or a derivation"),
    ],
)
def test_bad_settings_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        gd.worksheet(**arguments)


def test_networks_that_make_no_exercise_are_refused():
    with pytest.raises(gd.errors.GraphError, match="too many to compute by hand"):
        gd.worksheet(model(D(30), D(1)))
    with pytest.raises(gd.errors.GraphError, match="random draws"):
        gd.worksheet(model(D(2), gd.layers.Dropout(0.5), D(1)))
    with pytest.raises(gd.errors.GraphError, match="there is no question 'q'"):
        gd.worksheet().grade({"q": 1})
    with pytest.raises(gd.errors.GraphError, match="9 questions, got 10"):
        gd.worksheet().grade([0] * 10)
