"""The kernels of a program as one piece of machine code, kept on disk for as long as it fits.

Needs numba-cuda and nvJitLink (`pip install --group cuda`); without them the tests are skipped.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import image
from codegen.cuda.device import DeviceError
from codegen.cuda.emit import emit
from codegen.cuda.kernels import GPU

NEEDED = {"numba_cuda": "numba-cuda", "cuda": "cuda-bindings"}
MISSING = [package for module, package in NEEDED.items() if find_spec(module) is None]
if MISSING:
    pytest.skip(f"not installed: {', '.join(MISSING)}", allow_module_level=True)
if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

HOPPER, AMPERE = (9, 0), (8, 0)


@pytest.fixture(scope="module")
def emitted():
    x, w = gd.tensor("x", ("n", 16)), gd.Variable(np.ones((16, 8), np.float32))
    program = gd.function([x], gd.tanh(x @ w) * 2, target="python").program
    return emit(program, "program", GPU)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHDL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_machine_code_is_compiled_once(emitted, folder):
    first = image.machine_code(emitted, "program", HOPPER)
    again = image.machine_code(emitted, "program", HOPPER)
    assert first.image[:4] == b"\x7fELF" and again.image == first.image
    assert (
        set(first.symbols) == {k.name for k in emitted.kernels} and again.symbols == first.symbols
    )
    assert not first.origin.cached and first.origin.compile_seconds > 0
    assert again.origin.cached and again.origin.compile_seconds == 0
    assert Path(first.origin.path).read_text(encoding="utf-8") == emitted.source
    assert all(s.encode() + b"\0" in first.image for s in first.symbols.values())


def test_a_damaged_file_is_written_again(emitted, folder):
    image.machine_code(emitted, "program", HOPPER)
    (file,) = folder.glob("*.cubin")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert not image.machine_code(emitted, "program", HOPPER).origin.cached
    assert image.machine_code(emitted, "program", HOPPER).origin.cached


def test_a_file_that_others_may_write_is_not_read(emitted, folder):
    image.machine_code(emitted, "program", HOPPER)
    (file,) = folder.glob("*.cubin")
    file.chmod(0o666)
    assert not image.machine_code(emitted, "program", HOPPER).origin.cached


def test_what_it_depends_on_is_in_its_name(emitted, monkeypatch):
    before = image._conditions(emitted, HOPPER)
    assert image._conditions(emitted, AMPERE) != before
    monkeypatch.setenv("NUMBA_CUDA_DEBUGINFO", "1")
    assert image._conditions(emitted, HOPPER) != before


def test_what_the_linker_refuses_is_said(emitted, monkeypatch):
    monkeypatch.setattr(image, "written", lambda *given: b"no code")
    with pytest.raises(DeviceError, match="nvJitLink could not make machine code of program"):
        image.machine_code(emitted, "program", HOPPER)
