"""Programs as CUDA kernels give what they give on the CPU: run by Numba's simulator, without a GPU.

The tests that are meant for a GPU (`tests/gpu`) are run likewise, at small sizes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = [f"cuda/simulated/{path.name}" for path in sorted((HERE / "simulated").glob("test_*.py"))]
FILES += [f"gpu/{path.name}" for path in sorted((HERE.parent / "gpu").glob("test_*.py"))]


@pytest.mark.parametrize("name", FILES)
def test_programs_in_the_simulator(name):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment |= {"NUMBA_ENABLE_CUDASIM": "1", "PYTEST_XDIST_WORKER": "simulator"}  # cache: ours
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, name], cwd=HERE.parent, env=environment, capture_output=True, text=True,
        timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
