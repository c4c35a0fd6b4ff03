"""The parts of a run: steady time on so many cores, starting, growth. Each prints and records."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks import report
from benchmarks.compare import Plan, compare
from benchmarks.growth import measure_growth
from benchmarks.process import Machine, WorkerError
from benchmarks.startup import measure_startup
from benchmarks.workloads import WORKLOADS


@dataclass(frozen=True)
class Choice:
    """What to measure, and how long."""

    base: str
    peers: Sequence[str]
    workloads: Sequence[str]
    startup: Sequence[str]
    """Workloads whose start is measured."""
    startup_peers: Sequence[str]
    growth: dict[str, Sequence[int]]
    """Axes and their values."""
    growth_peers: Sequence[str]
    plan: Plan
    repeats: int


def steady(choice: Choice, machine: Machine) -> list[dict]:
    print(f"\n{report.machine_text(machine)}: steady time a step", flush=True)
    peers = [peer for peer in choice.peers if peer != choice.base]
    results = []
    for name in choice.workloads:
        try:
            result = compare(WORKLOADS[name], choice.base, peers, machine, choice.plan, say)
        except WorkerError as error:
            print(f"{name}: {choice.base} could not run: {error}")
            continue
        print(report.comparison_text(result), flush=True)
        results.append(result)
    if len(results) > 1:
        print(report.summary_text(results), flush=True)
    return [report.comparison_record(result) for result in results]


def startup(choice: Choice, machine: Machine) -> list[dict]:
    records = []
    for name in choice.startup:
        results, skipped = [], {}
        for peer in choice.startup_peers:
            say(f"start of {name}: {peer}")
            try:
                results.append(measure_startup(WORKLOADS[name], peer, machine, choice.repeats))
            except WorkerError as error:
                skipped[peer] = str(error)
        print(report.startup_text(name, results, skipped), flush=True)
        startups = [asdict(result) for result in results]
        records.append({"workload": name, "startup": startups, "skipped": skipped})
    return records


def growth(choice: Choice, machine: Machine) -> list[dict]:
    records = []
    for axis, values in choice.growth.items():
        series = measure_growth(axis, values, choice.growth_peers, machine, say)
        print(report.growth_text(axis, series), flush=True)
        records += [asdict(one) for one in series]
    return records


def say(text: str) -> None:
    """What is running, for whoever waits; not part of the results."""
    print(f"  … {text}", file=sys.stderr, flush=True)
