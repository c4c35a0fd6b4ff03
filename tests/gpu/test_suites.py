"""Tests that were written for the CPU, with all their programs sent to the device.

Each file runs in a process of its own (`everywhere.py`); its reference numbers and bounds are its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.device import here

TESTS = Path(__file__).resolve().parents[1]
SUITES = here(
    [
        "losses",
        "metrics",
        "lecture/test_rows_01_to_23_networks.py",
        "lecture/test_rows_03_to_54_by_hand.py",
        "lecture/test_rows_25_to_36_training.py",
        "lecture/test_rows_32_and_44_cost.py",
        "layers/test_embedding.py",
        "layers/test_normalization.py",
        "layers/test_penalties.py",
        "layers/test_random_layers.py",
        "training/test_determinism.py",
        "training/test_fit.py",
        "training/test_memory_maps.py",
        "training/test_models.py",
        "training/test_nonfinite.py",
        "training/test_reference.py",
    ],
    ["lecture/test_rows_03_to_54_by_hand.py"],
)


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_of_the_cpus(name):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment |= {"PYTEST_XDIST_WORKER": "gpu"}  # the cache is this process's
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "tests.gpu.everywhere", str(TESTS / name)], cwd=TESTS.parent,
        env=environment, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
