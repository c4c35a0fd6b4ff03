"""What a device can do: the one list of it that the runtime is written against.

`driver.Driver` is a GPU behind NVIDIA's driver, `simulated.Simulated` keeps memory in NumPy and runs
launches in Numba's simulator. All that is asked of a device is done in the order in which it is asked,
but for copies aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, Protocol

import numpy as np

from codegen.cuda.arrays import Shared
from codegen.cuda.blas import Product
from codegen.cuda.emit import Emitted
from codegen.cuda.kernels import Shape
from codegen.cuda.launch import Launch


@dataclass(frozen=True)
class Pointer:
    """Where so many elements lie on the device."""

    address: int
    dtype: str
    count: int


@dataclass(frozen=True)
class Origin:
    """Where a program's machine code came from."""

    path: str
    cached: bool
    compile_seconds: float


@dataclass(frozen=True)
class Image:
    """A program's kernels on a device, by their names in the program."""

    functions: dict[str, Any]
    origin: Origin


class Blas(Protocol):
    """A library for products of large matrices on a device."""

    @property
    def needed(self) -> int:
        """Bytes of the device that it still has to take for itself."""
        ...

    def prepare(self, product: Product, a: Pointer, b: Pointer, out: Pointer) -> Any:
        """A product with all that it needs, to be launched and captured like a kernel."""
        ...


class Device(Protocol):
    """A GPU, or what stands in for one."""

    name: str
    lost: bool  # has a kernel failed so that nothing on the device can be read any more?
    lock: RLock  # held by who runs a program: memory and clocks are everybody's

    @property
    def shape(self) -> Shape:
        """What is known of the kernels that it takes."""
        ...

    @property
    def most_blocks(self) -> int:
        """Blocks of one launch; a kernel does all its work with any number."""
        ...

    @property
    def stream(self) -> int | None:
        """On which all of it happens, for other libraries; None where there is none."""
        ...

    def memory(self) -> tuple[int, int]:
        """Bytes that are free, and bytes in all."""
        ...

    def allocate(self, nbytes: int, what: str) -> int:
        """Memory for `what`, which the error names where there is none; its address."""
        ...

    def free(self, address: int) -> None:
        """Give memory back; never raises, as it is called when objects end."""
        ...

    def draw(self, nbytes: int, what: str) -> int:
        """Memory for an array that a call returns, at best what another such array had before."""
        ...

    def give_back(self, address: int, shared: Shared) -> None:
        """Such memory is needed no more; never raises, as it is called when objects end."""
        ...

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy a C-ordered array to the device. It may be changed when this returns."""
        ...

    def download(self, address: int, array: np.ndarray) -> None:
        """Fill a C-ordered array from the device, after all that was asked before."""
        ...

    def upload_aside(self, address: int, array: np.ndarray) -> Any:
        """Copy to memory that nothing asked so far needs, while that is done; the moment after it."""
        ...

    def wait(self, moment: Any) -> None:
        """What is asked from here on comes after the moment."""
        ...

    def copy(self, to: int, source: int, nbytes: int) -> None:
        """Copy within the device, from one address to another."""
        ...

    def load(self, emitted: Emitted, name: str) -> Image:
        """The kernels of a module, compiled where they were not yet."""
        ...

    def prepare(self, image: Image, launch: Launch, pointers: Sequence[Pointer]) -> Any:
        """A launch with its arguments, packed once: the clock and the buffers, then the numbers."""
        ...

    def blas(self) -> Blas | None:
        """A new library for large products; None where it is not installed."""
        ...

    def launch(self, prepared: Any) -> None:
        """Run a prepared launch."""
        ...

    def capture(self, step: Sequence[Any], times: int) -> Any:
        """A graph of prepared launches, so many times over, that gives what they give in a row."""
        ...

    def replay(self, graph: Any) -> None:
        """Run all launches of a graph."""
        ...

    def release(self, graph: Any) -> None:
        """Give a graph back; never raises."""
        ...

    def follow(self, stream: int) -> None:
        """What is asked from here on waits for what another library has asked on its stream."""
        ...

    def lead(self, stream: int) -> None:
        """What another library asks on its stream from here on waits for what was asked here."""
        ...

    def mark(self) -> Any:
        """A moment between what was asked before and what comes after."""
        ...

    def milliseconds(self, first: Any, last: Any) -> float:
        """The time between two moments, once the last has come."""
        ...
