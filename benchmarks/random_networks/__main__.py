"""python -m benchmarks.random_networks: graphdl beside JAX on networks drawn at random."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import report
from benchmarks.compare import Plan, Runner
from benchmarks.process import Machine, WorkerError, WorkerProcess
from benchmarks.random_networks.draw import Network, draw
from benchmarks.ratios import Ratio, ratio

OURS, PEER = "graphdl_fit", "jax_scan"
SMALL = 100.0  # microseconds of matrix products: below, the goals are the higher ones
GOALS = {"small": 1.8, "large": 1.0, "each": 0.9}
TOLERANCE = 1e-3  # between the losses of the two sides after an epoch in different orders


class Side(WorkerProcess):
    """One side on one network, in a process of its own."""

    module = "benchmarks.random_networks.worker"

    def products(self) -> float:
        return self._ask(do="products")["products_us"]


@dataclass(frozen=True)
class Result:
    """Times are microseconds a step, one a round; losses over all rows."""

    name: str
    network: Network
    products: float
    times: tuple[float, ...]
    peer_times: tuple[float, ...]
    before: float
    losses: tuple[float, float]
    """After the first epoch: ours and the peer's."""

    @property
    def ratio(self) -> Ratio:
        return ratio(self.times, self.peer_times)

    @property
    def small(self) -> bool:
        return self.products < SMALL

    @property
    def alike(self) -> bool:
        """Do both sides train the same network? An epoch's order of batches is their own."""
        ours, peer = self.losses
        return abs(ours - peer) <= TOLERANCE * max(abs(self.before), abs(ours))


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    machine = Machine(1, dict(pair.split("=", 1) for pair in options.python))
    plan = Plan(options.rounds, options.round_seconds)
    print(report.machine_text(machine))
    results = []
    for seed in options.seed:
        for index in options.only or range(options.count):
            name, network = f"{seed}:{index}", draw(seed, index)
            try:
                results.append(measured(name, network, machine, plan))
                _say(" ".join(_columns(results[-1])))
            except WorkerError as error:
                print(f"{name} {network} {network.activation}: {error}", flush=True)
    print(text(results))
    if options.json:
        record = {
            "machine": report.machine_record(),
            "results": [_record(result) for result in results],
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if results else 1


def measured(name: str, network: Network, machine: Machine, plan: Plan) -> Result:
    """Both sides in turn, round after round, on the same core."""
    with Side(name, OURS, machine) as ours, Side(name, PEER, machine) as peer:
        mine, theirs = Runner(ours, plan), Runner(peer, plan)
        products = ours.products()
        pairs = [(mine.round(), theirs.round()) for _ in range(plan.rounds)]
    times, peer_times = zip(*pairs, strict=True)
    losses = mine.first["loss"], theirs.first["loss"]
    return Result(name, network, products, times, peer_times, mine.first["before"], losses)


def text(results: Sequence[Result]) -> str:
    """The table, then the medians of the two classes and the least ratio with their goals."""
    headings = (
        "network", "layers", "batch", "hidden", "loss", "optimizer", "products µs", "graphdl µs",
        "JAX µs", "JAX / graphdl (10-90 %)", "losses",
    )  # fmt: skip
    small = [result.ratio.median for result in results if result.small]
    large = [result.ratio.median for result in results if not result.small]
    return "\n".join(
        [
            report.table(headings, map(_columns, results)),
            "",
            *_summary(f"products under {SMALL:g} µs: median", median, small, GOALS["small"]),
            *_summary("elsewhere: median", median, large, GOALS["large"]),
            *_summary("all: minimum", min, small + large, GOALS["each"]),
        ]
    )


def _summary(what: str, take, ratios: Sequence[float], goal: float) -> Iterable[str]:
    if ratios:
        value = take(ratios)
        verdict = "holds" if value >= goal else "does not hold"
        yield f"{what} {value:.2f} of {len(ratios)}; goal {goal}: {verdict}"


def _columns(result: Result) -> tuple[str, ...]:
    network, (ours, peer) = result.network, result.losses
    return (
        result.name,
        str(network),
        str(network.batch),
        network.activation,
        network.loss,
        network.optimizer,
        f"{result.products:.1f}",
        f"{median(result.times):.4g}",
        f"{median(result.peer_times):.4g}",
        str(result.ratio),
        "" if result.alike else f"{result.before:.6g}: {ours:.6g}, JAX {peer:.6g}",
    )


def _record(result: Result) -> dict:
    derived = {"ratio": asdict(result.ratio), "small": result.small, "alike": result.alike}
    return asdict(result) | derived


def _say(text: str) -> None:
    """What is known already, for whoever waits; not part of the results."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.random_networks",
        description="Train random dense networks with graphdl and JAX, and compare.",
    )
    add = parser.add_argument
    add("--seed", type=int, nargs="+", default=[0], metavar="S", help="of networks (default 0)")
    add("--count", type=int, default=20, metavar="N", help="networks a seed (default 20)")
    add("--only", type=int, nargs="+", metavar="I", help="these networks of each seed alone")
    add("--rounds", type=int, default=7, metavar="N", help="alternating rounds (default 7)")
    add("--round-seconds", type=float, default=0.2, metavar="S", help="of a round (default 0.2)")
    add("--json", type=Path, metavar="FILE", help="write the results to this file")
    add(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help=f"run a side ({OURS} or {PEER}) in another interpreter",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
