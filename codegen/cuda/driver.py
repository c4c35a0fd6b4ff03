"""A GPU behind NVIDIA's driver, by cuda-bindings. No GPU has confirmed any of this yet.

One stream, in whose order everything happens but copies aside. Each status is looked at; what is not 0
is raised as DeviceError in the user's words.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from cuda.bindings import driver as cu

from codegen.cuda.arrays import Shared
from codegen.cuda.device import DeviceError, missing_blas
from codegen.cuda.emit import Emitted
from codegen.cuda.graphs import Graphs
from codegen.cuda.image import machine_code
from codegen.cuda.interface import Image, Pointer
from codegen.cuda.kernels import GPU
from codegen.cuda.launch import Launch
from codegen.cuda.packed import Packed, packed
from codegen.cuda.pool import Pool
from codegen.cuda.refusals import LOST, words
from codegen.cuda.staging import Staging

if TYPE_CHECKING:
    from codegen.cuda.cublaslt import CublasLt, Multiplication

ATTRIBUTE = cu.CUdevice_attribute
MAJOR = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
MINOR = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
MULTIPROCESSORS = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
THREADS = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR
POOLS = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED
NO_MEMORY = 2  # a status
KEPT = 16  # a part of the GPU's memory: so much may lie unused in the pool (an estimate)


@dataclass(frozen=True, eq=False)
class Moment:
    """An event of the driver."""

    event: Any


class Driver:
    """The first GPU that the driver shows."""

    shape = GPU

    def __init__(self) -> None:
        self.lock, self.lost = RLock(), False
        self._process = os.getpid()
        self._do("start the driver", cu.cuInit, 0)
        self._device = self._do("choose a GPU", cu.cuDeviceGet, 0)
        self._context = self._do("open the GPU", cu.cuDevicePrimaryCtxRetain, self._device)
        self._enter()
        self._stream = self._new_stream()
        self.stream = int(self._stream)
        name = self._do("ask the GPU for its name", cu.cuDeviceGetName, 256, self._device)
        self.name = bytes(name).split(b"\0")[0].decode(errors="replace")
        self.capability = self._attribute(MAJOR), self._attribute(MINOR)
        blocks = self._attribute(THREADS) // self.shape.lanes
        self.most_blocks = self._attribute(MULTIPROCESSORS) * max(1, blocks)
        self._staging = Staging(self._do, self._stream)
        self._graphs = Graphs(self._do, self._quietly, self._new_stream)
        self._pool: Pool | None = None
        if self._attribute(POOLS):
            keeps = self.memory()[1] // KEPT
            self._pool = Pool(self._do, self._device, self._stream, keeps)

    def _new_stream(self) -> Any:
        kind = cu.CUstream_flags.CU_STREAM_NON_BLOCKING
        return self._do("make a stream", cu.cuStreamCreate, kind)

    def _attribute(self, which: Any) -> int:
        doing = f"ask the GPU for {which.name}"
        return int(self._do(doing, cu.cuDeviceGetAttribute, which, self._device))

    def _do(self, doing: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """What a call of the driver gives; DeviceError where it refuses."""
        status, *given = call(*arguments)
        if int(status):
            self._refuse(doing, status)
        return given[0] if len(given) == 1 else given

    def _refuse(self, doing: str, status: Any) -> NoReturn:
        self.lost |= int(status) in LOST
        raise DeviceError(words(doing, status.name, int(status)))

    def _enter(self) -> None:
        """Let this thread's calls go to the GPU."""
        if self._process != os.getpid():
            raise DeviceError(
                "a GPU cannot be used in a process that was forked after it was opened; start "
                "processes with multiprocessing's 'spawn'"
            )
        self._do("enter the GPU's context", cu.cuCtxSetCurrent, self._context)

    def _quietly(self, call: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(DeviceError):
            self._enter()
            self._do("give back", call, *arguments)

    # -------------------------------------------------- memory

    def memory(self) -> tuple[int, int]:
        with self.lock:
            self._enter()
            free, total = map(int, self._do("ask for free memory", cu.cuMemGetInfo))
            return free + (self._pool.unused() if self._pool else 0), total

    def allocate(self, nbytes: int, what: str) -> int:
        return self._had(cu.cuMemAlloc, nbytes, what)

    def free(self, address: int) -> None:
        self._quietly(cu.cuMemFree, address)

    def draw(self, nbytes: int, what: str) -> int:
        return self._had(self._pool.allocate if self._pool else cu.cuMemAlloc, nbytes, what)

    def give_back(self, address: int, shared: Shared) -> None:
        if self._pool:
            self._pool.free(address, shared)
        else:
            self.free(address)

    def _had(self, call: Callable[[int], tuple[Any, Any]], nbytes: int, what: str) -> int:
        """What the driver gives; from what lies unused in the pool if it has no other."""
        self._enter()
        status, address = call(nbytes)
        if int(status) == NO_MEMORY and self._pool and self._pool.unused():
            self._pool.trim()
            status, address = call(nbytes)
        if int(status):
            free, total = self.memory()
            what = f"{what} ({free:,} of {total:,} are free)"
            self._refuse(f"allocate {nbytes:,} bytes for {what}", status)
        return int(address)

    def upload(self, address: int, array: np.ndarray) -> None:
        self._enter()
        self._staging.upload(address, array)

    def download(self, address: int, array: np.ndarray) -> None:
        self._enter()
        self._staging.download(address, array)

    @cached_property
    def _aside(self) -> Staging:
        """Copies on a stream of their own, by pinned memory of their own."""
        return Staging(self._do, self._new_stream())

    def upload_aside(self, address: int, array: np.ndarray) -> Moment:
        self._enter()
        self._aside.upload(address, array)
        return self._moment(self._aside.stream)

    def wait(self, moment: Moment) -> None:
        self._enter()
        self._do("order two streams", cu.cuStreamWaitEvent, self._stream, moment.event, 0)

    def copy(self, to: int, source: int, nbytes: int) -> None:
        self._enter()
        doing = f"copy {nbytes:,} bytes on the GPU"
        self._do(doing, cu.cuMemcpyDtoDAsync, to, source, nbytes, self._stream)

    # -------------------------------------------------- launches

    def load(self, emitted: Emitted, name: str) -> Image:
        code = machine_code(emitted, name, self.capability)
        self._enter()
        module = self._do(f"load the kernels of {name}", cu.cuModuleLoadData, code.image)
        functions = {
            kernel: self._do(f"find {kernel}", cu.cuModuleGetFunction, module, symbol.encode())
            for kernel, symbol in code.symbols.items()
        }
        image = Image(functions, code.origin)
        weakref.finalize(image, self._quietly, cu.cuModuleUnload, module).atexit = False
        return image

    def prepare(self, image: Image, launch: Launch, pointers: Sequence[Pointer]) -> Packed:
        return packed(image, launch, pointers)

    def blas(self) -> CublasLt | None:
        if missing_blas():
            return None
        self._enter()
        from codegen.cuda.cublaslt import CublasLt  # noqa: PLC0415 - half a second, seldom needed

        return CublasLt(self)

    def launch(self, prepared: Packed | Multiplication) -> None:
        p = prepared
        self._enter()
        if not isinstance(p, Packed):
            p.enqueue(self.stream)
            return
        self._do(
            f"launch {p.name}", cu.cuLaunchKernel, p.function, p.grid, 1, 1, p.block, 1, 1, 0,
            self._stream, p.addresses.ctypes.data, 0,
        )  # fmt: skip

    def capture(self, step: Sequence[Packed | Multiplication], times: int) -> Any:
        self._enter()
        return self._graphs.made([*step] * times, f"make a graph of {times} steps")

    def replay(self, graph: Any) -> None:
        self._enter()
        self._do("launch a graph", cu.cuGraphLaunch, graph, self._stream)

    def release(self, graph: Any) -> None:
        self._quietly(cu.cuGraphExecDestroy, graph)

    # -------------------------------------------------- streams and time

    def follow(self, stream: int) -> None:
        self._order(cu.CUstream(stream), self._stream)

    def lead(self, stream: int) -> None:
        self._order(self._stream, cu.CUstream(stream))

    def _order(self, first: Any, then: Any) -> None:
        """What one stream does from here on waits for what another one was asked."""
        moment = self._moment(first)
        self._do("order two streams", cu.cuStreamWaitEvent, then, moment.event, 0)

    def mark(self) -> Moment:
        return self._moment(self._stream)

    def _moment(self, stream: Any) -> Moment:
        self._enter()
        moment = Moment(self._do("make an event", cu.cuEventCreate, 0))
        weakref.finalize(moment, self._quietly, cu.cuEventDestroy, moment.event).atexit = False
        self._do("record an event", cu.cuEventRecord, moment.event, stream)
        return moment

    def milliseconds(self, first: Moment, last: Moment) -> float:
        self._enter()
        self._do("wait for the GPU", cu.cuEventSynchronize, last.event)
        return float(self._do("ask for a time", cu.cuEventElapsedTime, first.event, last.event))
