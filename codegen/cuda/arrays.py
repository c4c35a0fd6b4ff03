"""Arrays on the device, taken from other libraries and given to them without a copy.

By `__cuda_array_interface__` (version 3) and by DLPack. No GPU has confirmed any of this yet.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np

from codegen.cuda import dlpack
from codegen.cuda.current import current_device
from codegen.cuda.interface import Device
from codegen.cuda.mirrors import allocated

LEGACY = 1  # the stream that libraries use where they name none


class DeviceArray:
    """An array in C order on the device.

    Attributes: `shape`, `dtype`, `ndim`, `size`, `nbytes`, `address`. `numpy()` is a copy on the host.
    torch, CuPy and JAX take it by `from_dlpack`, Numba by `as_cuda_array`, none with a copy.
    """

    needed = 0  # bytes of the device that a program would have to allocate for it

    def __init__(
        self, device: Device, address: int, shape: tuple[int, ...], dtype: Any, owner: Any = None
    ) -> None:
        self.address, self.shape, self.dtype = address, tuple(shape), np.dtype(dtype)
        self._device, self._owner = device, owner  # who keeps the memory, if it is not this array

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def reshape(self, shape: Any) -> DeviceArray:
        """The same memory under another shape."""
        axes = (shape,) if isinstance(shape, int) else tuple(shape)
        if math.prod(axes) != self.size:
            raise ValueError(f"{self.size} elements cannot have the shape {axes}")
        return DeviceArray(self._device, self.address, axes, self.dtype, self)

    def numpy(self) -> np.ndarray:
        """A copy on the host."""
        made = np.empty(self.shape, self.dtype)
        with self._device.lock:
            self._device.download(self.address, made)
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an array on the device comes to the host as a copy")
        return self.numpy().astype(dtype or self.dtype, copy=False)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceArray({self.numpy()!r})"

    # -------------------------------------------------- what a program asks of it

    def renew(self) -> None:
        """Nothing: it is where the program needs it."""

    def place_of(self, array: Any) -> int:
        return array.address

    # -------------------------------------------------- what other libraries ask of it

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Version 3: who takes it waits for `stream`."""
        return {
            "shape": self.shape, "typestr": self.dtype.str, "data": (self.address, False),
            "strides": None, "version": 3, "stream": self._device.stream,
        }  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, 0

    def __dlpack__(
        self, *, stream: int | None = None, max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None, copy: bool | None = None,
    ) -> Any:  # fmt: skip
        """A capsule; what comes on `stream` waits for this array (-1: it need not)."""
        if dl_device not in (None, self.__dlpack_device__()) or copy:
            raise BufferError("this array is given where it lies, and without a copy; see numpy()")
        if stream == 0:
            raise BufferError("stream 0 could be two different streams; give 1 or 2")
        if stream != -1:
            self._device.lead(LEGACY if stream is None else stream)
        versioned = max_version is not None and max_version >= dlpack.VERSION
        return dlpack.give(self.address, self.shape, self.dtype, self, versioned)


# ------------------------------------------------------------------ making


def empty(shape: tuple[int, ...], dtype: Any, device: Device) -> DeviceArray:
    """A fresh array, whose elements are anything."""
    made = DeviceArray(device, 0, shape, dtype)
    made.address = allocated(made, device, made.nbytes, f"an array of shape {made.shape}")
    return made


def is_on_device(value: Any) -> bool:
    """Does a value say that it lies on a GPU?"""
    if isinstance(value, (DeviceArray, np.ndarray)):
        return isinstance(value, DeviceArray)
    if getattr(value, "__cuda_array_interface__", None) is not None:
        return True
    place = getattr(value, "__dlpack_device__", None)
    return place is not None and place()[0] == dlpack.CUDA


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
