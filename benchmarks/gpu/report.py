"""A run on a GPU as tables and JSON, and the tables of a recorded one."""

from collections.abc import Sequence
from dataclasses import fields

from benchmarks.compare import Comparison, Entry
from benchmarks.gpu.machine import gpu_text
from benchmarks.gpu.networks import FLOOR_GOALS
from benchmarks.report import comparison_record, comparison_text, table
from benchmarks.workloads import Workload

Measured = tuple[str, Comparison]
NAMES = {
    "jax_scan": "JAX, scan",
    "torch_eager": "PyTorch",
    "torch_compile": "PyTorch compiled",
    "torch_graph": "PyTorch, CUDA graph",
    "torch_compile_graph": "both",
}


def record_of(machine: dict, results: Sequence[Measured], failed: Sequence[str]) -> dict:
    networks = [{"precision": p, **comparison_record(found)} for p, found in results]
    return {"machine": machine, "networks": networks, "failed": list(failed)}


def results_of(record: dict) -> list[Measured]:
    """What `record_of` has written."""
    return [(n["precision"], _comparison(n)) for n in record["networks"]]


def network_text(precision: str, found: Comparison) -> str:
    """One network: a row a peer, the goals, doubts, and what was skipped."""
    goal = [text] if (text := _floor_goal(found)) else []
    return "\n".join([f"\n{precision}{comparison_text(found)}", *goal])


def tables_text(record: dict) -> str:
    """All networks in one table; versions; what is missing, and why."""
    results = results_of(record)
    peers = [p for p in NAMES if any(e.peer == p for _, c in results for e in c.peers)]
    headings = ("network, batch", "graphdl, µs", "× floor", *(NAMES[p] for p in peers))
    rows = [_row(precision, found, peers) for precision, found in results]
    text = [gpu_text(record["machine"]), "", table(headings, rows), ""]
    text += [
        "Each column after the first three is a peer's time divided by graphdl's (10-90 % of "
        "alternating rounds)."
    ]
    text += [", ".join(_versions(record, results)), *_missing(results), *record["failed"]]
    return "\n".join(text)


def _row(precision: str, found: Comparison, peers: Sequence[str]) -> list[str]:
    workload, ratios = found.workload, {e.peer: str(e.ratio) for e in found.peers}
    floor = str(found.floor.base_over) if found.floor else "-"
    other = "" if precision == "float32" else f", {precision}"
    name = f"{workload.network}, {workload.batch}{other}"
    return [name, f"{found.base.time:.4g}", floor, *(ratios.get(p, "-") for p in peers)]


def _floor_goal(found: Comparison) -> str:
    goal = FLOOR_GOALS.get(found.workload.name)
    if goal is None or found.floor is None:
        return ""
    over = found.floor.base_over
    verdict = "holds" if over.high <= goal else "does not hold"
    return f"goal at most {goal} × floor: {verdict} ({over})"


def _versions(record: dict, results: Sequence[Measured]) -> list[str]:
    packages = [f"{name} {number}" for name, number in record["machine"]["versions"].items()]
    peers = [e.version for _, c in results for e in c.peers]
    return list(dict.fromkeys([*packages, *peers]))


def _missing(results: Sequence[Measured]) -> list[str]:
    """A line for each peer and reason, with the networks that it has none for."""
    without: dict[tuple[str, str], list[str]] = {}
    for precision, found in results:
        for peer, why in found.skipped.items():
            without.setdefault((peer, why), []).append(f"{found.workload.name} {precision}")
    return [f"skipped {peer} ({', '.join(of)}): {why}" for (peer, why), of in without.items()]


def _comparison(record: dict) -> Comparison:
    workload = Workload(**{**record["workload"], "sizes": tuple(record["workload"]["sizes"])})
    peers = tuple(map(_entry, record["peers"]))
    return Comparison(workload, record["threads"], _entry(record["base"]), peers, record["skipped"])


def _entry(record: dict) -> Entry:
    known = {f.name: record[f.name] for f in fields(Entry)}
    return Entry(
        **{**known, "times": tuple(known["times"]), "base_times": tuple(known["base_times"])}
    )
