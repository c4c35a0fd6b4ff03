"""The picture of a run, drawn from its JSON: peers beside ours, starting, growth."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import FLOOR, OURS, PEERS, TAPE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

NAMES = (OURS, *PEERS, TAPE)
COLOURS = {name: f"C{number}" for number, name in enumerate(NAMES)} | {FLOOR: "black"}
MARKERS = dict(zip((*NAMES, FLOOR), "osD^v<>Phd_", strict=True))
MEASURES = {"compile_seconds": "compile, s", "step_us": "a step, µs", "peak_mb": "peak, MB"}


def draw(record: dict, file: Path) -> None:
    """Write the picture; raises `ModuleNotFoundError` where matplotlib is missing."""
    from matplotlib.figure import Figure

    sections = {"steady": (_steady, 4.5), "startup": (_startup, 2.5), "growth": (_growth, 6.0)}
    there = [(record[name], *sections[name]) for name in sections if record[name]]
    heights = [height for *_, height in there]
    figure = Figure(figsize=(12, sum(heights)), layout="constrained")
    subfigures = figure.subfigures(len(there), 1, height_ratios=heights, squeeze=False)[:, 0]
    for (results, section, _), subfigure in zip(there, subfigures, strict=True):
        section(results, subfigure)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


def _steady(results: list[dict], figure: "SubFigure") -> None:
    """One panel a number of cores: each peer's time a step over the base's, log scale."""
    cores = [(n, list(group)) for n, group in groupby(results, lambda r: r["threads"])]
    panels = figure.subplots(1, len(cores), sharey=True, squeeze=False)[0]
    for axes, (threads, group) in zip(panels, cores, strict=True):
        _ratios(axes, group)
        axes.set_title(f"{threads} core{'s' if threads > 1 else ''}")
    panels[0].set_ylabel(f"time a step / {results[0]['base']['peer']}'s")
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside right upper", fontsize="small")


def _ratios(axes: "Axes", group: list[dict]) -> None:
    names = list(dict.fromkeys(e["peer"] for result in group for e in result["peers"]))
    for number, name in enumerate(names):
        found = [
            (place, entry["ratio"])
            for place, result in enumerate(group)
            for entry in result["peers"]
            if entry["peer"] == name
        ]
        shift = (number - (len(names) - 1) / 2) * 0.6 / len(names)
        middle = [ratio["median"] for _, ratio in found]
        below = [ratio["median"] - ratio["low"] for _, ratio in found]
        above = [ratio["high"] - ratio["median"] for _, ratio in found]
        places = [place + shift for place, _ in found]
        axes.errorbar(places, middle, (below, above), label=name, linestyle="none", capsize=2,
                      marker=MARKERS[name], markersize=5, color=COLOURS[name])  # fmt: skip
    axes.axhline(1, color=COLOURS[OURS])
    axes.set_yscale("log")
    labels = [f"{r['workload']['name']}\n{r['base']['median_us']:.3g} µs" for r in group]
    axes.set_xticks(range(len(group)), labels, fontsize="small")
    axes.grid(axis="y", alpha=0.3)


def _startup(results: list[dict], figure: "SubFigure") -> None:
    """Cold and warm seconds to the first trained epoch, a bar each."""
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        starts = result["startup"][::-1]
        places = range(len(starts))
        for name, shift, shade in (("cold", 0.2, "C0"), ("warm", -0.2, "C1")):
            seconds = [start[name] for start in starts]
            bars = axes.barh([p + shift for p in places], seconds, 0.38, label=name, color=shade)
            axes.bar_label(bars, fmt="%.1f", padding=2, fontsize="small")
        axes.set_yticks(places, [s["peer"] for s in starts])
        axes.set_title(f"{result['workload']}: seconds to the first trained epoch")
        axes.legend(loc="lower right", fontsize="small")


def _growth(results: list[dict], figure: "SubFigure") -> None:
    """A row a measure, a column an axis, a line a peer."""
    names = list(dict.fromkeys(series["axis"] for series in results))
    panels = figure.subplots(len(MEASURES), len(names), sharex="col", squeeze=False)
    for row, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        for axes, name in zip(row, names, strict=True):
            _lines(axes, [series for series in results if series["axis"] == name], measure)
        row[0].set_ylabel(label)
    for axes, name in zip(panels[-1], names, strict=True):
        axes.set_xlabel(name)
    panels[0, 0].legend(fontsize="small")


def _lines(axes: "Axes", group: list[dict], measure: str) -> None:
    for series in group:
        values = [point["value"] for point in series["points"]]
        heights = [point[measure] for point in series["points"]]
        peer = series["peer"]
        axes.plot(values, heights, marker=MARKERS[peer], markersize=4, color=COLOURS[peer],
                  label=peer)  # fmt: skip
    axes.set_xscale("log")
    ticks = sorted({point["value"] for series in group for point in series["points"]})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=45, fontsize="small")
    axes.set_xticks([], minor=True)
    if measure == "step_us":
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.grid(alpha=0.3)
