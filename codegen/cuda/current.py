"""The one device of this process."""

from __future__ import annotations

import functools

from codegen.cuda.device import require_device, simulated
from codegen.cuda.interface import Blas, Device
from codegen.cuda.mirrors import Mirrors
from codegen.cuda.simulated import Simulated


@functools.cache
def current_device() -> Device:
    """The GPU, or the simulator where that was asked for; CudaUnavailableError where there is none."""
    require_device()
    if simulated():
        return Simulated()
    from codegen.cuda.driver import Driver  # noqa: PLC0415 - cuda-bindings is not everywhere

    return Driver()


@functools.cache
def mirrors(device: Device) -> Mirrors:
    """All host arrays that a device holds."""
    return Mirrors(device)


@functools.cache
def blas(device: Device) -> Blas | None:
    """The library for large products on a device; None where it is not installed."""
    return device.blas()
