"""A GPU behind NVIDIA's driver, by cuda-bindings. No GPU has confirmed any of this yet.

One stream, in whose order everything happens. Each status is looked at; what is not 0 is raised as
DeviceError in the user's words.
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

from codegen.cuda.dependencies import Touched, touched, waits
from codegen.cuda.device import DeviceError, missing_blas
from codegen.cuda.emit import Emitted
from codegen.cuda.image import machine_code
from codegen.cuda.interface import Image, Pointer
from codegen.cuda.kernels import GPU
from codegen.cuda.launch import Launch
from codegen.cuda.refusals import LOST, words
from codegen.cuda.staging import Staging

if TYPE_CHECKING:
    from codegen.cuda.cublaslt import CublasLt, Multiplication

ATTRIBUTE = cu.CUdevice_attribute
MAJOR = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
MINOR = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
MULTIPROCESSORS = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
THREADS = ATTRIBUTE.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR
NON_BLOCKING = cu.CUstream_flags.CU_STREAM_NON_BLOCKING
# other threads may meanwhile ask the driver for what is not to be captured, as for memory
RELAXED = cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
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
        self._stream = self._do("make a stream", cu.cuStreamCreate, NON_BLOCKING)
        self.stream = int(self._stream)
        name = self._do("ask the GPU for its name", cu.cuDeviceGetName, 256, self._device)
        self.name = bytes(name).split(b"\0")[0].decode(errors="replace")
        self.capability = self._attribute(MAJOR), self._attribute(MINOR)
        blocks = self._attribute(THREADS) // self.shape.lanes
        self.most_blocks = self._attribute(MULTIPROCESSORS) * max(1, blocks)
        self._staging = Staging(self._do, self._stream)

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
        self._enter()
        free, total = self._do("ask for free memory", cu.cuMemGetInfo)
        return int(free), int(total)

    def allocate(self, nbytes: int, what: str) -> int:
        self._enter()
        status, address = cu.cuMemAlloc(nbytes)
        if int(status):
            free, total = self.memory()
            what = f"{what} ({free:,} of {total:,} are free)"
            self._refuse(f"allocate {nbytes:,} bytes for {what}", status)
        return int(address)

    def free(self, address: int) -> None:
        self._quietly(cu.cuMemFree, address)

    def upload(self, address: int, array: np.ndarray) -> None:
        self._enter()
        self._staging.upload(address, array)

    def download(self, address: int, array: np.ndarray) -> None:
        self._enter()
        self._staging.download(address, array)

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
        launches = [*step] * times
        self._enter()
        graph = self._do("begin a graph", cu.cuGraphCreate, 0)
        try:
            nodes: list[Any] = []
            for p, earlier in zip(launches, waits([p.touched for p in launches]), strict=True):
                after = [nodes[k] for k in earlier]
                if isinstance(p, Packed):
                    nodes.append(self._node(graph, p, after))
                else:
                    nodes.append(self._child(graph, p, after))
            return self._do(f"make a graph of {times} steps", cu.cuGraphInstantiate, graph, 0)
        finally:
            self._quietly(cu.cuGraphDestroy, graph)

    def _node(self, graph: Any, p: Packed, earlier: list[Any]) -> Any:
        """A launch in a graph, after these; the driver copies its arguments."""
        node = cu.CUDA_KERNEL_NODE_PARAMS()
        node.func, node.kernelParams = p.function, p.addresses.ctypes.data
        node.gridDimX, node.gridDimY, node.gridDimZ = p.grid, 1, 1
        node.blockDimX, node.blockDimY, node.blockDimZ = p.block, 1, 1
        doing = f"put {p.name} into a graph"
        return self._do(doing, cu.cuGraphAddKernelNode, graph, earlier, len(earlier), node)

    def _child(self, graph: Any, p: Multiplication, earlier: list[Any]) -> Any:
        """A product in a graph: what the library launches for it, captured on a stream apart."""
        doing, stream = f"put {p.name} into a graph", self._apart
        self._do(doing, cu.cuStreamBeginCapture, stream, RELAXED)
        try:
            p.enqueue(int(stream))
        except BaseException:
            self._quietly(_dropped, stream)
            raise
        child = self._do(doing, cu.cuStreamEndCapture, stream)
        try:
            add = cu.cuGraphAddChildGraphNode
            return self._do(doing, add, graph, earlier, len(earlier), child)
        finally:
            self._quietly(cu.cuGraphDestroy, child)

    @cached_property
    def _apart(self) -> Any:
        """A stream on which nothing is run."""
        return self._do("make a stream", cu.cuStreamCreate, NON_BLOCKING)

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


def _dropped(stream: Any) -> tuple[Any, ...]:
    """End a capture that failed; what it holds is dropped."""
    status, graph = cu.cuStreamEndCapture(stream)
    return (status,) if int(status) else cu.cuGraphDestroy(graph)
