"""Launches as the driver takes them: their arguments in memory, packed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.cuda.dependencies import Touched, touched
from codegen.cuda.interface import Image, Pointer
from codegen.cuda.launch import Launch

SLOT = 8  # bytes of an argument


@dataclass(frozen=True)
class Packed:
    """A launch whose arguments lie as the driver takes them: addresses of values."""

    function: Any
    name: str
    grid: int
    block: int
    values: np.ndarray  # eight bytes each
    addresses: np.ndarray  # of the values
    image: Image  # whose code must not go before
    touched: Touched


def packed(image: Image, launch: Launch, pointers: Sequence[Pointer]) -> Packed:
    """A launch on the clock and the buffers, then on its numbers."""
    values = np.zeros((len(pointers) + len(launch.numbers), SLOT), np.uint8)
    given = [*(np.uint64(p.address) for p in pointers), *launch.numbers]
    for slot, value in zip(values, given, strict=True):
        slot[: value.nbytes] = np.frombuffer(value.tobytes(), np.uint8)
    addresses = values.ctypes.data + SLOT * np.arange(len(values), dtype=np.uint64)
    function = image.functions[launch.kernel]
    return Packed(
        function, launch.kernel, launch.grid, launch.block, values, addresses, image,
        touched(launch, pointers),
    )  # fmt: skip
