"""The limit on a GPU: cuBLAS's products of a step, and Adam's bytes at the bandwidth of a copy.

The products x·W, xᵀ·D and D·Wᵀ go through PyTorch, which calls cuBLAS, into memory that is there, many
steps in one CUDA graph. Adam reads parameters, gradients and two moments, and writes all but gradients:
28 bytes a parameter, which a copy of half as many reads and writes. Nothing trains.
"""

from itertools import pairwise

import torch

from benchmarks.peers.gpu.cuda import VERSION, WARM, require_gpu
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]
ADAM_BYTES = 28  # a parameter: of float32 four read and three written
STEPS = 64  # of a graph, at most


def prepare(workload: Workload, data: Data) -> "Floor":
    require_gpu()
    return Floor(workload, data)


class Floor:
    device = "cuda"

    def __init__(self, workload: Workload, data: Data):
        self.workload, self.x = workload, torch.from_numpy(data.x).to(self.device)
        self.kernels = [torch.from_numpy(kernel).to(self.device) for kernel, _ in data.parameters]
        self.gradients = [torch.empty_like(kernel) for kernel in self.kernels]
        outputs = [(workload.batch, n) for n in workload.sizes[1:]]
        self.outputs = [torch.empty(shape, device=self.device) for shape in outputs]
        # gradients of the outputs: what lies there counts for nothing
        self.deltas = [torch.full(shape, 1e-3, device=self.device) for shape in outputs]
        count = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(workload.sizes))
        halves = torch.zeros((2, count * ADAM_BYTES // 2), dtype=torch.uint8, device=self.device)
        self.state, self.copy = halves
        self.unrolled = min(STEPS, workload.full_batches)
        self.graph = self._captured()

    def train(self, epochs: int) -> int:
        """Whole graphs, the least number of them that makes so many epochs."""
        graphs = -(-epochs * self.workload.full_batches // self.unrolled)
        for _ in range(graphs):
            self.graph.replay()
        torch.cuda.synchronize()
        return graphs * self.unrolled

    def parameters(self) -> None:
        return None

    def step(self, k: int) -> None:
        batch = self.workload.batch
        x = self.x[k * batch : (k + 1) * batch]
        inputs = [x, *self.outputs[:-1]]
        for a, kernel, out in zip(inputs, self.kernels, self.outputs, strict=True):
            torch.mm(a, kernel, out=out)
        for k in reversed(range(len(self.kernels))):
            torch.mm(inputs[k].T, self.deltas[k], out=self.gradients[k])
            if k:  # the first layer passes no gradient to the data
                torch.mm(self.deltas[k], self.kernels[k].T, out=self.deltas[k - 1])
        self.copy.copy_(self.state)

    def _captured(self) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for k in range(min(WARM, self.unrolled)):
                self.step(k)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for k in range(self.unrolled):
                self.step(k)
        return graph
