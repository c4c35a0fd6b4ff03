"""PyTorch on a GPU, eager: data and shuffles on the device, the fused optimizer."""

from benchmarks.peers import torch_eager
from benchmarks.peers.gpu.cuda import VERSION, OnGpu, require_gpu
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "TorchEager":
    require_gpu()
    return TorchEager(workload, data)


class TorchEager(OnGpu, torch_eager.TorchEager):
    """The CPU's, told the device."""
