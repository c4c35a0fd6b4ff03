"""graphdl, a batch a call: `train_on_batch`."""

from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlBatches":
    return GraphdlBatches(workload, data)


class GraphdlBatches(GraphdlFit):
    def train(self, epochs: int) -> int:
        (x, labels, _), batch = self.data, self.workload.batch
        starts = range(0, self.workload.full_batches * batch, batch)
        for _ in range(epochs):
            for k in starts:
                self.model.train_on_batch(x[k : k + batch], labels[k : k + batch])
        return epochs * len(starts)
