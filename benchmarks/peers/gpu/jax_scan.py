"""JAX on a GPU: the CPU's peer, all epochs in one `jit` over `lax.scan`.

By itself JAX rounds the factors of float32's products to TF32 on a GPU: here it is told which.
"""

import jax

from benchmarks.peers.gpu import tf32
from benchmarks.peers.jax_scan import VERSION, JaxScan
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> JaxScan:
    if jax.default_backend() != "gpu":
        raise RuntimeError("JAX finds no GPU; install jax[cuda13]")
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if tf32() else "float32")
    return JaxScan(workload, data)
