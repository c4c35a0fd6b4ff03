"""PyTorch on a GPU with both: the steps that `torch.compile` made, captured in a CUDA graph."""

import torch

from benchmarks.peers.gpu import torch_compile
from benchmarks.peers.gpu.cuda import VERSION, Captured, require_gpu
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "TorchCompileGraph":
    require_gpu()
    return TorchCompileGraph(workload, data)


class TorchCompileGraph(Captured, torch_compile.TorchCompile):
    """The compiled step, captured."""

    def moments(self) -> list[torch.Tensor]:
        return [*self.m, *self.v, self.t]
