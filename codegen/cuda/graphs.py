"""Graphs of the driver: a node for each launch, which waits for those that it meets in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cuda.bindings import driver as cu

from codegen.cuda.dependencies import waits
from codegen.cuda.packed import Packed

if TYPE_CHECKING:
    from codegen.cuda.cublaslt import Multiplication

# other threads may meanwhile ask the driver for what is not to be captured, as for memory
RELAXED = cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED


class Graphs:
    """Makes graphs of launches, by the driver's calls (`do`, `quietly`) and a stream of its own."""

    def __init__(
        self, do: Callable[..., Any], quietly: Callable[..., None], new_stream: Callable[[], Any]
    ) -> None:
        self._do, self._quietly, self._new_stream = do, quietly, new_stream

    def made(self, launches: Sequence[Packed | Multiplication], doing: str) -> Any:
        """A graph of these, that can be launched."""
        graph = self._do("begin a graph", cu.cuGraphCreate, 0)
        try:
            nodes: list[Any] = []
            for p, earlier in zip(launches, waits([p.touched for p in launches]), strict=True):
                after = [nodes[k] for k in earlier]
                if isinstance(p, Packed):
                    nodes.append(self._node(graph, p, after))
                else:
                    nodes.append(self._child(graph, p, after))
            return self._do(doing, cu.cuGraphInstantiate, graph, 0)
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
        return self._new_stream()


def _dropped(stream: Any) -> tuple[Any, ...]:
    """End a capture that failed; what it holds is dropped."""
    status, graph = cu.cuStreamEndCapture(stream)
    return (status,) if int(status) else cu.cuGraphDestroy(graph)
