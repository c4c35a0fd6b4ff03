"""JAX as one writes it first: a `jit` call an epoch, over `lax.scan`; parameters in their tree.

`jax_scan` is the same network in the fastest form that was found.
"""

from functools import partial

import jax

from benchmarks.peers.jax_scan import VERSION, epoch_of, fresh_state
from benchmarks.workloads import Data, Parameters, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "JaxEpoch":
    return JaxEpoch(workload, data)


class JaxEpoch:
    def __init__(self, workload: Workload, data: Data):
        self.steps = workload.full_batches
        self.state = fresh_state(jax.tree.map(jax.numpy.asarray, data.parameters))
        self.key = jax.random.key(0)
        self.x = jax.numpy.asarray(data.x)
        self.labels = jax.numpy.asarray(data.labels, jax.numpy.int32)
        epoch = partial(epoch_of, workload, lambda same: same, jax.random.permutation)
        self.epoch = jax.jit(epoch, donate_argnums=(0, 1))

    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            self.state, self.key, loss = self.epoch(self.state, self.key, self.x, self.labels)
        loss.block_until_ready()
        return epochs * self.steps

    def parameters(self) -> Parameters:
        return jax.device_get(self.state[0])
