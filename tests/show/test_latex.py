"""LaTeX: names, notation, and safety against whatever a name holds."""

import re

import numpy as np
import pytest

import graphdl as gd
import graphdl.show.install
from graphdl.core.graph import apply
from graphdl.derivation.derivation import derive
from graphdl.ops.build import tensor
from graphdl.ops.entropy import bce, cce
from graphdl.ops.registry import all_ops
from graphdl.show.latex import latex, latex_name

COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
KNOWN = re.compile(
    "alpha|backprime|backslash|begin|cdot|circ|cos|cosh|delta|dots|end|frac|Gamma|hat|lambda|land|left|leq|geq"
    "|lfloor|rfloor|lnot|log|lor|mapsto|mathbf|mathrm|max|min|neq|odot|operatorname|oplus|partial|pi|Sigma|surd|infty|to"
    "|prime|quad|right|sigma|sim|sin|sqrt|sum|tanh|text|textcolor|theta|times|top|underbrace|wedge"
)


def check_well_formed(tex):
    """Balanced groups and pairs, no specials outside commands, no command but the known ones."""
    tex = re.sub(r"\\textcolor\{#[0-9a-f]{6}\}", r"\\textcolor", tex)
    commands = COMMAND.findall(tex)
    assert all(KNOWN.fullmatch(c) for c in commands if c.isalpha()), tex
    plain = COMMAND.sub("", tex)
    assert plain.count("{") == plain.count("}"), tex
    depth = np.cumsum([(c == "{") - (c == "}") for c in plain] or [0])
    assert depth.min() >= 0, tex
    for opened, closed in (("left", "right"), ("begin", "end")):
        assert commands.count(opened) == commands.count(closed), tex
    assert not set("$%#~`") & set(plain), tex
    assert "\\begin" in tex or "&" not in plain, tex


@pytest.mark.parametrize(
    ("name", "tex"),
    [
        ("W1", "W_{1}"),
        ("W_12", "W_{12}"),
        ("w_i", "w_{i}"),
        ("z₂", "z_{2}"),
        ("ŷ", r"\hat{y}"),
        ("y\u0302", r"\hat{y}"),
        ("θ̂1", r"\hat{\theta}_{1}"),
        ("α", r"\alpha"),
        ("lambda", r"\lambda"),
        ("Γ", r"\Gamma"),
        ("W⁽¹⁾", "W^{(1)}"),
        ("x'", "x'"),
        ("loss", r"\mathrm{loss}"),
        ("dense_1/kernel", r"\mathrm{dense\_1/kernel}"),
    ],
)
def test_names(name, tex):
    assert latex_name(name).text == tex


HOSTILE = [
    r"\input{secret}", "}", "{", "$x$", "a%b", "#1", "a&b", "~^_", "`'\"", "a\nb", "\\", "\\end{x}",
    "<script>", "\u202e", "日本", "x y", "[", "^^41", "a_b_c^d", "'", "_", "1",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_letters(name):
    check_well_formed(latex_name(name).text)
    x = gd.tensor(name, (name, 2), "float64")
    w = gd.Variable(np.ones((2, 2)), name, "float64")
    loss = gd.mean((x @ w).named(name) ** 2)
    for tex in (latex(gd.sum(x, 0)), latex(loss), latex(gd.grad(loss, w)), derive(loss, w).latex()):
        check_well_formed(tex)


def samples():
    for op in all_ops().values():
        for number, sample in enumerate(op.samples):
            yield pytest.param(op, sample, id=f"{op.name}-{number}")


@pytest.mark.parametrize(("op", "sample"), list(samples()))
def test_every_operation_is_well_formed(op, sample):
    dtypes = [t.replace("float", "float64") if t == "float" else t for t in sample.dtypes or ()]
    dtypes = dtypes or ["float64"] * len(sample.shapes)
    inputs = [
        tensor(f"a_{i}", s, t) for i, (s, t) in enumerate(zip(sample.shapes, dtypes, strict=True))
    ]
    check_well_formed(latex(apply(op, *inputs, **dict(sample.attrs))))


x = gd.tensor("x", ("n", "m"), "float64")
y = gd.tensor("y", ("n", 1), "float64")
w = gd.Variable(np.zeros((30, 1)), "W1", "float64")


@pytest.mark.parametrize(
    ("node", "tex"),
    [
        ((x @ w).named("z"), r"z = x\,W_{1}"),
        (
            gd.mean(bce(y, gd.sigmoid(x @ w))),
            r"\frac{1}{n} \sum \operatorname{bce}\left(y, \sigma\left(x\,W_{1}\right)\right)",
        ),
        (0.5 * y, r"0.5 \cdot y"),
        (y * y, r"y \odot y"),
        (y**2 / 3, r"\frac{y^{2}}{3}"),
        ((y - 1) * 1e-7, r"\left(y - 1\right) \cdot 10^{-7}"),
        (w.T, r"W_{1}^{\top}"),
        (gd.sum(x, 0), r"\sum_{n} x"),
        (
            gd.where(y > 0, y, 1.0),
            r"\begin{cases} y & \text{if } y > 0 \\ 1 & \text{otherwise} \end{cases}",
        ),
        (gd.exp(y) * gd.sqrt(y), r"e^{y} \odot \sqrt{y}"),
        (gd.cast(y > 0, "float64") * y, r"\left[y > 0\right] \odot y"),
    ],
)
def test_notation(node, tex):
    assert latex(node) == tex
    check_well_formed(tex)


def test_shared_parts_follow_in_aligned_lines():
    t = gd.exp(y * y) + y
    assert latex(t / gd.sqrt(t)) == (
        "\\begin{aligned}\n"
        "&\\frac{t_{1}}{\\sqrt{t_{1}}} \\\\\n"
        "&\\text{where } t_{1} = e^{y \\odot y} + y\n"
        "\\end{aligned}"
    )


def test_derivation_of_a_classifier_is_well_formed():
    target = gd.tensor("t", ("n", 3), "float64")
    weights = [gd.Variable(np.ones(s), f"W⁽{k}⁾", "float64") for k, s in ((1, (4, 5)), (2, (5, 3)))]
    h = gd.relu(gd.tensor("x", ("n", 4), "float64") @ weights[0]).named("h1")
    loss = gd.mean(cce(target, gd.softmax(h @ weights[1]).named("ŷ"))).named("J")
    for weight in weights:
        tex = derive(loss, weight).latex()
        check_well_formed(tex)
        assert r"\underbrace{\textcolor{#7b2d8b}{\frac{\partial J}{\partial \hat{y}}}}" in tex


def test_mimebundle_honours_what_is_asked_for():
    node = y * 2
    assert node._repr_mimebundle_() == {
        "text/plain": "y*2",
        "text/latex": r"$\displaystyle y \cdot 2$",
    }
    assert set(node._repr_mimebundle_(include=["text/latex"])) == {"text/latex"}
    assert set(node._repr_mimebundle_(exclude=["text/latex"])) == {"text/plain"}
    loss = gd.sum(x @ w).named("J")
    assert set(derive(loss, w)._repr_mimebundle_()) == {"text/plain", "text/latex"}
