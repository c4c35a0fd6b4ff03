"""A device in Numba's CUDA simulator: its memory is NumPy's, its launches are Python.

Addresses are whole numbers like a GPU's: memory that was given back, or lies outside of what was
asked for, is not found again.
"""

from __future__ import annotations

import sys
import time
import warnings
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from threading import RLock
from typing import Any

import numpy as np

from codegen import cache
from codegen.cuda.arrays import Shared
from codegen.cuda.dependencies import Touched, touched, waits
from codegen.cuda.device import DeviceError
from codegen.cuda.emit import Emitted
from codegen.cuda.interface import Image, Origin, Pointer
from codegen.cuda.kernels import SIMULATOR, Shape
from codegen.cuda.launch import Launch
from codegen.cuda.simulated_blas import Multiplication, SimulatedBlas

BLOCKS = 2  # at most of a launch: they run one after the other
BYTES = 1 << 32  # of memory
ALIGN = 256  # bytes, as the driver's


@dataclass(frozen=True)
class Simulation:
    """A launch on arrays that lie in the device's memory."""

    kernel: Any
    grid: int
    block: int
    arguments: tuple[Pointer | np.generic, ...]
    touched: Touched


Launched = Simulation | Multiplication


class Simulated:
    """The simulator as a device."""

    name = "Numba's CUDA simulator"
    stream = None
    lost = False

    def __init__(self) -> None:
        self.lock = RLock()
        self._blocks: dict[int, np.ndarray] = {}
        self._next = ALIGN
        self._aside: deque[tuple[int, int, np.ndarray]] = deque()  # moment, where to, what
        self._moments = 0

    @property
    def shape(self) -> Shape:
        return SIMULATOR

    @property
    def most_blocks(self) -> int:
        return BLOCKS

    # -------------------------------------------------- memory

    def memory(self) -> tuple[int, int]:
        return BYTES - sum(b.nbytes for b in self._blocks.values()), BYTES

    def allocate(self, nbytes: int, what: str) -> int:
        address = self._next
        self._blocks[address] = np.zeros(nbytes, np.uint8)
        self._next += -(-max(1, nbytes) // ALIGN) * ALIGN
        return address

    def free(self, address: int) -> None:
        self.wait(self._moments)
        self._blocks.pop(address, None)

    def draw(self, nbytes: int, what: str) -> int:
        return self.allocate(nbytes, what)

    def give_back(self, address: int, shared: Shared) -> None:
        self.free(address)

    def upload(self, address: int, array: np.ndarray) -> None:
        self._view(Pointer(address, "uint8", array.nbytes))[:] = _bytes(array)

    def download(self, address: int, array: np.ndarray) -> None:
        _bytes(array)[:] = self._view(Pointer(address, "uint8", array.nbytes))

    def upload_aside(self, address: int, array: np.ndarray) -> int:
        """It arrives as late as it may: where somebody should wait for it and does not, it shows."""
        self._moments += 1
        self._aside.append((self._moments, address, array.copy()))
        return self._moments

    def wait(self, moment: int) -> None:
        while self._aside and self._aside[0][0] <= moment:
            _, address, array = self._aside.popleft()
            self.upload(address, array)

    def copy(self, to: int, source: int, nbytes: int) -> None:
        self._view(Pointer(to, "uint8", nbytes))[:] = self._view(Pointer(source, "uint8", nbytes))

    def _view(self, pointer: Pointer) -> np.ndarray:
        """The memory behind a pointer; DeviceError where it is nobody's."""
        starts = sorted(self._blocks)
        at = bisect_right(starts, pointer.address) - 1
        dtype = np.dtype("uint8" if pointer.dtype == "bool" else pointer.dtype)
        first = pointer.address - starts[at] if at >= 0 else 0
        last = first + pointer.count * dtype.itemsize
        if at < 0 or last > self._blocks[starts[at]].nbytes:
            raise DeviceError(f"no memory of the device holds {pointer}")
        return self._blocks[starts[at]][first:last].view(dtype)

    # -------------------------------------------------- launches

    def load(self, emitted: Emitted, name: str) -> Image:
        from numba import cuda  # noqa: PLC0415 - it takes a second to load

        module = cache.load(emitted.source, name, jit=None)
        functions = {k.name: cuda.jit(getattr(module, k.name)) for k in emitted.kernels}
        return Image(functions, Origin(module.__graphdl__["path"], False, 0.0))  # type: ignore[attr-defined]

    def prepare(self, image: Image, launch: Launch, pointers: Sequence[Pointer]) -> Simulation:
        function = image.functions[launch.kernel]
        given = (*pointers, *launch.numbers)
        return Simulation(function, launch.grid, launch.block, given, touched(launch, pointers))

    def blas(self) -> SimulatedBlas:
        return SimulatedBlas()

    def launch(self, prepared: Launched) -> None:
        with _simulating():
            self._run(prepared)

    def capture(self, step: Sequence[Launched], times: int) -> tuple[Launched, ...]:
        launches = tuple(step) * times
        return tuple(launches[k] for k in latest_first(waits([p.touched for p in launches])))

    def replay(self, graph: tuple[Launched, ...]) -> None:
        with _simulating():
            for prepared in graph:
                self._run(prepared)

    def release(self, graph: tuple[Launched, ...]) -> None:
        pass

    def follow(self, stream: int) -> None:
        pass

    def lead(self, stream: int) -> None:
        pass

    def mark(self) -> float:
        return time.perf_counter()

    def milliseconds(self, first: float, last: float) -> float:
        return (last - first) * 1e3

    def _run(self, prepared: Launched) -> None:
        """All threads in turn."""
        if isinstance(prepared, Multiplication):
            prepared.run(*map(self._view, prepared.places))
            return
        from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray  # noqa: PLC0415

        given = [
            FakeCUDAArray(self._view(a)) if isinstance(a, Pointer) else a
            for a in prepared.arguments
        ]
        prepared.kernel[prepared.grid, prepared.block](*given)


def latest_first(waits: Sequence[tuple[int, ...]]) -> Iterator[int]:
    """An order in which nobody comes before those it waits for, as far as can be from that given.

    A GPU may take any such order: where a launch should wait for another one and does not, it shows.
    """
    pending = [len(earlier) for earlier in waits]
    later: list[list[int]] = [[] for _ in waits]
    for k, earlier in enumerate(waits):
        for j in earlier:
            later[j].append(k)
    ready = [-k for k, count in enumerate(pending) if not count]
    heapify(ready)
    while ready:
        k = -heappop(ready)
        yield k
        for j in later[k]:
            pending[j] -= 1
            if not pending[j]:
                heappush(ready, -j)


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


def _shared_array(shared: Any, shape: Any, dtype: Any, alignment: int = 0) -> np.ndarray:
    """A block's shared array, known by the line that asks for it: the first thread's, for all.

    In place of the simulator's own function, by which two threads that ask at the same time may each
    get an array of their own.
    """
    from numba.np.numpy_support import as_dtype  # noqa: PLC0415 - it takes a second to load

    asks = sys._getframe(1)
    made = np.empty(shape, dtype if isinstance(dtype, type) else as_dtype(dtype))
    return shared._allocations.setdefault((asks.f_code.co_filename, asks.f_lineno), made)


@contextmanager
def _simulating() -> Iterator[None]:
    """Floats overflow without a word, as they do on a GPU; and the simulator's threads take turns fast.

    It looks for the end of a block in a loop, which holds up the threads it waits for.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared  # noqa: PLC0415 - likewise

    before, own = sys.getswitchinterval(), FakeCUDAShared.array
    FakeCUDAShared.array = _shared_array
    with warnings.catch_warnings():  # in all threads, which NumPy's own switch would not reach
        warnings.simplefilter("ignore", RuntimeWarning)
        sys.setswitchinterval(5e-5)
        try:
            yield
        finally:
            sys.setswitchinterval(before)
            FakeCUDAShared.array = own
