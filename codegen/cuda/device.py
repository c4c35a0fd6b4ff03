"""Can CUDA kernels run here? If not: what is missing, and what to do about it."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from importlib import import_module
from importlib.util import find_spec

OLDEST_DRIVER = 13000  # CUDA 13.0, as cuDriverGetVersion counts: driver 580
OLDEST_GPU = (7, 5)  # the compute capability that CUDA 13 begins with: Turing
MAJOR, MINOR = 75, 76  # attributes of a GPU
SIMULATOR = "To try the program without a GPU, set NUMBA_ENABLE_CUDASIM=1 before Python starts."
PACKAGES = {"numba_cuda": "numba-cuda", "cuda.bindings": "cuda-bindings"}
LIBRARIES = {"nvvm": "nvidia-nvvm", "nvrtc": "nvidia-cuda-nvrtc", "nvJitLink": "nvidia-nvjitlink"}


class CudaUnavailableError(RuntimeError):
    """Something that target="cuda" needs is missing; the message says what, and what to do."""


class DeviceError(RuntimeError):
    """What a GPU or its driver refused: what was asked for, the driver's answer, and the cure."""


def require_device() -> str:
    """What kernels would run on; CudaUnavailableError where they cannot."""
    if simulated():
        return "Numba's CUDA simulator"
    for module, package in PACKAGES.items():
        if not _is_there(module):
            raise CudaUnavailableError(
                f"target='cuda' needs {package}, which is not installed: "
                f"pip install 'graphdl[cuda]'. {SIMULATOR}"
            )
    name = _require_driver(_driver())
    _require_toolkit()
    return name


def require_blas(precision: str) -> None:
    """Raise where there is no library that multiplies in this precision: our kernels do not."""
    if missing := "" if simulated() else missing_blas():
        raise CudaUnavailableError(
            f"matmul_precision={precision!r} needs NVIDIA's library cuBLASLt: {missing}. Or leave "
            "matmul_precision at 'float32', which needs no library"
        )


@functools.cache
def missing_blas() -> str:
    """What cuBLASLt lacks here, and what to do about it; "" where nothing."""
    if not _is_there("nvmath"):
        return "nvmath-python is not installed: pip install 'graphdl[cuda]'"
    try:
        _load("cublasLt")
    except Exception as error:
        return f"it cannot be loaded: pip install 'nvidia-cublas>=13,<14' ({_first_line(error)})"
    try:
        import_module("nvmath.bindings.cublasLt")  # half a second
    except Exception as error:
        return (
            "nvmath-python is there, and cannot be imported: pip install --upgrade 'graphdl[cuda]' "
            f"({_first_line(error)})"
        )
    return ""


def simulated() -> bool:
    """Is Numba's CUDA the simulator? Raises where that was asked for too late."""
    asked = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
    config = getattr(sys.modules.get("numba"), "config", None)
    if asked and config is not None and not config.ENABLE_CUDASIM:
        raise CudaUnavailableError(
            "NUMBA_ENABLE_CUDASIM was set after Numba had been loaded; set it before Python starts"
        )
    return asked


def found() -> tuple[str, str]:
    """("cuda", the GPU) where kernels can run on one, else ("cpu", what is missing)."""
    try:
        if simulated():
            return "cpu", "NUMBA_ENABLE_CUDASIM is set, and the simulator is for tests"
        return "cuda", require_device()
    except CudaUnavailableError as missing:
        return "cpu", str(missing).removesuffix(f" {SIMULATOR}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package in which it would be
        return False


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


def _require_driver(driver: ctypes.CDLL) -> str:
    """The GPU's name; raises where there is none, or it or the driver is too old for the compiler."""
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
        known, needed = (f"{v // 1000}.{v % 1000 // 10}" for v in (version.value, OLDEST_DRIVER))
        raise CudaUnavailableError(
            f"the NVIDIA driver is too old: it knows CUDA {known}, programs need {needed}. "
            "Install driver 580 or newer"
        )
    return _require_gpu(driver)


def _require_gpu(driver: ctypes.CDLL) -> str:
    """The first GPU's name; raises where it is too old."""
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    numbers = [ctypes.c_int(0), ctypes.c_int(0)]
    for number, which in zip(numbers, (MAJOR, MINOR), strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(number), which, device)
    capability, shown = tuple(n.value for n in numbers), name.value.decode(errors="replace")
    if capability < OLDEST_GPU:
        has, needed = (".".join(map(str, c)) for c in (capability, OLDEST_GPU))
        raise CudaUnavailableError(
            f"{shown} is too old: its compute capability is {has}, CUDA 13 begins with {needed}. "
            "Choose another GPU by CUDA_VISIBLE_DEVICES, or use target='cpu'"
        )
    return f"{shown}, compute capability {'.'.join(map(str, capability))}"


@functools.cache
def _require_toolkit() -> None:
    """Raise where a library that the compiler needs cannot be loaded."""
    for library, package in LIBRARIES.items():
        try:
            _load(library)
        except Exception as error:
            raise CudaUnavailableError(
                f"CUDA's {library} library, with which kernels are compiled, cannot be loaded: "
                f"pip install '{package}>=13,<14', or install the CUDA 13 toolkit and set CUDA_HOME "
                f"({_first_line(error)})"
            ) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _load(library: str) -> None:
    from cuda.pathfinder import load_nvidia_dynamic_lib  # noqa: PLC0415 - comes with cuda-bindings

    load_nvidia_dynamic_lib(library)
