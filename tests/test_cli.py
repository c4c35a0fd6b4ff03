"""The command line: what it prints, where, and with which exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import graphdl as gd
from graphdl import cli
from graphdl.cli import train
from graphdl.cli.screen import _some_epochs, format_seconds

ROOT = Path(__file__).parents[1]
QUICK = ["--target", "python", "--epochs", "1"]


@pytest.fixture(autouse=True)
def same_defaults_afterwards():
    before = gd.floatx()
    yield
    gd.set_floatx(before)


def graphdl(*words, **options):
    """`python -m graphdl …` as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment |= options.pop("env", {})
    command = [sys.executable, "-m", "graphdl", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", **options
    )


def refused(capsys, *words):
    """The message of a call that must end with exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    out, message = capsys.readouterr()
    assert not out and "Traceback" not in message
    return message


def test_version_and_help():
    version = graphdl("--version")
    assert version.stdout == f"graphdl {gd.__version__}\n" and version.returncode == 0
    text = graphdl("train", "--help").stdout
    assert all(name in text for name in gd.datasets.names())
    assert max(map(len, text.splitlines())) <= 80


def test_the_demo_shows_the_whole_way():
    pytest.importorskip("sklearn")
    run = graphdl("train", "breast_cancer")
    assert run.returncode == 0 and not run.stderr
    assert "malignant or benign?" in run.stdout
    assert "Total params: 513" in run.stdout
    assert "∂J/∂ŷ · ∂ŷ/∂z2 · ∂z2/∂h1 · ∂h1/∂z1 · ∂z1/∂W1" in run.stdout
    assert float(re.search(r"test accuracy +([\d.]+) \(\d+ of 113 right\)", run.stdout)[1]) >= 0.95
    assert re.search(r"^compiling +\d+\.\d\d s \(", run.stdout, re.MULTILINE)
    assert re.search(r"^training +.* m?s for 20 epochs$", run.stdout, re.MULTILINE)
    source = re.search(r"^generated code +(.*)$", run.stdout, re.MULTILINE)[1]
    assert "def run(" in Path(source).read_text(encoding="utf-8")
    assert "\x1b" not in run.stdout


def test_a_cache_that_cannot_be_used_is_not_said_to_keep_anything(tmp_path):
    """A file stands where the cache directory should be."""
    (tmp_path / "file").write_text("")
    broken = {"GRAPHDL_CACHE_DIR": str(tmp_path / "file")}
    words = ("train", "will_i_pass", "--epochs", "1", "--layers", "2")
    run = graphdl(*words, env=broken)
    assert run.returncode == 0 and "cannot be used" in run.stderr
    assert "could not be kept in the cache: the next run compiles anew" in run.stdout
    good = {"GRAPHDL_CACHE_DIR": str(tmp_path / "directory")}
    assert "kept in the cache: the next run finds it there" in graphdl(*words, env=good).stdout
    assert "the machine code was in the cache" in graphdl(*words, env=good).stdout


def test_json_has_stdout_for_itself():
    run = graphdl("train", "will_i_pass", *QUICK, "--layers", "3", "--dtype", "float64", "--json")
    assert run.returncode == 0
    result = json.loads(run.stdout)
    assert result["dataset"] == "will_i_pass" and result["parameters"] == 3 * 3 + 4
    assert result["learning_rate"] == 0.01 and result["dtype"] == "float64"
    assert set(result["test"]) == {"loss", "accuracy"} and len(result["history"]["loss"]) == 1
    assert Path(result["source_file"]).is_file()
    assert "Total params: 13" in run.stderr


def test_a_regression_tells_the_variance_explained(capsys):
    pytest.importorskip("sklearn")
    assert cli.main(["train", "diabetes", *QUICK, "--json"]) == 0
    out, log = capsys.readouterr()
    assert set(json.loads(out)["test"]) == {"loss", "r2"}
    assert re.search(r"^test R² +-?\d", log, re.MULTILINE)


@pytest.mark.parametrize("name", gd.datasets.names())
def test_every_data_set_trains(name, capsys):
    if name not in ("will_i_pass", "moons", "spirals"):
        pytest.importorskip("sklearn")
    options = ["--layers", "5,4", "--activation", "tanh", "--batch-size", "64"]
    assert cli.main(["train", name, *QUICK, *options, "--optimizer", "sgd", "--json"]) == 0
    out, log = capsys.readouterr()
    result = json.loads(out)
    assert (result["layers"], result["activation"]) == ([5, 4], "tanh")
    assert (result["optimizer"], result["learning_rate"]) == ("sgd", 0.01)
    assert "∂z1/∂W1" in log


def test_no_hidden_layer_and_little_to_read(capsys):
    assert cli.main(["train", "moons", *QUICK, "--layers", "none", "--verbose", "0"]) == 0
    labels = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert labels == ["test accuracy", "compiling", "training", "generated code"]


def test_a_line_for_each_epoch(capsys):
    words = ["train", "moons", "--target", "python", "--epochs", "3", "--verbose", "2"]
    assert cli.main(words) == 0
    assert re.findall(r"^Epoch (\d)/3 - ", capsys.readouterr().out, re.MULTILINE) == list("123")


def test_the_same_seed_gives_the_same_result(capsys):
    results = []
    for seed in ("5", "5", "6"):
        cli.main(["train", "moons", *QUICK, "--layers", "4", "--json", "--seed", seed])
        results.append(json.loads(capsys.readouterr().out)["history"])
    assert results[0] == results[1] != results[2]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["train"], "required: DATASET"),
        (["train", "irs"], "unknown data set 'irs'; there are breast_cancer, digits"),
        (["train", "iris", "--layers", "16,a"], "whole number ≥ 1, got 'a'"),
        (["train", "iris", "--layers", "0"], "whole number ≥ 1, got 0"),
        (["train", "iris", "--activation", "rleu"], "did you mean 'relu'?"),
        (["train", "iris", "--optimizer", "adm"], "invalid choice: 'adm'"),
        (["train", "iris", "--learning-rate", "nan"], "the learning rate must be a finite number"),
        (["train", "iris", "--epochs", "0"], "the number of epochs must be a whole number ≥ 1"),
        (["train", "iris", "--batch-size", "1.5"], "the batch size must be a whole number ≥ 1"),
        (["train", "iris", "--seed", "-1"], "the seed must be a whole number ≥ 0"),
        (["train", "iris", "--target", "cuda"], "set NUMBA_ENABLE_CUDASIM=1"),
        (
            ["train", "iris", "--target", "tpu"],
            "unknown target 'tpu'; use cpu, python, cuda or auto",
        ),
        (["tran", "iris"], "invalid choice: 'tran'"),
    ],
)
def test_what_is_asked_wrongly_is_named(words, complaint, capsys):
    assert complaint in refused(capsys, *words)


def test_training_that_diverges_is_one_line_and_code_1(capsys):
    words = ["train", "moons", "--target", "python", "--optimizer", "sgd"]
    assert cli.main([*words, "--learning-rate", "1e30"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("graphdl: error: training stopped at batch ")
    assert message.count("\n") == 1


def test_ctrl_c_is_code_130(capsys, monkeypatch):
    def interrupted(asked):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", interrupted)
    assert cli.main(["train", "moons"]) == 130
    assert capsys.readouterr().err == "graphdl: stopped\n"


def test_a_reader_that_leaves_early_is_no_crash():
    command = [sys.executable, "-m", "graphdl", "train", "moons", *QUICK]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_a_terminal_without_unicode_is_no_crash():
    run = graphdl("train", "moons", *QUICK, env={"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0
    assert "test accuracy" in run.stdout and r"\u2202J" in run.stdout


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}], ids=["colour", "NO_COLOR"])
def test_a_terminal_shows_a_bar(environment):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    base = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    base |= {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "graphdl", "train", "moons", *QUICK]
    with subprocess.Popen(command, env=base | environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = _everything_from(ours)
        assert process.wait() == 0
    assert "1/1 epochs" in shown and "━" * 10 in shown
    assert ("\x1b[32m" in shown) == (not environment)
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")  # the cursor is shown again


def _everything_from(descriptor):
    read = b""
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            os.close(descriptor)
            return read.decode()
        read += piece


def test_epochs_that_tell_how_learning_went():
    assert _some_epochs(1) == [1]
    assert _some_epochs(20) == [1, 2, 5, 10, 20]
    assert _some_epochs(300) == [1, 2, 5, 10, 20, 50, 100, 200, 300]


def test_seconds_have_the_unit_that_suits():
    assert (format_seconds(12.345), format_seconds(0.01234)) == ("12.3 s", "12.3 ms")
