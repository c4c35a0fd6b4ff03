"""How compile time, step time and memory grow: with depth, width, batch and rows.

Each point is a process of its own with empty caches. `compile` is what comes before a network
trains: building it and its first epoch, less what an epoch takes later; libraries that are loaded
only then are part of it.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import Plan, Runner
from benchmarks.process import Machine, WorkerError, WorkerProcess
from benchmarks.startup import empty_caches
from benchmarks.workloads import Workload

PLAN = Plan(rounds=3, round_seconds=0.06)
PATIENCE = 30.0
"""Seconds to the first trained epoch; a peer's point that takes longer is its last, not the base's."""

DEPTHS = (1, 2, 5, 10, 30, 100)
WIDTHS = (16, 64, 256, 1024, 2048)
BATCHES = (1, 32, 1024)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SERIES = {"depth": (2, 100), "width": (64, 512), "batch": (1, 256), "rows": (1_000, 100_000)}
SERIES = {"depth": DEPTHS, "width": WIDTHS, "batch": BATCHES, "rows": ROWS}


def _depth(layers: int) -> Workload:
    """Hidden layers, all 64 wide."""
    return Workload("depth", 1024, (64,) * (layers + 1) + (10,), 64, "adam")


def _width(width: int) -> Workload:
    return Workload("width", 512, (64, width, width, 10), 64, "adam")


def _batch(size: int) -> Workload:
    return Workload("batch", 2048, (64, 64, 64, 10), size, "adam")


def _rows(rows: int) -> Workload:
    """The lecture's network."""
    return Workload("rows", rows, (30, 16, 1), 32, "adam")


NETWORKS: dict[str, Callable[[int], Workload]] = {
    "depth": _depth, "width": _width, "batch": _batch, "rows": _rows,
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    value: int
    compile_seconds: float
    step_us: float
    peak_mb: float
    loss: float


@dataclass(frozen=True)
class Growth:
    """One peer's points along one axis; a series that broke off says why."""

    axis: str
    peer: str
    points: tuple[Point, ...]
    ended: str = ""


def measure_growth(
    axis: str, values: Iterable[int], peers: Sequence[str], machine: Machine, say: Callable
) -> list[Growth]:
    """A series a peer, the base first; one that is missing or fails has the points it reached."""
    base = peers[0]
    return [
        _series(axis, values, peer, machine, say, math.inf if peer == base else PATIENCE)
        for peer in peers
    ]


def _series(
    axis: str, values: Iterable[int], peer: str, machine: Machine, say: Callable, patience: float
) -> Growth:
    points: list[Point] = []
    for value in values:
        say(f"{axis} {value:,}: {peer}")
        try:
            point, waited = _point(NETWORKS[axis](value), value, peer, machine)
        except WorkerError as error:
            return Growth(axis, peer, tuple(points), str(error))
        points.append(point)
        if waited > patience:
            ended = f"ended at {axis} {value:,}: {waited:.0f} s to the first epoch"
            return Growth(axis, peer, tuple(points), ended)
    return Growth(axis, peer, tuple(points))


def _point(workload: Workload, value: int, peer: str, machine: Machine) -> tuple[Point, float]:
    """The point, and the seconds to the first trained epoch."""
    with tempfile.TemporaryDirectory() as folder:
        caches = empty_caches(Path(folder))
        with WorkerProcess(workload.json, peer, machine, caches) as worker:
            runner = Runner(worker, PLAN)
            step_us = min(runner.round() for _ in range(PLAN.rounds))
            first = runner.first
            epoch = step_us * 1e-6 * first["steps"]
            compiling = max(0.0, first["build_seconds"] + first["train_seconds"] - epoch)
            peak = worker.memory()["peak_mb"]
            return Point(value, compiling, step_us, peak, first["loss"]), first[
                "first_epoch_seconds"
            ]
