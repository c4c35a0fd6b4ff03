"""PyTorch on a GPU with `torch.compile`: a step, its gradients and optimizer as one graph."""

from typing import ClassVar

from benchmarks.peers import torch_compile
from benchmarks.peers.gpu.cuda import VERSION, OnGpu, require_gpu
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "TorchCompile":
    require_gpu()
    return TorchCompile(workload, data)


class TorchCompile(OnGpu, torch_compile.TorchCompile):
    """The CPU's, told the device; kernels are Triton's."""

    options: ClassVar[dict] = {}
