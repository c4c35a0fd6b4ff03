"""Results as text tables and as JSON."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.compare import Comparison, Entry
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
    """One workload: a row a peer, the goal, and what was skipped."""
    headings = ("peer", "µs a step", f"time / {result.base.peer}'s (10-90 %)", "loss", "peak MB")
    rows = [
        _columns(result.base, "1"),
        *(_columns(entry, str(entry.ratio)) for entry in result.peers),
    ]
    skipped = [f"skipped {peer}: {reason}" for peer, reason in result.skipped.items()]
    goal = [text] if (text := _goal(result)) else []
    return "\n".join([f"\n{result.workload}", table(headings, rows), *goal, *skipped])


def startup_text(workload: str, results: Sequence[Startup], skipped: dict[str, str]) -> str:
    headings = ("peer", "cold s", "warm s", "of it import s")
    rows = [(r.peer, f"{r.cold:.2f}", f"{r.warm:.2f}", f"{r.warm_import:.2f}") for r in results]
    reasons = [f"skipped {peer}: {reason}" for peer, reason in skipped.items()]
    title = f"\n{workload}: from starting the interpreter to the first trained epoch"
    return "\n".join([title, table(headings, rows), *reasons])


def machine_text(machine: Machine) -> str:
    cores = ", ".join(map(str, machine.cores)) or "any: this system cannot pin"
    text = f"{_processor()}, core {cores}"
    variables = " ".join(f"{name}={value}" for name, value in machine.blas_variables.items())
    return f"{text}\n{variables} (tells OpenBLAS alone; --env NAME= unsets)" if variables else text


def machine_record(machine: Machine) -> dict:
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "pinned_to": machine.cores,
        "threads": machine.threads,
        "blas_variables": machine.blas_variables,
    }


def comparison_record(result: Comparison) -> dict:
    return {
        "workload": asdict(result.workload),
        "base": _record(result.base),
        "peers": [{**_record(e), "ratio": asdict(e.ratio)} for e in result.peers],
        "fastest_peer": result.fastest.peer if result.fastest else None,
        "skipped": result.skipped,
    }


def _columns(entry: Entry, ratio: str) -> tuple[str, ...]:
    loss = "-" if entry.loss is None else f"{entry.loss:.4f}"
    return entry.peer, f"{entry.time:.4g}", ratio, loss, f"{entry.peak_mb:.0f}"


def _goal(result: Comparison) -> str:
    goal, fastest = result.workload.goal, result.fastest
    if goal is None or fastest is None or result.base.peer != "graphdl_fit":
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
