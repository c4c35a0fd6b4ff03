"""What notebooks show: the kinds by Jupyter's conventions, in a notebook that was run and saved."""

import base64
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from graphdl.callbacks import History
from graphdl.show.picture.curves import best_epoch, curves
from tests.show.test_picture_scene import chain, lecture_like

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def history_of(**values):
    history = History()
    for epoch in range(len(next(iter(values.values())))):
        history.on_epoch_end(epoch, {name: v[epoch] for name, v in values.items()})
    return history


def some_of_each():
    x, y, W, _, J = lecture_like()
    model = gd.Sequential([gd.Input((3,)), gd.layers.Dense(4, "relu"), gd.layers.Dense(1)])
    return {
        "node": (J, {"text/plain", "text/latex"}),
        "graph": (
            gd.Graph([x, y], [J, gd.grad(J, W)]),
            {"text/plain", "image/svg+xml", "text/vnd.mermaid"},
        ),
        "model": (model, {"text/plain", "text/html", "image/svg+xml"}),
        "history": (
            history_of(loss=[3.0, 2.0], val_loss=[2.5, 2.75]),
            {"text/plain", "text/html", "image/svg+xml"},
        ),
        "derivation": (gd.derive(J, W), {"text/plain", "text/latex"}),
    }


@pytest.mark.parametrize("name", ["node", "graph", "model", "history", "derivation"])
def test_kinds_by_convention_and_only_those_asked_for(name):
    thing, kinds = some_of_each()[name]
    bundle = thing._repr_mimebundle_()
    assert bundle.keys() >= kinds
    assert all(type(v) is str and v for v in bundle.values())
    for kind in kinds:
        assert thing._repr_mimebundle_(include={kind}) == {kind: bundle[kind]}
        assert kind not in thing._repr_mimebundle_(exclude={kind})
    if "image/svg+xml" in kinds:
        assert ET.fromstring(bundle["image/svg+xml"]).tag == f"{SVG}svg"


def test_a_graph_shows_its_operations():
    graph = some_of_each()["graph"][0]
    bundle = graph._repr_mimebundle_()
    assert bundle["text/plain"] == str(graph) and "z: f32[n, 1] = named(" in str(graph)
    assert repr(graph).startswith("<Graph of (x, y): 2 outputs, 0 updates, ")
    assert bundle["text/vnd.mermaid"].startswith("flowchart TB")


def test_a_large_graph_is_cut_with_a_hint():
    x = gd.tensor("x", shape=(2,))
    bundle = gd.Graph([x], [chain(150, x)])._repr_mimebundle_()
    assert bundle["text/plain"].endswith("print(graph) shows all")
    assert len(bundle["text/plain"].split("\n")) == 201
    assert "limit=None shows all" in bundle["image/svg+xml"]
    assert bundle["text/vnd.mermaid"].count(":::op") < 201


def test_a_model_shows_its_table_and_its_layers():
    model = some_of_each()["model"][0]
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == model.summary_text()
    assert "<td" in bundle["text/html"] and "dense (Dense)" in bundle["text/html"]
    assert picture_in(bundle["text/html"]) == bundle["image/svg+xml"]


def picture_in(html):
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return base64.b64decode(data).decode()


def test_a_model_without_weights_shows_its_name():
    model = gd.Sequential([gd.layers.Dense(2)], name="later")
    assert model._repr_mimebundle_() == {"text/plain": "<Sequential later, not built>"}


def test_the_curves_of_a_history():
    history = history_of(
        loss=[3.0, 2.0, float("nan"), 1.0], val_loss=[2.5, 2.0, 2.25, 2.75],
        accuracy=[0.5, 0.6, 0.7, 0.8],
    )  # fmt: skip
    bundle = history._repr_mimebundle_()
    root = ET.fromstring(bundle["image/svg+xml"])
    lines = [(e.get("class"), len(e.get("points").split())) for e in root.iter(f"{SVG}polyline")]
    assert lines == [("line train", 2), ("line val", 4), ("line train", 4)]  # broken at the NaN
    assert [e.get("class") for e in root.iter(f"{SVG}circle")] == ["dot train"]
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert texts.count("best: epoch 2") == 2 and "loss" in texts and "accuracy" in texts
    assert "stroke-dasharray" in root.find(f"{SVG}style").text.split(".val{")[1].split("}")[0]
    assert bundle["text/plain"].splitlines()[0].split() == ["epoch", "loss", "val_loss", "accuracy"]
    assert bundle["text/plain"].splitlines()[2].split() == ["2", "2", "2", "0.6"]
    assert picture_in(bundle["text/html"]) == bundle["image/svg+xml"]
    assert bundle["text/html"].count("<tr>") == 5


def test_points_of_curves_lie_where_the_axes_say():
    root = ET.fromstring(curves({"loss": [4.0, 1.0, 2.0]}))
    line = next(root.iter(f"{SVG}polyline")).get("points").split()
    points = [tuple(map(float, p.split(","))) for p in line]
    marks = {t.text: float(t.get("y")) for t in root.iter(f"{SVG}text") if t.get("dy")}
    assert [y for _, y in points] == [marks["4"], marks["1"], marks["2"]]
    epochs = {t.text: float(t.get("x")) for t in root.iter(f"{SVG}text")
              if t.get("class") == "middle"}  # fmt: skip
    assert [x for x, _ in points] == [epochs["1"], epochs["2"], epochs["3"]]


@pytest.mark.parametrize(
    "values", [{}, {"loss": []}, {"loss": [1.0]}, {"loss": [2.0, 2.0]}, {"loss": [float("inf")]},
               {"loss": [0.0, 0.0]}, {"loss": [1e300, 1e-300]}, {"</svg>": [1.0, -1.0]}],
)  # fmt: skip
def test_any_history_can_be_shown(values):
    history = History()
    history.history = dict(values)
    history.epoch = list(range(max(map(len, values.values()), default=0)))
    bundle = history._repr_mimebundle_()
    ET.fromstring(bundle["image/svg+xml"])
    assert len(bundle["text/plain"].splitlines()) == 1 + len(history.epoch)


def test_the_best_epoch_is_that_of_the_least_loss():
    assert best_epoch({"loss": [3, 1, 2]}) == 1
    assert best_epoch({"loss": [3, 2, 1], "val_loss": [5, float("nan"), 6]}) == 0
    assert best_epoch({"loss": [float("nan")]}) is None and best_epoch({}) is None


def test_long_histories_are_cut():
    history = history_of(loss=list(np.linspace(1, 0, 500)))
    bundle = history._repr_mimebundle_()
    assert bundle["text/plain"].startswith("… 300 epochs before")
    assert len(bundle["text/plain"].splitlines()) == 202
    assert bundle["text/html"].count("<tr>") == 201


CELLS = [
    "import numpy as np, graphdl as gd\ngd.set_seed(0)",
    "model = gd.Sequential([gd.Input((3,)), gd.layers.Dense(2, 'tanh'),"
    " gd.layers.Dense(1, 'sigmoid')])\n"
    "model.compile('sgd', 'binary_crossentropy', run_eagerly=True)\n"
    "x = np.arange(24.0).reshape(8, 3) / 24; y = (x.sum(1) > 1.5).astype(float)\n"
    "model",
    "model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y))",
    "J = model.symbolic_loss(training=True)\nJ",
    "model.compiled_step.simplified",
    "model.derive('dense/kernel')",
    "model.svg(operations=True)",
]
EXPECTED = [
    None,
    {"text/plain", "text/html", "image/svg+xml"},
    {"text/plain", "text/html", "image/svg+xml"},
    {"text/plain", "text/latex"},
    {"text/plain", "image/svg+xml", "text/vnd.mermaid"},
    {"text/plain", "text/latex"},
    {"text/plain", "image/svg+xml"},
]


@pytest.mark.filterwarnings("ignore")  # those of the notebook's own machinery
def test_a_notebook_that_was_run_and_saved_holds_them(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat (group: test) is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient (group: test) is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel (group: test) is not installed")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    nbformat.write(notebook, tmp_path / "run.ipynb")
    saved = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    nbformat.validate(saved)
    ids = []
    for cell, kinds in zip(saved.cells, EXPECTED, strict=True):
        assert [o.output_type for o in cell.outputs] == ["execute_result"] * (kinds is not None)
        if kinds:
            data = cell.outputs[0].data
            assert data.keys() >= kinds
            assert sum(map(len, data.values())) < 200_000
            if "image/svg+xml" in data:
                root = ET.fromstring(data["image/svg+xml"])
                ids += [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))  # no two pictures of the page share one
