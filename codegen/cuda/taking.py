"""Arrays on the device: made there, copied from the host, or taken from other libraries as they lie.

No GPU has confirmed any of this yet.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from codegen.cuda import dlpack
from codegen.cuda.arrays import LEGACY, DeviceArray, is_on_device
from codegen.cuda.current import current_device
from codegen.cuda.interface import Device


def empty(shape: tuple[int, ...], dtype: Any, device: Device | None = None) -> DeviceArray:
    """A fresh array, whose elements are anything."""
    device = device or current_device()
    made = DeviceArray(device, 0, shape, dtype)
    with device.lock:
        made.address = device.draw(max(1, made.nbytes), f"an array of shape {made.shape}")
    weakref.finalize(made, device.give_back, made.address, made.shared).atexit = False
    return made


def to_device(value: Any, device: Device | None = None) -> DeviceArray:
    """The value on the device: an array there as it lies, whoever made it; any other one as a copy."""
    device = device or current_device()
    if isinstance(value, DeviceArray):
        return value
    if not is_on_device(value):
        host = np.ascontiguousarray(value).reshape(np.shape(value))
        with device.lock:
            made = empty(host.shape, host.dtype, device)
            device.upload(made.address, host)
        return made
    if hasattr(value, "__dlpack__"):
        return _by_dlpack(value, device)
    return _by_interface(value, device)


def _by_dlpack(value: Any, device: Device) -> DeviceArray:
    stream = LEGACY if device.stream is None else device.stream
    try:
        capsule = value.__dlpack__(stream=stream, max_version=dlpack.VERSION)
    except TypeError:  # from before versions
        capsule = value.__dlpack__(stream=stream)
    block = dlpack.take(capsule)
    made = DeviceArray(device, block.address, block.shape, block.dtype)
    weakref.finalize(made, block.done)
    return made


def _by_interface(value: Any, device: Device) -> DeviceArray:
    said = value.__cuda_array_interface__
    shape, dtype = tuple(said["shape"]), np.dtype(said["typestr"])
    if said.get("mask") is not None or dtype.kind not in "fiub" or not dtype.isnative:
        raise BufferError("expected an array of floats, whole numbers or truths, without a mask")
    if (strides := said.get("strides")) is not None:
        dlpack.require_order(shape, [s / dtype.itemsize for s in strides])
    if said.get("stream") is not None:
        device.follow(said["stream"])
    return DeviceArray(device, said["data"][0], shape, dtype, value)
