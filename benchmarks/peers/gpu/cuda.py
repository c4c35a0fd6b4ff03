"""What PyTorch's peers share on a GPU: the device, the precision of products, waiting, capturing."""

import torch

from benchmarks.peers.gpu import tf32
from benchmarks.workloads import Data, Workload

VERSION = f"torch {torch.__version__}, CUDA {torch.version.cuda}"
WARM = 3  # steps before a capture, in which PyTorch allocates and compiles


def require_gpu() -> None:
    """Raise where PyTorch has no GPU; choose how products round."""
    if not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no GPU; install its wheel for CUDA")
    torch.set_float32_matmul_precision("high" if tf32() else "highest")


class OnGpu:
    """Before a trainer of PyTorch's: its tensors lie on the GPU, and its epochs end there."""

    device = "cuda"

    def train(self, epochs: int) -> int:
        steps = super().train(epochs)  # type: ignore[misc]
        torch.cuda.synchronize()
        return steps


class Captured:
    """Before a trainer of PyTorch's: an epoch's full batches are captured once, and replayed.

    The shuffle is drawn between replays, into the indices that the captured steps read. A ragged last
    batch is left out. Of the trainer: weights, step(x, y), and moments(), what its optimizer keeps.
    """

    device = "cuda"
    captured = True

    def __init__(self, workload: Workload, data: Data):
        super().__init__(workload, data)  # type: ignore[call-arg]
        self.steps = workload.full_batches
        self.order = torch.randperm(workload.rows, device=self.device)
        self.graph = self._captured()

    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            torch.randperm(len(self.order), out=self.order)
            self.graph.replay()
        torch.cuda.synchronize()
        return epochs * self.steps

    def _captured(self) -> torch.cuda.CUDAGraph:
        """A few steps are tried before, on a stream of their own; what they changed is put back."""
        before = [weight.detach().clone() for weight in self.weights]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._run_steps(range(min(WARM, self.steps)))
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._run_steps(range(self.steps))
        with torch.no_grad():
            for weight, value in zip(self.weights, before, strict=True):
                weight.copy_(value)
            for moment in self.moments():  # all of them are 0 at first
                moment.zero_()
        return graph

    def _run_steps(self, steps: range) -> None:
        for k in steps:
            rows = self.order[k * self.batch : (k + 1) * self.batch]
            self.step(self.x[rows], self.y[rows])
