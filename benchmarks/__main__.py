"""python -m benchmarks: graphdl beside its peers, as tables and JSON."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import report, switches
from benchmarks.compare import Plan, compare
from benchmarks.peers import FLOOR, OURS, PEERS, TAPE
from benchmarks.process import Machine, WorkerError
from benchmarks.startup import measure_startup
from benchmarks.workloads import QUICK, STANDARD, WORKLOADS

CHOICES = (OURS, TAPE, *PEERS, FLOOR)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    machine = Machine(options.threads, dict(options.python), dict(options.env))
    print(report.machine_text(machine))
    measure = _startup if options.startup else _steady
    results = (measure if options.switches is None else switches.run)(options, machine)
    if options.json:
        record = {"machine": report.machine_record(machine), "results": results}
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if results else 1


def _steady(options: argparse.Namespace, machine: Machine) -> list[dict]:
    plan = Plan(options.rounds, options.round_seconds)
    records = []
    for name in options.workloads:
        peers = [peer for peer in options.peers if peer != options.base]
        try:
            result = compare(WORKLOADS[name], options.base, peers, machine, plan, _say)
        except WorkerError as error:
            print(f"{name}: {options.base} could not run: {error}")
            continue
        print(report.comparison_text(result), flush=True)
        records.append(report.comparison_record(result))
    return records


def _startup(options: argparse.Namespace, machine: Machine) -> list[dict]:
    records = []
    for name in options.workloads:
        results, skipped = [], {}
        for peer in dict.fromkeys([options.base, *options.peers]):
            if peer == FLOOR:
                continue
            _say(f"{name}: {peer}")
            try:
                results.append(measure_startup(name, peer, machine, options.repeats))
            except WorkerError as error:
                skipped[peer] = str(error)
        print(report.startup_text(name, results, skipped), flush=True)
        startups = [asdict(result) for result in results]
        records.append({"workload": name, "startup": startups, "skipped": skipped})
    return records


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Train the same networks with graphdl and its peers, and compare.",
    )
    add = parser.add_argument
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the small networks, short rounds")
    size.add_argument("--all", action="store_true", help="the largest network too")
    size.add_argument("--workloads", nargs="+", choices=WORKLOADS, metavar="NAME", help=_names())
    add("--peers", nargs="+", choices=CHOICES, metavar="PEER", help=", ".join(CHOICES))
    add("--base", choices=CHOICES, default=OURS, metavar="PEER", help="what peers are divided by")
    add("--startup", action="store_true", help="time to the first trained epoch, cold and warm")
    known = {"choices": switches.KNOWN, "metavar": "NAME", "help": switches.HELP}
    add("--switches", nargs="*", **known)
    add("--threads", type=int, default=1, metavar="N", help="cores and threads (default 1)")
    add("--rounds", type=int, default=9, metavar="N", help="alternating rounds (default 9)")
    add("--round-seconds", type=float, metavar="S", help="training in a round (default 0.2)")
    add("--repeats", type=int, default=3, metavar="N", help="cold starts (default 3)")
    add("--json", type=Path, metavar="FILE", help="write the results to this file")
    add(
        "--python",
        type=_peer_and_path,
        action="append",
        default=[],
        metavar="PEER=PATH",
        help="run a peer in another interpreter",
    )
    add(
        "--env",
        type=_name_and_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a variable for all peers; an empty value takes it away",
    )
    options = parser.parse_args(arguments)
    options.workloads = options.workloads or _workloads(options)
    options.peers = options.peers or (*PEERS, FLOOR)
    options.round_seconds = options.round_seconds or (0.1 if options.quick else 0.2)
    return options


def _workloads(options: argparse.Namespace) -> tuple[str, ...]:
    if options.startup:
        return ("lecture",)
    return QUICK if options.quick else tuple(WORKLOADS) if options.all else STANDARD


def _peer_and_path(text: str) -> tuple[str, str]:
    peer, _, path = text.partition("=")
    if peer not in CHOICES or not path:
        raise argparse.ArgumentTypeError(f"expected PEER=PATH with a peer of {', '.join(CHOICES)}")
    return peer, path


def _name_and_value(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    return name, value


def _names() -> str:
    return ", ".join(WORKLOADS)


def _say(text: str) -> None:
    """What is running, for whoever waits; not part of the results."""
    print(f"  … {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
