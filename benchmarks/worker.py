"""A child process which trains one workload with one peer, told what to do in JSON lines.

    python -m benchmarks.worker WORKLOAD PEER CORES SPAWNED

WORKLOAD is a name, or a workload as JSON; CORES a comma-separated list, empty for no pinning;
SPAWNED the parent's monotonic clock when it started this process. Requests on standard input, one
answer each on standard output:

    {"do": "setup"}              -> seconds to import, to build, to train the first epoch, and from
                                    SPAWNED to the end of it; CPU seconds but for the import; its
                                    steps; the loss before and after
    {"do": "epoch", "epochs": k} -> seconds, CPU seconds, steps
    {"do": "memory"}             -> peak resident memory, MB

A library that is not installed answers {"missing": its name}, a failure {"error": its text}.
Only the standard library and NumPy are needed beside the peer: any interpreter will do.
"""

import json
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.workloads import WORKLOADS, Workload, make_data, mean_loss


def main() -> None:
    workload, peer, cores, spawned = sys.argv[1:]
    serve(Worker(workload, peer, float(spawned)), cores)


def serve(worker: object, cores: str) -> None:
    """Answer each request by the worker's method of its name, on these cores."""
    if cores:
        os.sched_setaffinity(0, map(int, cores.split(",")))
    answers = _keep_stdout_for_answers()
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(_answer(worker, request)) + "\n")
        answers.flush()


class Worker:
    def __init__(self, workload: str, peer: str, spawned: float):
        self.workload = WORKLOADS.get(workload) or Workload.from_json(workload)
        self.peer, self.spawned = peer, spawned

    def setup(self) -> dict:
        workload = self.workload
        started = time.monotonic()
        data = make_data(workload)
        data_seconds = time.monotonic() - started
        started = time.monotonic()
        module = import_module(f"benchmarks.peers.{self.peer}")
        imported, cpu = time.monotonic(), time.process_time()
        self.trainer = module.prepare(workload, data)
        built = time.monotonic()
        steps = self.trainer.train(1)
        trained = time.monotonic()
        parameters = self.trainer.parameters()
        return {
            "version": module.VERSION,
            "import_seconds": imported - started,
            "build_seconds": built - imported,
            "train_seconds": trained - built,
            "first_epoch_seconds": trained - self.spawned - data_seconds,
            "cpu_seconds": time.process_time() - cpu,
            "steps": steps,
            "start_loss": mean_loss(workload, data, data.parameters),
            "loss": None if parameters is None else mean_loss(workload, data, parameters),
        }

    def epoch(self, epochs: int) -> dict:
        started, cpu = time.perf_counter(), time.process_time()
        steps = self.trainer.train(epochs)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        return {"seconds": seconds, "cpu_seconds": cpu, "steps": steps}

    def memory(self) -> dict:
        return {"peak_mb": _peak_bytes() / 1e6}


def _answer(worker: object, request: dict) -> dict:
    try:
        return getattr(worker, request.pop("do"))(**request)
    except ModuleNotFoundError as error:
        return {"missing": error.name}
    except Exception as error:  # reported by name beside the other peers' results
        return {"error": f"{type(error).__name__}: {error}"}


def _keep_stdout_for_answers():
    """Whatever a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _peak_bytes() -> int:
    """Peak resident memory of this program alone.

    `getrusage` would count what the parent held when it forked; Linux's own figure does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
