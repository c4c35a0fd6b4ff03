"""The SVG of pictures: well-formed, named, escaped, free of references to the outside."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import graphdl as gd
from tests.show.test_picture_scene import chain, lecture_like
from tests.test_hostile_names import NAMES

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text):
    return ET.fromstring(text)


def lecture_graph():
    x, y, W, b, J = lecture_like()
    return gd.Graph([x, y], [J, *gd.grad(J, [W, b])])


def test_every_box_and_edge_is_drawn_and_can_be_addressed():
    root = parsed(lecture_graph().svg())
    groups = {g.get("id").partition("-")[2]: g for g in root.iter(f"{SVG}g")}
    boxes = [g for g in groups.values() if g.get("class").startswith("box")]
    W = next(g for g in boxes if g.get("data-name") == "W")
    assert W.get("class") == "box weight" and W.find(f"{SVG}polygon") is not None
    assert [t.text for t in W.iter(f"{SVG}text")] == ["W", "(3, 1)"]
    assert W.find(f"{SVG}title").text == "weight W, (3, 1)"
    edges = [g for g in groups.values() if g.get("class").startswith("edge")]
    ids = {i for i in groups if i.startswith("n")}
    assert edges and all({e.get("data-from"), e.get("data-to")} <= ids for e in edges)
    assert {e.get("class") for e in edges} == {"edge forward", "edge gradient"}


def test_kinds_differ_by_more_than_colour():
    """By outline: corners, number of outlines, dashes."""
    text = lecture_graph().svg()
    root = parsed(text)
    outlines = {}
    for g in root.iter(f"{SVG}g"):
        if g.get("class").startswith("box"):
            kind = g.get("class").split()[1]
            shapes = [s for s in g if s.get("class") == "shape"]
            dashed = "dashed" if f".{kind} .shape" in dashed_rules(text) else ""
            corner = shapes[0].get("rx", "hexagon")
            outlines[kind] = (len(shapes), corner, dashed)
    assert outlines.keys() == {"input", "weight", "op", "loss", "gradient"}
    assert len(set(outlines.values())) == 5
    assert ".edge.gradient path" in dashed_rules(text)


def dashed_rules(text):
    style = parsed(text).find(f"{SVG}style").text
    return " ".join(rule.partition("{")[0] for rule in style.split("}") if "dasharray" in rule)


def test_it_says_what_it_shows_to_who_cannot_see_it():
    root = parsed(lecture_graph().svg())
    assert root.get("role") == "img"
    named = [root.find(f"{SVG}title"), root.find(f"{SVG}desc")]
    assert root.get("aria-labelledby").split() == [e.get("id") for e in named]
    assert named[0].text.startswith("Graph of J")
    assert "2 inputs" in named[1].text and "2 weights" in named[1].text


def test_two_pictures_share_no_id():
    _x, _y, W, b, J = lecture_like()
    ids = [e.get("id") for t in (J.svg(), gd.derive(J, W).svg(), gd.derive(J, b).svg())
           for e in parsed(t).iter() if e.get("id")]  # fmt: skip
    assert len(ids) == len(set(ids))
    assert J.svg() == J.svg()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_are_only_text(name):
    x = gd.tensor(name, (name, 3))
    w = gd.Variable(np.ones((3, 1), np.float32), name=name)
    loss = gd.mean(gd.square((x @ w).named(name))).named(name)
    inputs = gd.Input((3,), name=name)
    model = gd.Model(inputs, gd.layers.Dense(2, name=name)(inputs), name=name)
    texts = [
        gd.Graph([x], [loss, gd.grad(loss, w)]).svg(),
        gd.derive(loss, w).svg(),
        model.svg(show_layer_names=True),
        model.svg(operations=True),
    ]
    tame = {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "g", "path",
            "polygon", "text")}  # fmt: skip
    for text in texts:
        root = parsed(text.encode())
        assert {e.tag for e in root.iter()} <= tame
        assert not re.search(r"<[^>]*\b(href|src|on\w+)\s*=", text)
        assert all(t.text.isprintable() for t in root.iter(f"{SVG}text"))


def test_markup_in_a_name_is_shown_as_it_is():
    x = gd.tensor("</text><script>alert(1)</script>&\"'", (2,))
    root = parsed(gd.exp(x).svg())
    assert next(t.text for t in root.iter(f"{SVG}text")).startswith(
        "</text><script>alert(1)</script>&"
    )
    assert root.find(f".//{SVG}script") is None


def test_no_text_runs_out_of_its_box():
    root = parsed(chain(3).svg())
    for g in root.iter(f"{SVG}g"):
        if g.get("class", "").startswith("box"):
            shape = next(s for s in g if s.get("class") == "shape")
            if shape.tag == f"{SVG}rect":
                widest = max(len(t.text) * 13 * 0.6 for t in g.iter(f"{SVG}text"))
                assert widest < float(shape.get("width"))


def test_large_pictures_say_how_to_see_all():
    short, whole = chain(150).svg(), chain(150).svg(limit=None)
    assert "limit=None shows all" in short and "limit=None" not in whole
    count = lambda text: text.count('class="box')  # noqa: E731
    assert count(short) == 200 and count(whole) == 301


def test_a_notebook_shows_the_text_of_a_picture_as_a_picture():
    text = chain(1).svg()
    bundle = text._repr_mimebundle_()
    assert isinstance(text, str) and bundle["image/svg+xml"] == text
    assert type(bundle["image/svg+xml"]) is str
