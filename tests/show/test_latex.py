"""LaTeX: names, notation, and safety against whatever a name holds."""

import re

import numpy as np
import pytest

import graphdl as gd
import graphdl.show.install  # noqa: F401
from graphdl.differentiate.derivation import derive
from graphdl.ops.entropy import bce, cce
from graphdl.ops.registry import OPS
from graphdl.show.latex import latex, latex_name

COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
KNOWN = frozenset(
    r"""
    alpha backprime backslash bar begin bmatrix cases cdot cos delta dot dots end exp frac
    hat infty land left leq geq lfloor rfloor lnot log lor mapsto mathbf mathrm max min neq odot
    operatorname oplus partial pi prime quad right sigma sim sin sqrt sum tanh text times top
    underbrace wedge theta lambda Gamma
    """.split()
)


def check_well_formed(tex):
    """Balanced groups and pairs, no specials outside commands, no command but the known ones."""
    commands = COMMAND.findall(tex)
    assert {c for c in commands if c.isalpha()} <= KNOWN, tex
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


def cases():
    for op in OPS.values() if isinstance(OPS, dict) else OPS:
        for sample in op.samples[:2]:
            yield pytest.param(op, sample, id=op.name)
