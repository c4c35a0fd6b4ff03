"""Steady time a step: the base and each peer in turn, round after round, on the same cores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers import FLOOR
from benchmarks.process import Machine, WorkerError, WorkerProcess
from benchmarks.ratios import Ratio, ratio
from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int = 9
    round_seconds: float = 0.2


@dataclass(frozen=True)
class Entry:
    """One peer on one workload. Times are microseconds a step, one a round."""

    peer: str
    version: str
    times: tuple[float, ...]
    base_times: tuple[float, ...]
    """Of the base's rounds, each beside the peer's of the same number."""
    loss: float | None
    """Over all data, after the first epoch: near the base's, or it is not the same training."""
    peak_mb: float

    @property
    def time(self) -> float:
        return median(self.times)

    @property
    def ratio(self) -> Ratio:
        return ratio(self.base_times, self.times)


@dataclass(frozen=True)
class Comparison:
    workload: Workload
    base: Entry
    peers: tuple[Entry, ...]
    skipped: dict[str, str]
    """Peers that did not run, and why."""

    @property
    def fastest(self) -> Entry | None:
        """The peer hardest to beat; the floor does not train and is no peer."""
        rivals = [entry for entry in self.peers if entry.peer != FLOOR]
        return min(rivals, key=lambda entry: entry.ratio.median, default=None)


class Runner:
    """A worker that is set up, and the number of epochs that fill a round."""

    def __init__(self, worker: WorkerProcess, plan: Plan):
        self.worker, self.first = worker, worker.setup()
        self.epochs = self._epochs_for(plan.round_seconds)

    def round(self) -> float:
        """Train one round; microseconds a step."""
        answer = self.worker.epoch(self.epochs)
        return answer["seconds"] / answer["steps"] * 1e6

    def _epochs_for(self, seconds: float) -> int:
        epochs, took = 1, self._seconds(1)
        while took < seconds / 2:
            epochs *= 2
            took = self._seconds(epochs)
        return max(1, round(epochs * seconds / took))

    def _seconds(self, epochs: int) -> float:
        """The shorter of two calls: a first one may still compile something."""
        return min(self.worker.epoch(epochs)["seconds"] for _ in range(2))


def compare(
    workload: Workload, base: str, peers: Sequence[str], machine: Machine, plan: Plan, say: Callable
) -> Comparison:
    """Measure `base` beside each of `peers`; raises `WorkerError` when `base` cannot run."""
    entries, skipped = [], {}
    with WorkerProcess(workload.name, base, machine) as worker:
        ours = Runner(worker, plan)
        own_times = []
        for peer in peers:
            say(f"{workload.name}: {peer}")
            try:
                entry = _beside(ours, workload, peer, machine, plan)
            except WorkerError as error:
                skipped[peer] = str(error)
                continue
            entries.append(entry)
            own_times += entry.base_times
        own_times = own_times or [ours.round() for _ in range(plan.rounds)]
        return Comparison(
            workload, _entry(base, ours, own_times, own_times), tuple(entries), skipped
        )


def _beside(ours: Runner, workload: Workload, peer: str, machine: Machine, plan: Plan) -> Entry:
    with WorkerProcess(workload.name, peer, machine) as worker:
        theirs = Runner(worker, plan)
        pairs = [(ours.round(), theirs.round()) for _ in range(plan.rounds)]
        base_times, times = zip(*pairs, strict=True)
        return _entry(peer, theirs, times, base_times)


def _entry(peer: str, runner: Runner, times: Sequence[float], base_times: Sequence[float]) -> Entry:
    first, peak = runner.first, runner.worker.memory()["peak_mb"]
    return Entry(peer, first["version"], tuple(times), tuple(base_times), first["loss"], peak)
