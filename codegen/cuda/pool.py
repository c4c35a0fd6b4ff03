"""Memory for arrays that calls return, had and given back in the order of a stream: nobody waits.

cuMemAlloc and cuMemFree wait for all that the GPU was asked. What is had from a pool is there for what
the stream is asked next; what is given back may be had again by what the stream is asked after that.
No GPU has confirmed any of this yet.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from cuda.bindings import driver as cu

from codegen.cuda.arrays import Shared
from codegen.cuda.staging import Do

ATTRIBUTE = cu.CUmemPool_attribute
THRESHOLD = ATTRIBUTE.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
RESERVED = ATTRIBUTE.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT
USED = ATTRIBUTE.CU_MEMPOOL_ATTR_USED_MEM_CURRENT


class Pool:
    """Memory of this process alone; up to `keeps` bytes stay with it while nobody uses them."""

    def __init__(self, do: Do, device: Any, stream: Any, keeps: int) -> None:
        self._do, self._stream = do, stream
        self._ended: deque[tuple[int, Shared]] = deque()
        wanted = cu.CUmemPoolProps()
        wanted.allocType = cu.CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED
        wanted.location.type = cu.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
        wanted.location.id = int(device)
        self._pool = do("make a pool of memory", cu.cuMemPoolCreate, wanted)
        most = cu.cuuint64_t(keeps)
        do("set up a pool of memory", cu.cuMemPoolSetAttribute, self._pool, THRESHOLD, most)

    def allocate(self, nbytes: int) -> tuple[Any, Any]:
        """The driver's answer: a status, an address."""
        self._settle()
        return cu.cuMemAllocFromPoolAsync(nbytes, self._pool, self._stream)

    def free(self, address: int, shared: Shared) -> None:
        """Note what is to be given back, before the next memory is had.

        Arrays end at any time and in any thread, while a stream is captured too: then a call of the
        driver would become a part of the graph.
        """
        self._ended.append((address, shared))

    def unused(self) -> int:
        """Bytes that the pool has from the driver and that nobody uses."""
        self._settle()
        ask = "ask a pool for its memory"
        have, use = (
            int(self._do(ask, cu.cuMemPoolGetAttribute, self._pool, which))
            for which in (RESERVED, USED)
        )
        return have - use

    def trim(self) -> None:
        """Give the driver all that nobody uses."""
        self._settle()
        self._do("wait for the GPU", cu.cuStreamSynchronize, self._stream)
        self._do("give memory of a pool back", cu.cuMemPoolTrimTo, self._pool, 0)

    def _settle(self) -> None:
        """Free what has ended, in the stream's order.

        Our own launches on that memory come before. Another library's may not: it waits for us before
        it reads (the `stream` of the interface, `lead` for DLPack), but to drop an array it asks
        nobody, and its launches may be under way by then, on streams of which we have not heard or
        which are gone. So memory that was handed out is free when the whole GPU has done what it was
        asked, which is what cuMemFree would wait for.
        """
        ended = [self._ended.popleft() for _ in range(len(self._ended))]
        if any(shared.out for _, shared in ended):
            self._do("wait for the GPU", cu.cuCtxSynchronize)
        for address, _ in ended:
            self._do("give back", cu.cuMemFreeAsync, address, self._stream)
