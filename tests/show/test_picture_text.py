"""DOT and Mermaid: read again by small readers of their own, whatever the names are."""

import html
import re

import numpy as np
import pytest

import graphdl as gd
from tests.show.test_picture_scene import chain, lecture_like
from tests.test_hostile_names import NAMES

# ---------------------------------------------------------------- a reader of DOT

TOKEN = re.compile(r'\s+|//[^\n]*|"(?:\\.|[^"\\])*"|->|[{}\[\];=]|[A-Za-z0-9_.]+', re.S)


def tokens(text):
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        assert match, text[position : position + 40]
        position = match.end()
        if match[0].strip() and not match[0].startswith("//"):
            yield match[0]


def read_dot(text):
    """Nodes and edges by id, and the groups by label."""
    stream = list(tokens(text))
    nodes, edges, groups, k = {}, [], [], 2
    assert stream[:2] == ["digraph", "{"] and stream[-1] == "}"
    depth = 1
    while depth:
        word = stream[k]
        if word == "subgraph":
            assert stream[k + 2] == "{"
            depth, k = depth + 1, k + 3
        elif word == "}":
            depth, k = depth - 1, k + 1
        elif word == "label":
            groups.append(plain_label(stream[k + 2]))
            k += 4
        elif word == "style":
            k += 4
        else:
            ends = [word]
            while stream[k + 1] == "->":
                ends.append(stream[k + 2])
                k += 2
            assert stream[k + 1] == "["
            stop = stream.index("]", k)
            words = stream[k + 2 : stop]
            assert words[1::3] == ["="] * (len(words) // 3)
            attributes = dict(zip(words[::3], words[2::3], strict=True))
            if len(ends) == 2:
                edges.append((*ends, attributes))
            elif word.startswith('"'):
                nodes[word] = attributes
            assert stream[stop + 1] == ";"
            k = stop + 2
    assert k == len(stream)
    return nodes, edges, groups


def plain_label(text):
    lines = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text[1:-1])
    return html.unescape(lines)


def test_dot_says_boxes_edges_and_frames():
    x, y, W, b, J = lecture_like()
    nodes, edges, _ = read_dot(gd.Graph([x, y], [J, *gd.grad(J, [W, b])]).dot(rankdir="LR"))
    labels = {k: plain_label(n["label"]) for k, n in nodes.items()}
    assert "z = · + b\n(n, 1)" in labels.values() and "W\n(3, 1)" in labels.values()
    assert all(a in nodes and b in nodes for a, b, _ in edges)
    shape = {labels[k].split("\n")[0]: n["shape"] for k, n in nodes.items()}
    assert (shape["x"], shape["W"]) == ("box", "hexagon")
    assert {e["style"] for *_, e in edges if "style" in e} == {"dashed"}
    model = gd.Sequential([gd.Input((3,)), gd.layers.Dense(2)])
    assert read_dot(model.dot(operations=True))[2] == ["dense (Dense)"]


def test_edges_back_do_not_shape_the_layout():
    *_, W, _, J = lecture_like()
    _, edges, _ = read_dot(gd.derive(J, W).dot())
    assert all((e.get("constraint") == "false") == (e.get("style") == "dashed") for *_, e in edges)
    assert [plain_label(e["label"]) for *_, e in edges if "label" in e][-1] == "∂z/∂W"


# ---------------------------------------------------------------- a reader of Mermaid

NODE = re.compile(r'(n\d+)(?:\(\[|\{\{|\[\[|\()"([^"]*)"(?:\]\)|\}\}|\]\]|\)):::(\w+)')
EDGE = re.compile(r'(n\d+) (-->|-\.->)(?:\|"([^"]*)"\|)? (n\d+)')
OTHER = re.compile(
    r'flowchart (TB|LR)|subgraph (c\d+)\["([^"]*)"\]|end|classDef \w+ [#\w:,\- ]+'
    r'|linkStyle [\d,]+ stroke:#\w+|hint\["[^"]*"\]'
)
ENTITY = re.compile(r"#(\d+);")


def read_mermaid(text):
    nodes, edges, groups, open_ = {}, [], [], 0
    for line in map(str.strip, text.rstrip("\n").split("\n")):
        node, edge, other = (p.fullmatch(line) for p in (NODE, EDGE, OTHER))
        assert node or edge or other, line
        for label in (m for m in (node, edge) if m):
            rest = ENTITY.sub("", (label[2] if node else label[3]) or "").replace("<br/>", "")
            assert not set(rest) & set('"#<>&;{}|`\\$%'), line
        if node:
            nodes[node[1]] = (ENTITY.sub(lambda m: chr(int(m[1])), node[2]), node[3])
        elif edge:
            edges.append((edge[1], edge[4], edge[2], edge[3]))
        elif other[2]:
            groups.append(ENTITY.sub(lambda m: chr(int(m[1])), other[3]))
            open_ += 1
        elif other[0] == "end":
            open_ -= 1
    assert open_ == 0 and all(a in nodes and b in nodes for a, b, *_ in edges)
    return nodes, edges, groups


def test_mermaid_says_boxes_edges_and_frames():
    *_, W, _, J = lecture_like()
    text = gd.derive(J, W).mermaid()
    nodes, edges, _ = read_mermaid(text)
    assert text.startswith("flowchart LR\n")
    assert ("z<br/>x @ W + b<br/>(n, 1)", "op") in nodes.values()
    assert [label for *_, arrow, label in edges if arrow == "-.->"] == ["∂J/∂ŷ", "∂ŷ/∂z", "∂z/∂W"]
    model = gd.Sequential([gd.Input((3,)), gd.layers.Dense(2)])
    assert read_mermaid(model.mermaid(operations=True))[2] == ["dense (Dense)"]


def test_large_graphs_are_cut():
    assert len(read_mermaid(chain(150).mermaid())[0]) == 200
    assert len(read_dot(chain(150).dot())[0]) == 301  # for a program, which reads all


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_names_break_nothing(name):
    x = gd.tensor(name, (name, 3))
    w = gd.Variable(np.ones((3, 1), np.float32), name=name)
    loss = gd.mean(gd.square((x @ w).named(name))).named(name)
    inputs = gd.Input((3,), name=name)
    model = gd.Model(inputs, gd.layers.Dense(2, name=name)(inputs), name=name)
    tame = gd.Model(inputs, gd.layers.Dense(2, name="tame")(inputs), name="tame")
    size = lambda found: [len(part) for part in found]  # noqa: E731
    for details in ({}, {"operations": True}, {"show_layer_names": True}):
        assert size(read_dot(model.dot(**details))) == size(read_dot(tame.dot(**details)))
        assert size(read_mermaid(model.mermaid(**details))) == size(
            read_mermaid(tame.mermaid(**details))
        )
    for what in (gd.Graph([x], [loss, gd.grad(loss, w)]), gd.derive(loss, w)):
        assert size(read_dot(what.dot(limit=200)))[:2] == size(read_mermaid(what.mermaid()))[:2]
