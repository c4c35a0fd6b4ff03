"""Programs as CUDA kernels give what they give on the CPU: run by Numba's simulator, without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_programs_in_the_simulator():
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "simulated"]
    done = subprocess.run(
        command, cwd=HERE, env=environment | {"NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True,
        text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
