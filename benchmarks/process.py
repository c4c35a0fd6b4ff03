"""The parent's end of a worker: starts it on its cores, asks, and waits for the answer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "GRAPHDL_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class WorkerError(Exception):
    """A peer is not installed, or failed; the text says which and how."""


@dataclass(frozen=True)
class Machine:
    """Where workers run: how many cores, which interpreter for which peer, what variables."""

    threads: int = 1
    pythons: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set for every worker; an empty value takes the variable away."""

    def with_threads(self, threads: int) -> "Machine":
        return replace(self, threads=threads)

    @property
    def cores(self) -> list[int]:
        """The last cores this process may use; empty where a system cannot pin."""
        if not hasattr(os, "sched_getaffinity"):
            return []
        return sorted(os.sched_getaffinity(0))[-self.threads :]

    @staticmethod
    def all_cores() -> int:
        """How many cores this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def environment(self) -> dict[str, str]:
        """The variables of this process with the threads set.

        A core type or cache size forced on OpenBLAS slows those who use it, and only those: such
        variables are left out, unless `variables` sets them.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        threads = dict.fromkeys(THREAD_VARIABLES, str(self.threads))
        variables = {**inherited, **threads, **self.variables, "PYTHONPATH": str(ROOT)}
        return {name: value for name, value in variables.items() if value}


class WorkerProcess:
    """One peer on one workload (its name or JSON), set up in a process of its own. Use it in a `with`.

    Raises `WorkerError` when the peer is missing, fails or dies.
    """

    module = "benchmarks.worker"

    def __init__(
        self, workload: str, peer: str, machine: Machine, variables: Mapping[str, str] | None = None
    ):
        self.peer = peer
        python = machine.pythons.get(peer, sys.executable)
        cores = ",".join(map(str, machine.cores))
        command = [python, "-m", self.module, workload, peer, cores, str(time.monotonic())]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**machine.environment(), **(variables or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin and self.process.stdout  # both are pipes
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def setup(self) -> dict:
        return self._ask(do="setup")

    def epoch(self, epochs: int) -> dict:
        return self._ask(do="epoch", epochs=epochs)

    def memory(self) -> dict:
        return self._ask(do="memory")

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_) -> None:
        with suppress(BrokenPipeError):  # a process that died leaves its request unread
            self.requests.close()
        self.answers.close()
        self.process.wait()

    def _ask(self, **request) -> dict:
        try:
            self.requests.write(json.dumps(request) + "\n")
            self.requests.flush()
        except BrokenPipeError:
            raise WorkerError(self._end()) from None
        line = self.answers.readline()
        answer = json.loads(line) if line else {"error": self._end()}
        if "missing" in answer:
            raise WorkerError(f"{answer['missing']} is not installed")
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _end(self) -> str:
        return f"its process ended with status {self.process.wait()}"
