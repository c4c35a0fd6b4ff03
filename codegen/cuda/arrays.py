"""Arrays on the device, which other libraries take without a copy.

By `__cuda_array_interface__` (version 3) and by DLPack. No GPU has confirmed any of this yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from codegen.cuda import dlpack

if TYPE_CHECKING:
    from codegen.cuda.interface import Device

LEGACY = 1  # the stream that libraries use where they name none


@dataclass
class Shared:
    """Was this memory ever handed to another library, which may use it on any stream?"""

    out: bool = False


class DeviceArray:
    """An array in C order on the device.

    Attributes: `shape`, `dtype`, `ndim`, `size`, `nbytes`, `address`. `numpy()` is a copy on the host;
    `a[first:last]` are rows, and `reshape` another shape, of the same memory.
    torch, CuPy and JAX take it by `from_dlpack`, Numba by `as_cuda_array`, none with a copy.
    """

    needed = 0  # bytes of the device that a program would have to allocate for it
    flags = SimpleNamespace(c_contiguous=True)  # as NumPy's arrays have them

    def __init__(
        self, device: Device, address: int, shape: tuple[int, ...], dtype: Any, owner: Any = None
    ) -> None:
        self.address, self.shape, self.dtype = address, tuple(shape), np.dtype(dtype)
        self._device, self._owner = device, owner  # who keeps the memory, if it is not this array
        self.shared = owner.shared if isinstance(owner, DeviceArray) else Shared()

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

    def __getitem__(self, rows: slice) -> DeviceArray:
        """Rows that lie one after the other; IndexError on all else."""
        if not (isinstance(rows, slice) and self.shape and rows.step in (None, 1)):
            raise IndexError(
                "an array on the device gives rows that follow each other, as a[first:last]; for "
                "others take them from numpy(), its copy on the host"
            )
        first, last, _ = rows.indices(len(self))
        count = max(0, last - first)
        start = self.address + first * math.prod(self.shape[1:]) * self.dtype.itemsize
        return DeviceArray(self._device, start, (count, *self.shape[1:]), self.dtype, self)

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
        self.shared.out = True
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
        self.shared.out = True
        versioned = max_version is not None and max_version >= dlpack.VERSION
        return dlpack.give(self.address, self.shape, self.dtype, self, versioned)


def is_on_device(value: Any) -> bool:
    """Does a value say that it lies on a GPU?"""
    if isinstance(value, (DeviceArray, np.ndarray)):
        return isinstance(value, DeviceArray)
    if getattr(value, "__cuda_array_interface__", None) is not None:
        return True
    place = getattr(value, "__dlpack_device__", None)
    return place is not None and place()[0] == dlpack.CUDA
