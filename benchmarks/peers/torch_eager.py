"""PyTorch, eager: tensors loaded beforehand, shuffled once an epoch, the fused optimizer.

Functions instead of modules: 0.83 of the time on the lecture's network, one core.
"""

import os
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"torch {torch.__version__}"

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def prepare(workload: Workload, data: Data) -> "TorchEager":
    return TorchEager(workload, data)


class TorchEager:
    device = "cpu"
    captured = False
    """Is the step to be captured in a CUDA graph? Then Adam counts its steps on the device."""

    def __init__(self, workload: Workload, data: Data):
        self.batch, self.rate, self.binary = workload.batch, workload.learning_rate, workload.binary
        self.x = torch.from_numpy(data.x).to(self.device)
        self.y = torch.from_numpy(data.labels).to(self.device)
        if self.binary:
            self.y = self.y.float()[:, None]
        # a layer's kernel, as PyTorch keeps it: (fan_out, fan_in), then its bias
        arrays = [array for kernel, bias in data.parameters for array in (kernel.T, bias)]
        self.weights = [
            torch.tensor(array.copy(), device=self.device, requires_grad=True) for array in arrays
        ]
        self.optimizer = _optimizer(workload, self.weights, self.captured)

    def train(self, epochs: int) -> int:
        steps = 0
        for _ in range(epochs):
            order = torch.randperm(len(self.x), device=self.device)
            batches = zip(
                self.x[order].split(self.batch), self.y[order].split(self.batch), strict=True
            )
            for x, y in batches:
                self.step(x, y)
                steps += 1
        return steps

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.batch_loss(self.weights, x, y).backward()
        self.optimizer.step()

    def batch_loss(
        self, weights: Sequence[torch.Tensor], x: torch.Tensor, y: torch.Tensor
    ) -> torch.Tensor:
        *hidden, kernel, bias = weights
        for w, b in zip(hidden[::2], hidden[1::2], strict=True):
            x = torch.relu(F.linear(x, w, b))
        z = F.linear(x, kernel, bias)
        loss = F.binary_cross_entropy_with_logits if self.binary else F.cross_entropy
        return loss(z, y)

    def parameters(self) -> Parameters:
        arrays = [weight.detach().cpu().numpy() for weight in self.weights]
        return [(w.T, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]


def _optimizer(
    workload: Workload, weights: Sequence[torch.Tensor], captured: bool
) -> torch.optim.Optimizer:
    rate = workload.learning_rate
    if workload.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=rate, fused=True)
    betas = (BETA_1, BETA_2)
    return torch.optim.Adam(
        weights, lr=rate, betas=betas, eps=EPSILON, fused=True, capturable=captured
    )
