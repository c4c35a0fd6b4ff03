"""python -m benchmarks.gpu: graphdl beside its peers on a GPU, or one step of it launch by launch."""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.compare import Plan, Runner
from benchmarks.gpu import report
from benchmarks.gpu.machine import gpu_record
from benchmarks.gpu.measure import PREFIX, Question, machine_for, measured
from benchmarks.gpu.networks import NETWORKS
from benchmarks.peers.gpu import FLOOR, LIBRARIES
from benchmarks.process import WorkerError, WorkerProcess
from benchmarks.settings import SettingsError, read_pythons
from codegen.cuda.device import found

RESULTS = Path(__file__).parents[1] / "results"
SHORT = [peer.removeprefix(PREFIX) for peer in LIBRARIES]


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.show:
        print(report.tables_text(json.loads(options.show.read_text())))
        return 0
    target, what = found()
    if target != "cuda":
        print(f"no GPU, and nothing was measured: {what}")
        return 1
    try:
        question = _question(options)
    except SettingsError as error:
        parser.error(str(error))
    return _profile(options, question) if options.profile else _run(options, question)


def _run(options: argparse.Namespace, question: Question) -> int:
    """The JSON and the table are written anew after each network."""
    began, machine = time.monotonic(), gpu_record()
    results, failed = [], []
    for precision, result in measured(question):
        if isinstance(result, str):
            print(result, flush=True)
            failed.append(result)
        else:
            print(report.network_text(precision, result), flush=True)
            results.append((precision, result))
        record = report.record_of(machine, results, failed)
        _write(options.json, json.dumps(record, indent=1))
        _write(options.json.with_suffix(".md"), report.tables_text(record))
    print(f"\n{options.json.with_suffix('.md').read_text()}")
    print(f"results: {options.json}; all of it took {(time.monotonic() - began) / 60:.1f} min")
    return 0 if results else 1


def _profile(options: argparse.Namespace, question: Question) -> int:
    from benchmarks.gpu import profile

    workload = NETWORKS[options.profile]
    made = replace(profile.profile(workload), floor_us=_floor(workload, question))
    print(profile.text(made))
    _write(
        options.json.with_stem(f"gpu-profile-{workload.name}"), json.dumps(made.record, indent=1)
    )
    return 0


def _floor(workload, question: Question) -> float | None:
    """Microseconds a step; None, and why, where it could not be measured."""
    try:
        with WorkerProcess(workload.json, FLOOR, machine_for(question, "float32")) as worker:
            runner = Runner(worker, question.plan)
            return min(runner.round() for _ in range(question.plan.rounds))
    except WorkerError as error:
        print(f"no floor: {error}")
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def _question(options: argparse.Namespace) -> Question:
    return Question(
        networks=options.networks or tuple(NETWORKS),
        peers=[PREFIX + peer for peer in options.peers or SHORT],
        pythons=read_pythons(libraries=LIBRARIES),
        plan=Plan(options.rounds, options.round_seconds),
        minutes=options.minutes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description="Train the same networks on a GPU with graphdl and its peers, and compare. No GPU "
        "has run it yet. See benchmarks/README.md.",
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, metavar="NAME", help=", ".join(NETWORKS))
    add("--peers", nargs="+", choices=SHORT, metavar="PEER", help=", ".join(SHORT))
    add("--rounds", type=int, default=9, metavar="N", help="alternating rounds (default 9)")
    add("--round-seconds", type=float, default=0.1, metavar="S", help="of training (default 0.1)")
    add("--minutes", type=float, default=7.5, metavar="M",
        help="no peer begins after so many (default 7.5)")  # fmt: skip
    add("--json", type=Path, default=RESULTS / "gpu.json", metavar="FILE",
        help="the results; a table goes beside it")  # fmt: skip
    add("--show", type=Path, metavar="JSON", help="only print the table of these results")
    add("--profile", choices=NETWORKS, metavar="NAME",
        help="one step of this network instead: launches, gaps, bytes, floor")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
