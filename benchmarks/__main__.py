"""python -m benchmarks: graphdl beside its peers, as tables, JSON and a picture."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import parts, report, switches
from benchmarks.compare import Plan
from benchmarks.growth import QUICK_SERIES, SERIES
from benchmarks.peers import FLOOR, OURS, PEERS, QUICK_PEERS, STANDARD_PEERS, TAPE
from benchmarks.picture import draw
from benchmarks.process import Machine
from benchmarks.settings import SettingsError, read_pythons
from benchmarks.workloads import QUICK, WORKLOADS

CHOICES = (OURS, TAPE, *PEERS, FLOOR)
PARTS = ("steady", "startup", "growth")
SWITCHED = ("lecture", "digits", "deep", "mnist-like")  # the networks of --switches
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = _resolved(parser.parse_args(arguments))
    if options.draw:
        return _draw(json.loads(options.draw.read_text()), options)
    try:
        pythons = read_pythons() | dict(options.python)
    except SettingsError as error:
        parser.error(str(error))
    machine = Machine(1, pythons, dict(options.env))
    if options.switches is not None:
        record = {"machine": report.machine_record(), "switches": switches.run(options, machine)}
        _write(record, options)
        return 0 if record["switches"] else 1
    record = _run(options, machine)
    return _draw(record, options) if any(record[part] for part in PARTS) else 1


def _run(options: argparse.Namespace, machine: Machine) -> dict:
    """Run the parts one after the other; the JSON is written anew after each."""
    began = time.monotonic()
    record = {"machine": report.machine_record()} | {part: [] for part in PARTS}
    choice = _choice(options)
    for part in options.parts:
        for threads in options.threads if part == "steady" else [1]:
            part_began = time.monotonic()
            record[part] += getattr(parts, part)(choice, machine.with_threads(threads))
            _write(record, options)
            parts.say(f"{part} took {time.monotonic() - part_began:.0f} s")
    print(f"\nAll of it took {(time.monotonic() - began) / 60:.1f} min")
    return record


def _resolved(options: argparse.Namespace) -> argparse.Namespace:
    """What was not asked for: all of it, unless the question is about some networks or peers."""
    quick, narrow = options.quick, options.workloads or options.peers
    options.parts = options.parts or (["steady"] if narrow else list(PARTS))
    every = [1] if narrow or quick else [1, Machine.all_cores()]
    options.threads = list(dict.fromkeys(options.threads or every))
    options.growth_peers = options.peers or (() if quick else ("jax_scan",))
    options.startup_peers = options.peers or (("jax_scan",) if quick else STANDARD_PEERS)
    options.startup = options.workloads or ("lecture",)
    usual = SWITCHED if options.switches is not None else tuple(WORKLOADS)
    options.workloads = options.workloads or (QUICK if quick else usual)
    options.peers = options.peers or (*(QUICK_PEERS if quick else STANDARD_PEERS), FLOOR)
    options.long = float("inf") if options.rounds else Plan.long  # who asks for rounds gets them
    options.rounds = options.rounds or (5 if quick else 9)
    options.round_seconds = options.round_seconds or (0.05 if quick else 0.1)
    options.repeats = options.repeats or (1 if quick else 3)
    return options


def _choice(options: argparse.Namespace) -> parts.Choice:
    return parts.Choice(
        base=options.base,
        peers=options.peers,
        workloads=options.workloads,
        startup=options.startup,
        startup_peers=_training(options.base, options.startup_peers),
        growth=QUICK_SERIES if options.quick else SERIES,
        growth_peers=_training(options.base, options.growth_peers),
        plan=Plan(options.rounds, options.round_seconds, long=options.long),
        repeats=options.repeats,
    )


def _training(base: str, peers: Sequence[str]) -> list[str]:
    """The base and the peers; the floor trains nothing."""
    return [peer for peer in dict.fromkeys([base, *peers]) if peer != FLOOR]


def _write(record: dict, options: argparse.Namespace) -> None:
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record, indent=1) + "\n")


def _draw(record: dict, options: argparse.Namespace) -> int:
    print(f"results: {options.draw or options.json}")
    try:
        draw(record, options.picture)
    except ModuleNotFoundError as error:
        print(f"no picture: {error.name} is not installed; graphdl's extra `plot` brings it")
    else:
        print(f"picture: {options.picture}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Train the same networks with graphdl and its peers, and compare. Without "
        "arguments: everything, in about 20 minutes. See benchmarks/README.md.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="the small networks and few peers, in 2 minutes")
    add("--parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    add("--workloads", nargs="+", choices=WORKLOADS, metavar="NAME", help=", ".join(WORKLOADS))
    add("--peers", nargs="+", choices=CHOICES, metavar="PEER", help=", ".join(CHOICES))
    add("--base", choices=CHOICES, default=OURS, metavar="PEER", help="what peers are divided by")
    known = {"choices": switches.KNOWN, "metavar": "NAME", "help": switches.HELP}
    add("--switches", nargs="*", **known)
    add("--threads", nargs="+", type=_threads_or_all, metavar="N", help="cores and threads, or all")
    add("--rounds", type=int, metavar="N", help="alternating rounds (default 9)")
    add("--round-seconds", type=float, metavar="S", help="training in a round (default 0.1)")
    add("--repeats", type=int, metavar="N", help="cold starts, at most (default 3)")
    add("--json", type=Path, default=RESULTS / "results.json", metavar="FILE", help="the results")
    add("--picture", type=Path, default=RESULTS / "results.png", metavar="FILE", help="png or svg")
    add("--draw", type=Path, metavar="JSON", help="only draw the picture of these results")
    add("--python", type=_peer_and_path, action="append", default=[], metavar="PEER=PATH",
        help="run a peer in another interpreter (benchmarks.toml does so for good)")  # fmt: skip
    add("--env", type=_name_and_value, action="append", default=[], metavar="NAME=VALUE",
        help="set a variable for all peers; an empty value takes it away")  # fmt: skip
    return parser


def _threads_or_all(text: str) -> int:
    count = Machine.all_cores() if text == "all" else int(text)
    if not 1 <= count <= Machine.all_cores():
        raise argparse.ArgumentTypeError(f"1 to {Machine.all_cores()} or all, got {text}")
    return count


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


if __name__ == "__main__":
    sys.exit(main())
