"""One file a peer: its fastest idiomatic way to train, and nothing to make it slower.

A peer's module imports its library at the top, so that a missing one is seen by the import,
states `VERSION`, and has `prepare(workload, data)`, which returns a `Trainer`.
"""

from typing import Protocol

from benchmarks.workloads import Parameters

FLOOR = "floor"
OURS = "graphdl_fit"
TAPE = "graphdl_tape"  # ours too, as a loop: python -m benchmarks --base graphdl_tape
LIBRARIES = {
    "jax_scan": "jax",
    "jax_epoch": "jax",
    "pytensor_numba": "pytensor",
    "pytensor_scan": "pytensor",
    "torch_eager": "torch",
    "torch_compile": "torch",
    "sklearn_mlp": "sklearn",
    "keras_tf": "keras",
}
"""Every peer, and the library that it needs."""

PEERS = tuple(LIBRARIES)
STANDARD_PEERS = tuple(peer for peer in PEERS if peer != "pytensor_numba")
"""PyTorch and JAX twice: as one uses them first, and faster. PyTensor's scan was always faster."""
QUICK_PEERS = ("jax_scan", "pytensor_scan", "torch_eager", "sklearn_mlp")
"""Without those that take many seconds to start."""


class Trainer(Protocol):
    """A network with its data and optimizer state, ready to train."""

    def train(self, epochs: int) -> int:
        """Train on shuffled batches, wait for the result, return the number of steps."""
        ...

    def parameters(self) -> Parameters | None:
        """The trained parameters, as NumPy arrays; `None` for the floor, which trains nothing."""
        ...
