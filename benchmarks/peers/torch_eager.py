"""PyTorch, eager: tensors loaded beforehand, shuffled once an epoch, the fused optimizer."""

import torch
from torch import nn

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"torch {torch.__version__}"


def prepare(workload: Workload, data: Data) -> "TorchEager":
    return TorchEager(workload, data)


class TorchEager:
    def __init__(self, workload: Workload, data: Data):
        self.batch = workload.batch
        self.x = torch.from_numpy(data.x)
        self.y = torch.from_numpy(data.labels)
        if workload.binary:
            self.y = self.y.float()[:, None]
        self.network = network(data.parameters)
        self.loss = nn.BCEWithLogitsLoss() if workload.binary else nn.CrossEntropyLoss()
        self.optimizer = optimizer(workload, self.network)

    def train(self, epochs: int) -> int:
        steps = 0
        for _ in range(epochs):
            order = torch.randperm(len(self.x))
            batches = zip(
                self.x[order].split(self.batch), self.y[order].split(self.batch), strict=True
            )
            for x, y in batches:
                self.step(x, y)
                steps += 1
        return steps

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss(self.network(x), y).backward()
        self.optimizer.step()

    def parameters(self) -> Parameters:
        # PyTorch keeps a kernel as (fan_out, fan_in)
        layers = [layer for layer in self.network if isinstance(layer, nn.Linear)]
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in layers]


def network(parameters: Parameters) -> nn.Sequential:
    layers = []
    for kernel, bias in parameters:
        dense = nn.Linear(*kernel.shape)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(kernel.T))
            dense.bias.copy_(torch.from_numpy(bias))
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def optimizer(workload: Workload, network: nn.Module) -> torch.optim.Optimizer:
    if workload.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=workload.learning_rate, fused=True)
    return torch.optim.Adam(
        network.parameters(),
        lr=workload.learning_rate,
        betas=(BETA_1, BETA_2),
        eps=EPSILON,
        fused=True,
    )
