"""Every example that compiles something on the device; and under compute-sanitizer, if it is found.

pytest tests/gpu/test_examples.py --all     # make gpu-sanitize
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda.collected import EXAMPLES
from tests.test_examples import LESSONS

ROOT = Path(__file__).resolve().parents[2]
INTERPRETED = {"02_perceptron", "03_activations", "06_networks", "08_loss", "10_backpropagation",
               "12_adaptive_optimizers"}  # fmt: skip
COMPILED = [path for path in EXAMPLES if path.stem not in INTERPRETED]
SCRIPT = """
import numpy as np, graphdl as gd
x = gd.tensor("x", ("n", 3))
print(gd.function([x], gd.sum(x * x))(np.ones((2, 3), np.float32)))
"""
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
SEVERE = 9  # the status with which compute-sanitizer ends where it has found something


def run(path, folder, before=()):
    if "gd.datasets.load_" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [*before, sys.executable, "-W", "error", "-m", "tests.gpu.everywhere", str(path)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )


def test_a_script_goes_to_the_device(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert run(script, tmp_path).stdout.split("\n")[:2] == ["6.0", "1 programs on the device"]


@pytest.mark.gpu
@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_an_example_teaches_the_same(path, tmp_path):
    """With numbers of float32 to the digits that the lesson is held to on the CPU."""
    done = run(path, tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert re.search(r"^[1-9]\d* programs on the device$", done.stdout, re.MULTILINE)
    missing = [t for t in LESSONS[path.stem] if not re.search(t, done.stdout, re.MULTILINE)]
    assert not missing, done.stdout


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_an_example_is_clean(path, tool, tmp_path):
    found = shutil.which("compute-sanitizer") or shutil.which(
        "compute-sanitizer", path="/usr/local/cuda/bin"
    )
    if found is None:
        pytest.skip("not found: compute-sanitizer, which comes with NVIDIA's toolkit")
    done = run(path, tmp_path, [found, "--tool", tool, f"--error-exitcode={SEVERE}"])
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
