"""PyTorch on a GPU with CUDA graphs: the eager steps of an epoch, captured once and replayed."""

import torch

from benchmarks.peers.gpu.cuda import VERSION, Captured, require_gpu
from benchmarks.peers.torch_eager import TorchEager
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "TorchGraph":
    require_gpu()
    return TorchGraph(workload, data)


class TorchGraph(Captured, TorchEager):
    """The CPU's, told the device and captured."""

    def moments(self) -> list[torch.Tensor]:
        return [tensor for kept in self.optimizer.state.values() for tensor in kept.values()]
