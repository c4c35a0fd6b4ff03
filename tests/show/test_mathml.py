"""Formulas as MathML: whole XML in which nothing of LaTeX is left."""

from xml.etree import ElementTree

import pytest

import graphdl as gd
from graphdl.show.mathml import mathml

SPACE = "{http://www.w3.org/1998/Math/MathML}"


def read(text):
    assert "\\" not in text
    return ElementTree.fromstring(text)


def words(text):
    return "".join(read(text).itertext())


def test_a_formula_is_one_element():
    root = read(mathml(r"\frac{\partial J}{\partial w_{1}}"))
    assert root.tag == f"{SPACE}math" and root.get("display") == "block"
    assert [c.tag for c in root.iter(f"{SPACE}mfrac")] == [f"{SPACE}mfrac"]
    assert read(mathml("a", display=False)).get("display") is None


def test_aligned_lines_are_rows_of_a_table():
    cases = r"\begin{cases} 1 & d \\ 0 & e \end{cases}"
    text = "\n".join([r"\begin{aligned}", r"a &= b + c \\", f"&= {cases}", r"\end{aligned}"])
    rows = read(mathml(text)).findall(f"{SPACE}mtable/{SPACE}mtr")
    assert [len(row.findall(f"{SPACE}mtd")) for row in rows] == [2, 2]
    assert len(rows[1].findall(f".//{SPACE}mtable/{SPACE}mtr")) == 2  # the cases


@pytest.mark.parametrize("sign", ["&", "%", "#", "$", "_"])
def test_an_escaped_sign_is_itself(sign):
    assert sign in words(mathml(rf"\mathrm{{a\{sign}b}}"))


def test_upright_letters_make_one_word():
    assert [e.text for e in read(mathml(r"\mathrm{relu}")).iter(f"{SPACE}mtext")] == ["relu"]


def test_a_brace_below_stretches():
    root = read(mathml(r"\underbrace{a}_{b}"))
    assert "⏟" in "".join(root.itertext())


def test_an_unknown_command_is_an_error_not_a_word():
    with pytest.raises(ValueError, match=r"\\htmlId has no MathML"):
        mathml(r"\htmlId{a}{b}")


@pytest.mark.parametrize("name", sorted(gd.activations.KNOWN))
def test_every_activation_and_its_derivative(name):
    z = gd.tensor("z", ("n", 4))
    options = {"threshold": (0.5, 0.0)}.get(name, ())
    node = gd.activations.KNOWN[name](z, *options)
    read(mathml(node.latex()))
    read(mathml(gd.derive(gd.sum(node), z).latex()))


@pytest.mark.parametrize("name", sorted(gd.optimizers.KNOWN))
def test_every_optimizers_equations(name):
    read(mathml(gd.optimizers.KNOWN[name]().equations().latex()))


@pytest.mark.parametrize("name", sorted(gd.losses.KNOWN))
def test_every_loss(name):
    classes = name.startswith("sparse")
    y = gd.tensor("y", ("n",), "int64") if classes else gd.tensor("y", ("n", 3))
    p = gd.tensor("ŷ", ("n", 3))
    node = gd.losses.KNOWN[name]()(y, p)
    read(mathml(gd.derive(node, p).latex()))


def test_a_hostile_name_is_text():
    name = '</math><script>alert("x")</script>\\frac{a}&%'
    text = mathml(gd.tensor(name, ()).latex())
    assert "<script>" not in text
    assert "script" in words(text)
