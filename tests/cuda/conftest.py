"""Programs on the stub of the driver's library: see `stub/libcuda.c`, `stub/programs.py`."""

import collections
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

STUB = Path(__file__).resolve().parent / "stub"
ROOT = STUB.parents[2]
LIBRARIES = {"libcuda.c": "libcuda.so.1", "libcublasLt.c": "libcublasLt.so.13"}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The folder of the stubs, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("not installed: a C compiler (cc)")
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        pytest.skip("not installed: cuda-bindings")
    if sys.platform != "linux":
        pytest.skip("the stub is a library for Linux")
    folder = tmp_path_factory.mktemp("stub")
    for source, name in LIBRARIES.items():
        options = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{name}"]
        made = [str(STUB / source), "-o", str(folder / name), "-ldl"]
        subprocess.run([compiler, *options, *made], check=True)
    return folder


@pytest.fixture
def on_stub(library, tmp_path):
    """Runs a program; what it printed, and the stub's log as lists of words."""

    def run(name, **settings):
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
        environment |= {"LD_LIBRARY_PATH": str(library), "STUB_LOG": str(log)}
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment |= {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": path}
        environment |= {f"STUB_{k.upper()}": str(v) for k, v in settings.items()}
        command = [sys.executable, str(STUB / "programs.py"), name]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [line.split() for line in log.read_text().splitlines()]
        assert not [line for line in lines if line[0] == "BAD"]
        return SimpleNamespace(
            said=json.loads(done.stdout),
            log=lines,
            count=collections.Counter(line[0] for line in lines),
        )

    return run
