"""graphdl on a memory map, read chunk by chunk."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlMap":
    return GraphdlMap(workload, data)


class GraphdlMap(GraphdlFit):
    def __init__(self, workload: Workload, data: Data):
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name, "x.npy")
        np.save(path, data.x)
        super().__init__(workload, data._replace(x=np.load(path, mmap_mode="r")))
