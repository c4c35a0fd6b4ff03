"""What is missing for target="cuda" is said, and what to do."""

import ctypes
import os
import subprocess
import sys

import pytest

import graphdl as gd
from codegen.cuda import device
from graphdl.core.errors import TargetError


def function():
    x = gd.tensor("x", ("n",))
    return gd.function([x], x + 1, target="cuda")


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(device, "find_spec", lambda name: object())


class Driver:
    """A driver's library, of which the test says what it answers."""

    def __init__(self, status=0, devices=1, version=13000):
        self.status, self.devices, self.version = status, devices, version

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = self.devices

    def cuDriverGetVersion(self, version):
        version._obj.value = self.version


def test_no_compiler(monkeypatch):
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match=r"pip install 'graphdl\[cuda\]'.*NUMBA_ENABLE_CUDASIM=1"):
        function()


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


def test_a_gpu_is_not_used_yet(installed, monkeypatch):
    monkeypatch.setattr(device, "_driver", Driver)
    with pytest.raises(TargetError, match="cannot launch them on one yet; use target='cpu'"):
        function()


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

    import numpy as np

    from codegen.cuda.simulated import _shared_array

    shared = SimpleNamespace(_allocations={})
    same = [_shared_array(shared, 4, np.float32) for _ in range(3)]
    other = _shared_array(shared, 4, np.float32)
    assert all(a is same[0] for a in same) and other is not same[0]
    assert same[0].shape == (4,) and same[0].dtype == np.float32
