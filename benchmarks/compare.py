"""Steady time a step: the base and each peer in turn, round after round, on the same cores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers import FLOOR
from benchmarks.process import Machine, WorkerError, WorkerProcess
from benchmarks.ratios import Ratio, ratio
from benchmarks.workloads import Workload

# Peers shuffle differently and some leave out a ragged batch, so the losses are only close
LOSS_SHARE = 0.1  # of the way that the first epoch went
LOSS_NOISE = 0.02  # of the loss


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int = 9
    round_seconds: float = 0.2
    slow: float = 10.0
    """A peer that takes this many times the base's time gets few rounds: the verdict is clear."""
    long: float = 1.0
    """A peer whose round takes so many seconds, its epoch being that long, gets few as well."""
    few: int = 3

    def rounds_for(self, ours: float, peers: float, steps: int) -> int:
        """From the microseconds a step of the first few, and the steps in the peer's round."""
        clear, lasting = peers >= self.slow * ours, peers * steps * 1e-6 >= self.long
        return min(self.rounds, self.few) if clear or lasting else self.rounds


@dataclass(frozen=True)
class Entry:
    """One peer on one workload. Times are microseconds a step, one a round."""

    peer: str
    version: str
    steps: int
    """In a round."""
    times: tuple[float, ...]
    base_times: tuple[float, ...]
    """Of the base's rounds, each beside the peer's of the same number."""
    start_loss: float
    loss: float | None
    """Over all data, before and after the first epoch; the floor trains nothing."""
    peak_mb: float

    @property
    def time(self) -> float:
        return median(self.times)

    @property
    def ratio(self) -> Ratio:
        return ratio(self.base_times, self.times)

    @property
    def base_over(self) -> Ratio:
        """The base's time over this one's."""
        return ratio(self.times, self.base_times)


@dataclass(frozen=True)
class Comparison:
    workload: Workload
    threads: int
    base: Entry
    peers: tuple[Entry, ...]
    skipped: dict[str, str]
    """Peers that did not run, and why."""

    @property
    def fastest(self) -> Entry | None:
        """The peer hardest to beat; the floor does not train and is no peer."""
        rivals = [entry for entry in self.peers if entry.peer != FLOOR]
        return min(rivals, key=lambda entry: entry.ratio.median, default=None)

    @property
    def goal(self) -> float | None:
        """Set for one core; on several, nobody may be faster."""
        return self.workload.goal if self.threads == 1 else 1.0

    @property
    def floor(self) -> Entry | None:
        return next((entry for entry in self.peers if entry.peer == FLOOR), None)

    @property
    def doubtful(self) -> dict[str, str]:
        """Peers whose first epoch ended at another loss than the base's: other training."""
        ours = self.base.loss
        found = {}
        for entry in self.peers:
            if entry.loss is None or ours is None:
                continue
            allowed = max(LOSS_SHARE * abs(ours - entry.start_loss), LOSS_NOISE * abs(ours))
            if not abs(entry.loss - ours) <= allowed:  # also where it is NaN
                found[entry.peer] = f"loss {entry.loss:.4g} after an epoch, {ours:.4g} expected"
        return found


class Runner:
    """A worker that is set up, and the number of epochs that fill a round."""

    def __init__(self, worker: WorkerProcess, plan: Plan):
        self.worker, self.first = worker, worker.setup()
        self.epochs = self._epochs_for(plan.round_seconds)

    def round(self) -> float:
        """Train one round; microseconds a step."""
        answer = self.worker.epoch(self.epochs)
        return answer["seconds"] / answer["steps"] * 1e6

    @property
    def steps(self) -> int:
        return self.epochs * self.first["steps"]

    def _epochs_for(self, seconds: float) -> int:
        epochs, took = 1, self._seconds(1)
        while took < seconds / 2:
            epochs *= 2
            took = self._seconds(epochs)
        return max(1, round(epochs * seconds / took))

    def _seconds(self, epochs: int) -> float:
        """The shorter of two calls: the first one may still compile something."""
        return min(self.worker.epoch(epochs)["seconds"] for _ in range(2))


def compare(
    workload: Workload, base: str, peers: Sequence[str], machine: Machine, plan: Plan, say: Callable
) -> Comparison:
    """Measure `base` beside each of `peers`; raises `WorkerError` when `base` cannot run."""
    entries, skipped = [], {}
    with WorkerProcess(workload.json, base, machine) as worker:
        ours = Runner(worker, plan)
        own_times = []
        for peer in peers:
            try:
                say(f"{workload.name}: {peer}")  # who waits, or has no time left, may refuse
                entry = _beside(ours, workload, peer, machine, plan)
            except WorkerError as error:
                skipped[peer] = str(error)
                continue
            entries.append(entry)
            own_times += entry.base_times
        own_times = own_times or [ours.round() for _ in range(plan.rounds)]
        own = _entry(base, ours, own_times, own_times)
        return Comparison(workload, machine.threads, own, tuple(entries), skipped)


def _beside(ours: Runner, workload: Workload, peer: str, machine: Machine, plan: Plan) -> Entry:
    with WorkerProcess(workload.json, peer, machine) as worker:
        theirs = Runner(worker, plan)
        pairs = [(ours.round(), theirs.round()) for _ in range(min(plan.few, plan.rounds))]
        first = (median(times) for times in zip(*pairs, strict=True))
        for _ in range(plan.rounds_for(*first, theirs.steps) - len(pairs)):
            pairs.append((ours.round(), theirs.round()))
        base_times, times = zip(*pairs, strict=True)
        return _entry(peer, theirs, times, base_times)


def _entry(peer: str, runner: Runner, times: Sequence[float], base_times: Sequence[float]) -> Entry:
    first, peak = runner.first, runner.worker.memory()["peak_mb"]
    return Entry(
        peer,
        first["version"],
        runner.steps,
        tuple(times),
        tuple(base_times),
        first["start_loss"],
        first["loss"],
        peak,
    )
