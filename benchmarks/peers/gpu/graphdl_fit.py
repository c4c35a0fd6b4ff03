"""graphdl on a GPU as a user writes it: `compile(target="cuda")` and `fit`."""

from benchmarks.peers.gpu import tf32
from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlCuda":
    return GraphdlCuda(workload, data)


class GraphdlCuda(GraphdlFit):
    target, matmul_precision = "cuda", "tf32" if tf32() else "float32"
