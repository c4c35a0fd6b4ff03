"""A child process which trains one random network on one side: `benchmarks.worker`'s conversation.

python -m benchmarks.random_networks.worker SEED:INDEX SIDE CORES SPAWNED

{"do": "setup"}              -> loss over all rows before and after the first epoch
{"do": "epoch", "epochs": k} -> seconds, steps
{"do": "products"}           -> microseconds of a step's matrix products alone
"""

import sys
import time
from importlib import import_module

from benchmarks.random_networks.draw import draw, make_data
from benchmarks.worker import serve


class Worker:
    def __init__(self, name: str, side: str):
        self.network, self.side = draw(*map(int, name.split(":"))), side

    def setup(self) -> dict:
        module = import_module(f"benchmarks.random_networks.{self.side}")
        self.trainer = module.prepare(self.network, make_data(self.network))
        before = self.trainer.loss()
        self.trainer.train(1)
        return {"version": module.VERSION, "before": before, "loss": self.trainer.loss()}

    def epoch(self, epochs: int) -> dict:
        started = time.process_time()
        steps = self.trainer.train(epochs)
        return {"seconds": time.process_time() - started, "steps": steps}

    def products(self) -> dict:
        module = import_module("benchmarks.random_networks.products")
        return {"products_us": module.products_time(self.network)}


if __name__ == "__main__":
    name, side, cores, _ = sys.argv[1:]
    serve(Worker(name, side), cores)
