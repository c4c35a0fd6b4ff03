"""Can CUDA kernels run here? If not: what is missing, and what to do about it."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec

OLDEST_DRIVER = 13000  # CUDA 13.0, as cuDriverGetVersion counts: driver 580
SIMULATOR = "To try the program without a GPU, set NUMBA_ENABLE_CUDASIM=1 before Python starts."


class CudaUnavailableError(RuntimeError):
    """Something that target="cuda" needs is missing; the message says what, and what to do."""


def require_device() -> None:
    """Raise CudaUnavailableError unless kernels can run: in the simulator, so far."""
    if simulated():
        return
    if find_spec("numba_cuda") is None:
        raise CudaUnavailableError(
            "target='cuda' compiles with numba-cuda, which is not installed: "
            f"pip install 'graphdl[cuda]'. {SIMULATOR}"
        )
    _require_driver(_driver())
    raise CudaUnavailableError(
        "this version compiles programs for GPUs, but cannot launch them on one yet; "
        f"use target='cpu'. {SIMULATOR}"
    )


def simulated() -> bool:
    """Is Numba's CUDA the simulator? Raises where that was asked for too late."""
    asked = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
    config = getattr(sys.modules.get("numba"), "config", None)
    if asked and config is not None and not config.ENABLE_CUDASIM:
        raise CudaUnavailableError(
            "NUMBA_ENABLE_CUDASIM was set after Numba had been loaded; set it before Python starts"
        )
    return asked


def _driver() -> ctypes.CDLL:
    """NVIDIA's driver library."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise CudaUnavailableError(
            f"no NVIDIA driver was found ({name} cannot be loaded). Install driver 580 or newer; in "
            f"a container, start it with its GPUs (docker run --gpus all). {SIMULATOR}"
        ) from None


def _require_driver(driver: ctypes.CDLL) -> None:
    """Raise where the driver finds no GPU, or is too old for what the compiler writes."""
    status = driver.cuInit(0)
    devices = ctypes.c_int(0)
    if status == 0:
        driver.cuDeviceGetCount(ctypes.byref(devices))
    if devices.value == 0:
        raise CudaUnavailableError(
            f"the NVIDIA driver finds no GPU (cuInit gave {status}). Look at nvidia-smi and at "
            f"CUDA_VISIBLE_DEVICES. {SIMULATOR}"
        )
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    if version.value < OLDEST_DRIVER:
        found, needed = (f"{v // 1000}.{v % 1000 // 10}" for v in (version.value, OLDEST_DRIVER))
        raise CudaUnavailableError(
            f"the NVIDIA driver is too old: it knows CUDA {found}, programs need {needed}. "
            "Install driver 580 or newer"
        )
