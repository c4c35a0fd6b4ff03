"""PyTorch with `torch.compile`: forward, loss and backward compiled, the fused optimizer kept."""

import torch

from benchmarks.peers import torch_eager
from benchmarks.workloads import Data, Workload

VERSION = torch_eager.VERSION


def prepare(workload: Workload, data: Data) -> "TorchCompile":
    return TorchCompile(workload, data)


class TorchCompile(torch_eager.TorchEager):
    def __init__(self, workload: Workload, data: Data):
        super().__init__(workload, data)
        self.compiled_loss = torch.compile(self._batch_loss)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.compiled_loss(x, y).backward()
        self.optimizer.step()

    def _batch_loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.loss(self.network(x), y)
