"""What is missing for target="cuda" is said, and what to do."""

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import device
from graphdl.compile import require_target
from graphdl.core.errors import TargetError


def function():
    x = gd.tensor("x", ("n",))
    return gd.function([x], x + 1, target="cuda")


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(device, "find_spec", lambda name: object())
    device._require_toolkit.cache_clear()
    yield
    device._require_toolkit.cache_clear()


class Driver:
    """A driver's library, of which the test says what it answers."""

    def __init__(self, status=0, devices=1, version=13000, capability=(9, 0)):
        self.status, self.devices, self.version = status, devices, version
        self.capability = capability

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = self.devices

    def cuDriverGetVersion(self, version):
        version._obj.value = self.version

    def cuDeviceGet(self, device, number):
        device._obj.value = number

    def cuDeviceGetName(self, name, size, device):
        name.value = b"A GPU"

    def cuDeviceGetAttribute(self, value, which, number):
        value._obj.value = self.capability[which - device.MAJOR]


def test_no_compiler(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match=r"pip install 'graphdl\[cuda\]'.*NUMBA_ENABLE_CUDASIM=1"):
        function()
    with pytest.raises(TargetError, match=r"pip install 'graphdl\[cuda\]'"):
        gd.to_device([1.0])


def test_no_driver(installed, monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(TargetError, match=r"no NVIDIA driver was found.*Install driver 580"):
        function()


@pytest.mark.parametrize("driver", [Driver(status=100, devices=0), Driver(devices=0)])
def test_no_gpu(installed, monkeypatch, driver):
    monkeypatch.setattr(device, "_driver", lambda: driver)
    with pytest.raises(TargetError, match=f"finds no GPU \\(cuInit gave {driver.status}\\)"):
        function()


def test_an_old_driver(installed, monkeypatch):
    monkeypatch.setattr(device, "_driver", lambda: Driver(version=12080))
    with pytest.raises(TargetError, match=r"knows CUDA 12\.8, programs need 13\.0"):
        function()


def test_an_old_gpu(installed, monkeypatch):
    monkeypatch.setattr(device, "_driver", lambda: Driver(capability=(7, 0)))
    with pytest.raises(
        TargetError, match=r"A GPU is too old: .* is 7\.0, CUDA 13 begins with 7\.5"
    ):
        function()


@pytest.mark.parametrize("library", device.LIBRARIES)
def test_a_part_of_the_compiler_is_missing(installed, monkeypatch, library):
    def load(name):
        if name == library:
            raise RuntimeError("no such file\nlooked everywhere")

    monkeypatch.setattr(device, "_driver", Driver)
    monkeypatch.setattr(device, "_load", load)
    wanted = (
        f"{library} library.*pip install '{device.LIBRARIES[library]}>=13,<14'.*no such file\\)$"
    )
    with pytest.raises(TargetError, match=wanted):
        function()


def test_no_bindings(installed, monkeypatch):
    def find(name):
        if name == "cuda.bindings":
            raise ModuleNotFoundError("No module named 'cuda'")
        return object()

    monkeypatch.setattr(device, "find_spec", find)
    with pytest.raises(TargetError, match=r"needs cuda-bindings.*pip install 'graphdl\[cuda\]'"):
        function()


def test_auto_is_the_cpu_where_something_is_missing(installed, monkeypatch):
    monkeypatch.setattr(device, "_driver", lambda: Driver(version=12080))
    x = gd.tensor("x", ("n",))
    f = gd.function([x], x + 1, target="auto")
    assert f.target == "cpu"
    assert (
        f.explain().splitlines()[0].startswith("target cpu: the NVIDIA driver is too old: it knows")
    )


def test_auto_is_the_gpu_where_all_is_there(installed, monkeypatch):
    monkeypatch.setattr(device, "_driver", Driver)
    monkeypatch.setattr(device, "_load", lambda name: None)
    assert str(require_target("auto")) == "cuda: A GPU, compute capability 9.0"


def test_auto_is_never_the_simulator(monkeypatch):
    monkeypatch.setattr(device, "simulated", lambda: True)
    assert require_target("auto").name == "cpu"


def test_a_model_says_what_auto_picked(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    model = gd.Sequential([gd.layers.Input((2,)), gd.layers.Dense(1)])
    model.compile("adam", "mse", target="auto")
    assert model.compiled_target == "cpu"
    model.fit(np.zeros((2, 2)), np.zeros(2), verbose=0)
    assert "target cpu: target='cuda' needs numba-cuda" in model.explain()


def test_a_model_is_refused_when_it_is_compiled(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    model = gd.Sequential([gd.layers.Input((2,)), gd.layers.Dense(1)])
    with pytest.raises(TargetError, match="numba-cuda"):
        model.compile("adam", "mse", target="cuda")


def test_the_simulator_asked_for_too_late():
    code = (
        "import os, numba, graphdl as gd; os.environ['NUMBA_ENABLE_CUDASIM'] = '1';"
        "x = gd.tensor('x', ('n',)); gd.function([x], x + 1, target='cuda')"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "TargetError: NUMBA_ENABLE_CUDASIM was set after Numba had been loaded" in done.stderr


def test_a_shared_array_is_one_for_all_who_ask_on_a_line():
    from types import SimpleNamespace

    from codegen.cuda.simulated import _shared_array

    shared = SimpleNamespace(_allocations={})
    same = [_shared_array(shared, 4, np.float32) for _ in range(3)]
    other = _shared_array(shared, 4, np.float32)
    assert all(a is same[0] for a in same) and other is not same[0]
    assert same[0].shape == (4,) and same[0].dtype == np.float32
