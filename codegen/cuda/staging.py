"""Copies between host and device through memory that the driver has pinned.

Two pieces take turns: while the GPU copies one, the host fills or empties the other.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from cuda.bindings import driver as cu

PIECE = 1 << 22  # bytes

Do = Callable[..., Any]  # a call of the driver, its status looked at


@dataclass(frozen=True)
class Piece:
    """Pinned memory, and the moment at which its last copy is done."""

    address: int
    bytes: np.ndarray
    done: Any


class Staging:
    """Copies on one stream. Its memory is kept until the process ends."""

    def __init__(self, do: Do, stream: Any) -> None:
        self._do, self.stream = do, stream
        self._pieces = itertools.cycle([self._piece() for _ in range(2)])

    def _piece(self) -> Piece:
        address = int(self._do("pin memory of the host", cu.cuMemHostAlloc, PIECE, 0))
        memory = (ctypes.c_uint8 * PIECE).from_address(address)
        flags = cu.CUevent_flags.CU_EVENT_DISABLE_TIMING
        return Piece(
            address,
            np.ctypeslib.as_array(memory),
            self._do("make an event", cu.cuEventCreate, flags),
        )

    def upload(self, address: int, array: np.ndarray) -> None:
        """All has been read from the array when this returns; the copy may still be under way."""
        host = array.reshape(-1).view(np.uint8)
        for piece, part in self._turns(host.nbytes):
            size = part.stop - part.start
            self._wait(piece)
            piece.bytes[:size] = host[part]
            doing = f"copy {size:,} bytes to the GPU"
            at = address + part.start
            self._do(doing, cu.cuMemcpyHtoDAsync, at, piece.address, size, self.stream)
            self._record(piece)

    def download(self, address: int, array: np.ndarray) -> None:
        """All is in the array when this returns."""
        host = array.reshape(-1).view(np.uint8)
        under_way: tuple[Piece, slice] | None = None
        for piece, part in self._turns(host.nbytes):
            size = part.stop - part.start
            self._wait(piece)
            doing = f"copy {size:,} bytes from the GPU"
            at = address + part.start
            self._do(doing, cu.cuMemcpyDtoHAsync, piece.address, at, size, self.stream)
            self._record(piece)
            if under_way is not None:
                self._take(*under_way, host)
            under_way = piece, part
        if under_way is not None:
            self._take(*under_way, host)

    def _turns(self, nbytes: int) -> Iterator[tuple[Piece, slice]]:
        for first in range(0, nbytes, PIECE):
            yield next(self._pieces), slice(first, min(first + PIECE, nbytes))

    def _take(self, piece: Piece, part: slice, host: np.ndarray) -> None:
        self._wait(piece)
        host[part] = piece.bytes[: part.stop - part.start]

    def _wait(self, piece: Piece) -> None:
        self._do("wait for the GPU", cu.cuEventSynchronize, piece.done)

    def _record(self, piece: Piece) -> None:
        self._do("record an event", cu.cuEventRecord, piece.done, self.stream)
