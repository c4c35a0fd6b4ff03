"""PyTensor on Numba with a whole epoch as one `scan`: no Python between the steps."""

import pytensor
import pytensor.tensor as pt

from benchmarks.peers import pytensor_numba
from benchmarks.workloads import Data, Workload

VERSION = pytensor_numba.VERSION


def prepare(workload: Workload, data: Data) -> "PyTensorScan":
    return PyTensorScan(workload, data)


class PyTensorScan(pytensor_numba.PyTensorSteps):
    def compile(self):
        batches = pt.lmatrix("batches")

        def step(rows, *state_and_data):
            *state, x, labels = state_and_data
            return pytensor_numba.step(self.workload, rows, state, x, labels)

        trajectories = pytensor.scan(
            step,
            sequences=[batches],
            outputs_info=self.state,
            non_sequences=[self.x, self.labels],
            strict=True,
            return_updates=False,
        )
        last = [trajectory[-1] for trajectory in trajectories]
        return pytensor_numba.numba_function(batches, dict(zip(self.state, last, strict=True)))

    def train(self, epochs: int) -> int:
        workload = self.workload
        full = workload.full_batches * workload.batch
        for _ in range(epochs):
            order = self.rng.permutation(workload.rows)
            self.compiled(order[:full].reshape(-1, workload.batch))
            if full < workload.rows:
                self.compiled(order[None, full:])
        return epochs * workload.steps
