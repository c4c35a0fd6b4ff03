"""plot_model: which files it writes, with and without Graphviz."""

import inspect
import shutil
import subprocess
import sys

import pytest

import graphdl as gd
from graphdl.show.picture import files


@pytest.fixture
def model():
    return gd.Sequential([gd.Input((3,)), gd.layers.Dense(2, "relu")], name="net")


def test_its_arguments_are_those_of_keras():
    found = inspect.signature(gd.plot_model).parameters
    assert list(found) == [
        "model", "to_file", "show_shapes", "show_dtype", "show_layer_names", "rankdir",
        "expand_nested", "dpi", "show_layer_activations", "show_trainable",
    ]  # fmt: skip
    assert [p.default for p in found.values()][1:] == [
        "model.png", False, False, False, "TB", False, 200, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    "suffix, start", [("svg", "<svg"), ("dot", "digraph"), ("mmd", "flowchart")]
)
def test_texts_need_nothing(model, tmp_path, suffix, start):
    path = tmp_path / f"net.{suffix}"
    shown = gd.plot_model(model, path, show_shapes=True)
    assert path.read_text("utf-8").startswith(start) and "(n, 3)" in path.read_text("utf-8")
    assert shown.startswith("<svg")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_without_graphviz_the_error_names_the_ways_out(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ImportError, match=r"graphdl\[graph\].*\.svg"):
        gd.plot_model(model, tmp_path / "net.png")
    assert not list(tmp_path.iterdir())


def test_the_program_dot_draws_where_pygraphviz_is_missing(model, tmp_path, monkeypatch):
    asked = []

    def run(command, **options):
        asked.append((command, options["input"]))
        return subprocess.CompletedProcess(command, 0, stdout=b"%PDF-")

    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr(shutil, "which", lambda _: "/somewhere/dot")
    monkeypatch.setattr(files.subprocess, "run", run)
    gd.plot_model(model, tmp_path / "net.pdf", dpi=90)
    assert (tmp_path / "net.pdf").read_bytes() == b"%PDF-"
    assert asked[0][0] == ["/somewhere/dot", "-Tpdf", "-Gdpi=90"]
    assert asked[0][1].startswith(b"digraph")


@pytest.mark.parametrize("suffix, start", [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pygraphviz_draws(model, tmp_path, suffix, start):
    pytest.importorskip("pygraphviz", reason="Graphviz (extra: graph) is not installed")
    gd.plot_model(model, tmp_path / f"net.{suffix}", dpi=50)
    assert (tmp_path / f"net.{suffix}").read_bytes().startswith(start)


def test_what_cannot_be_drawn_is_refused_before_anything_is_written(model, tmp_path):
    refused = [
        (ValueError, "ends in .svg", {"to_file": tmp_path / "net.jpeg"}),
        (ValueError, "'net'", {"to_file": tmp_path / "net"}),
        (ValueError, "rankdir", {"to_file": tmp_path / "net.svg", "rankdir": "up"}),
        (ValueError, "dpi", {"to_file": tmp_path / "net.svg", "dpi": 0}),
        (TypeError, "show_shapes", {"to_file": tmp_path / "net.svg", "show_shapes": 1}),
        (TypeError, "path", {"to_file": 3}),
        (FileNotFoundError, "folder", {"to_file": tmp_path / "no" / "net.svg"}),
    ]
    for kind, words, arguments in refused:
        with pytest.raises(kind, match=words):
            gd.plot_model(model, **arguments)
    with pytest.raises(gd.errors.NotBuiltError):
        gd.plot_model(gd.Sequential([gd.layers.Dense(2)]), tmp_path / "net.svg")
    assert not list(tmp_path.iterdir())
