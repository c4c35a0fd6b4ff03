"""The networks that are compared on a GPU: float32, Adam, whole batches.

Their rows are a multiple of the batch, as a captured epoch and a scan need them: all peers take the
same steps.
"""

from benchmarks.workloads import Workload

NETWORKS = {
    workload.name: workload
    for workload in (
        Workload("micro", 8192, (2, 64, 64, 1), 64, "adam", goal=2.0),
        Workload("lecture", 4096, (30, 16, 1), 32, "adam", goal=2.0),
        Workload("mnist-small", 12800, (784, 128, 10), 128, "adam", goal=2.0),
        Workload("mnist-like", 12800, (784, 512, 512, 10), 128, "adam", goal=1.0),
        Workload("wide", 8192, (784, 4096, 4096, 10), 1024, "adam"),
    )
}
TF32 = ("wide",)
"""Networks whose products are also measured in TF32, by the peers that have it."""
FLOOR_GOALS = {"wide": 1.15}
"""Our time over the floor's that is to be reached, where products and bytes are nearly all of it."""
