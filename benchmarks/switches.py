"""What each optimisation brings: graphdl with all of them beside graphdl with one left out.

    python -m benchmarks --switches [NAME …] [--workloads …]

For each a pair of fresh processes with empty caches: the CPU time to the first trained epoch (compile
time, in the main), peak memory, and time a step in alternating rounds: CPU time on one core, of which
other programs may take their share, else the clock's. Ratios are without over with: above 1, it helps.
What shows in other uses than `fit` is measured there (`USES`).
"""

import argparse
import sys
import tempfile
from dataclasses import asdict, dataclass

from benchmarks.compare import Plan, Runner
from benchmarks.peers import OURS
from benchmarks.process import Machine, WorkerError, WorkerProcess
from benchmarks.ratios import Ratio, ratio
from benchmarks.report import table
from benchmarks.workloads import WORKLOADS
from codegen.optimisations import KNOWN

HELP = "what each optimisation brings (these, or all): " + ", ".join(KNOWN)
USES = {
    "delay": ("graphdl_tanh",),
    "places": ("graphdl_batches",),
    "direct": ("graphdl_rows",),
    "prefetch": ("graphdl_map",),
}


SETTLED = (
    60_000  # rows after which nothing is compiled any more, be it the shuffling of their order
)


@dataclass(frozen=True)
class Effect:
    """What leaving one out does to one use of one workload: without over with."""

    name: str
    use: str
    time: Ratio
    compile: float
    memory: float


def run(options: argparse.Namespace, machine: Machine) -> list[dict]:
    """A table for each workload; returns its records."""
    plan = Plan(options.rounds, options.round_seconds)
    records = []
    for workload in options.workloads:
        effects = []
        for name in options.switches or KNOWN:
            for use in USES.get(name, (OURS,)):
                print(f"  … {workload}: {use} without {name}", file=sys.stderr, flush=True)
                try:
                    effects.append(_effect(workload, name, use, machine, plan))
                except WorkerError as error:
                    print(f"{workload}: {use} without {name}: {error}")
        print(f"\n{WORKLOADS[workload]}\n{_text(effects)}", flush=True)
        records.append({"workload": workload, "effects": [asdict(e) for e in effects]})
    return records


def _effect(workload: str, name: str, use: str, machine: Machine, plan: Plan) -> Effect:
    with (
        _Side(workload, use, "", machine, plan) as with_it,
        _Side(workload, use, name, machine, plan) as without,
    ):
        # as many epochs on either side: a call of fit has a cost of its own
        epochs = max(with_it.epochs, without.epochs)
        pairs = [(with_it.round(epochs), without.round(epochs)) for _ in range(plan.rounds)]
        return Effect(
            name,
            use,
            ratio(*zip(*pairs, strict=True)),
            without.compile_seconds / with_it.compile_seconds,
            without.peak_mb() / with_it.peak_mb(),
        )


class _Side:
    """A process that goes without one optimisation (or none), from an empty cache."""

    def __init__(self, workload: str, use: str, off: str, machine: Machine, plan: Plan) -> None:
        self._rows = WORKLOADS[workload].rows
        self._cache = tempfile.TemporaryDirectory()
        variables = {"GRAPHDL_OFF": off, "GRAPHDL_CACHE_DIR": self._cache.name}
        self._worker, self._plan = WorkerProcess(workload, use, machine, variables), plan
        self._clock = "cpu_seconds" if machine.threads == 1 else "seconds"

    def __enter__(self) -> "_Side":
        self._worker.__enter__()
        try:
            self._runner = Runner(self._worker, self._plan)
        except BaseException:
            self.__exit__()
            raise
        self.compile_seconds = self._runner.first["cpu_seconds"]
        self._worker.epoch(1 + SETTLED // self._rows)
        self.epochs = self._runner.epochs
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.__exit__()
        self._cache.cleanup()

    def round(self, epochs: int) -> float:
        """Seconds a step."""
        answer = self._worker.epoch(epochs)
        return answer[self._clock] / answer["steps"]

    def peak_mb(self) -> float:
        return self._worker.memory()["peak_mb"]


def _text(effects: list[Effect]) -> str:
    rows = [
        (e.name, e.use, str(e.time), f"{e.compile:.2f}", f"{e.memory:.2f}", KNOWN[e.name].what)
        for e in effects
    ]
    return table(("without", "use", "time", "compile", "memory", "what it is"), rows)
