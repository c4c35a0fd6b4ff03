"""Results as text tables and as JSON."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.compare import Comparison, Entry
from benchmarks.growth import Growth
from benchmarks.peers import FLOOR, OURS
from benchmarks.process import Machine
from benchmarks.startup import Startup


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    rows = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return " | ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in rest)])

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {line(cells)} |" for cells in (rows[0], rule, *rows[1:]))


def comparison_text(result: Comparison) -> str:
    """One workload: a row a peer, the goal, doubts, and what was skipped."""
    base = result.base.peer
    headings = (
        "peer", "µs a step", f"time / {base}'s (10-90 %)", "× floor", "rounds × steps", "loss",
        "peak MB",
    )  # fmt: skip
    rows = [_columns(result, entry) for entry in (result.base, *result.peers)]
    doubts = [f"WARNING {peer}: {why}" for peer, why in result.doubtful.items()]
    skipped = [f"skipped {peer}: {reason}" for peer, reason in result.skipped.items()]
    goal = [text] if (text := _goal(result)) else []
    return "\n".join([f"\n{result.workload}", table(headings, rows), *goal, *doubts, *skipped])


def summary_text(results: Sequence[Comparison]) -> str:
    """All workloads of one part: the base's time, its distance to the floor, and each peer's."""
    base, threads = results[0].base.peer, results[0].threads
    peers = list(dict.fromkeys(e.peer for r in results for e in r.peers if e.peer != FLOOR))
    rows = []
    for result in results:
        ratios = {entry.peer: str(entry.ratio) for entry in result.peers}
        floor = str(result.floor.base_over) if result.floor else "-"
        others = [ratios.get(peer, "-") for peer in peers]
        rows.append([result.workload.name, f"{result.base.time:.4g}", floor, *others])
    cores = f"{threads} core{'s' if threads > 1 else ''}"
    title = f"\nOn {cores}: {base}'s µs a step, × floor, and each peer's time / {base}'s (10-90 %)"
    return "\n".join([title, table(("network", base, "× floor", *peers), rows)])


def startup_text(workload: str, results: Sequence[Startup], skipped: dict[str, str]) -> str:
    headings = ("peer", "cold s", "warm s", "of it import s", "starts")
    rows = [
        (r.peer, f"{r.cold:.2f}", f"{r.warm:.2f}", f"{r.warm_import:.2f}", str(r.repeats))
        for r in results
    ]
    reasons = [f"skipped {peer}: {reason}" for peer, reason in skipped.items()]
    title = f"\n{workload}: from starting the interpreter to the first trained epoch"
    return "\n".join([title, table(headings, rows), *reasons])


def growth_text(axis: str, series: Sequence[Growth]) -> str:
    """One axis: a row a value, three columns a peer."""
    series_with_points = [one for one in series if one.points]
    values = sorted({point.value for one in series for point in one.points})
    found = {(one.peer, point.value): point for one in series for point in one.points}
    headings, rows = [axis], []
    for one in series_with_points:
        headings += [f"{one.peer} compile s", "µs a step", "peak MB"]
    for value in values:
        points = [found.get((one.peer, value)) for one in series_with_points]
        cells = [c for p in points for c in (_growth_columns(p) if p else ("-",) * 3)]
        rows.append([f"{value:,}", *cells])
    ended = [f"{one.peer}: {one.ended}" for one in series if one.ended]
    return "\n".join([f"\nGrowth with {axis}", table(headings, rows), *ended])


def machine_text(machine: Machine) -> str:
    cores = ", ".join(map(str, machine.cores)) or "any: this system cannot pin"
    return f"{_processor()}, core {cores}"


def machine_record() -> dict:
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def comparison_record(result: Comparison) -> dict:
    return {
        "workload": asdict(result.workload),
        "threads": result.threads,
        "base": _record(result.base),
        "peers": [{**_record(e), "ratio": asdict(e.ratio)} for e in result.peers],
        "fastest_peer": result.fastest.peer if result.fastest else None,
        "times_floor": asdict(result.floor.base_over) if result.floor else None,
        "doubtful": result.doubtful,
        "skipped": result.skipped,
    }


def _columns(result: Comparison, entry: Entry) -> tuple[str, ...]:
    own = entry is result.base
    times_floor = "-"
    if result.floor:
        over = result.floor.base_over
        times_floor = str(over) if own else f"{over.median * entry.ratio.median:.2f}"
    return (
        entry.peer,
        f"{entry.time:.4g}",
        "1" if own else str(entry.ratio),
        times_floor,
        f"{len(entry.times)} × {entry.steps}",
        "-" if entry.loss is None else f"{entry.loss:.4f}",
        f"{entry.peak_mb:.0f}",
    )


def _growth_columns(point) -> tuple[str, ...]:
    return f"{point.compile_seconds:.2f}", f"{point.step_us:.4g}", f"{point.peak_mb:.0f}"


def _goal(result: Comparison) -> str:
    goal, fastest = result.goal, result.fastest
    if goal is None or fastest is None or result.base.peer != OURS:
        return ""
    verdict = "holds" if fastest.ratio.holds(goal) else "does not hold"
    return f"goal {goal} times the fastest peer: {verdict} ({fastest.peer} {fastest.ratio})"


def _record(entry: Entry) -> dict:
    return {**asdict(entry), "median_us": entry.time}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    lines = information.read_text().splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "")
