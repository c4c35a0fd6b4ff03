"""graphdl's predictions, a row a call: `predict_function(rows=1)`."""

from benchmarks.peers.graphdl_fit import VERSION, GraphdlFit
from benchmarks.workloads import Data, Workload

__all__ = ["VERSION", "prepare"]


def prepare(workload: Workload, data: Data) -> "GraphdlRows":
    return GraphdlRows(workload, data)


class GraphdlRows(GraphdlFit):
    def __init__(self, workload: Workload, data: Data):
        super().__init__(workload, data)
        self.predict = self.model.predict_function(rows=1)

    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            for k in range(len(self.data.x)):
                self.predict(self.data.x[k : k + 1])
        return epochs * len(self.data.x)
