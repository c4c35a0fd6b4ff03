"""The pictures of a network as SVG, by units and by layers.

Each thing that the page lights, names or fills in has an id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from graphdl.explorer.layout import RADIUS, Layout
from graphdl.explorer.stations import Station
from graphdl.explorer.structure import Link


def units_svg(stations: Sequence[Station], links: Sequence[Link], plan: Layout) -> str:
    """Edges first, so that units lie on top. Numbers come in later: this is the still picture."""
    size = f'viewBox="0 0 {plan.width} {plan.height}" width="{plan.width}" height="{plan.height}"'
    parts = [f'<svg id="net" {size} role="group" aria-label="The network, from data to loss">']
    parts += ['<g id="edges">', *_edges(links, plan), "</g>", '<g id="badges"></g>']
    parts += ['<g id="units">', *_units(stations, plan), "</g></svg>"]
    return "".join(parts)


def shown(name: str) -> str:
    """A name with its number lowered: z1 is z₁."""
    stem = name.rstrip("0123456789")
    lowered = "".join(chr(0x2080 + int(d)) for d in name[len(stem) :])
    return stem + lowered if stem and len(stem) <= 2 else name


def _units(stations: Sequence[Station], plan: Layout) -> Iterator[str]:
    for g in plan.groups:
        s = stations[g.station]
        x, y = g.places[0]
        if not g.leaf:
            yield f'<text class="head" x="{x}" y="{y - RADIUS - 14}">{escape(shown(s.name))}</text>'
        for slot, (x, y) in enumerate(g.places):
            yield _unit(g.station, slot, s, g.leaf, x, y)
        if g.more:
            text = f"{len(g.places) + g.more} units, {len(g.places)} shown"
            yield f'<text class="more" x="{x}" y="{y + 52}">{text}</text>'


def _unit(number: int, slot: int, s: Station, leaf: bool, x: int, y: int) -> str:
    kind = "leaf" if leaf else s.role
    shape = (
        f'<rect x="{x - 13}" y="{y - 13}" width="26" height="26" rx="5"/>'
        if leaf
        else f'<circle cx="{x}" cy="{y}" r="{RADIUS}"/>'
    )
    return (
        f'<g id="u{number}-{slot}" class="unit {kind}" role="img">{shape}'
        f'<text class="value" x="{x}" y="{y + 4}"></text>'
        f'<text class="slope" x="{x}" y="{y + RADIUS + 12}"></text></g>'
    )


def _edges(links: Sequence[Link], plan: Layout) -> Iterator[str]:
    for number, link in enumerate(links):
        for i, j in _ends(link, plan):
            source = link.weight if link.source < 0 else link.source
            a, b = plan.group(source), plan.group(link.target)
            start, end = a.places[i], b.places[j]
            kind = "weight" if link.weight >= 0 else link.kind
            yield _edge(f"e{number}-{i}-{j}", kind, start, end, 13 if a.leaf else RADIUS)


def _ends(link: Link, plan: Layout) -> Iterator[tuple[int, int]]:
    targets = len(plan.group(link.target).places)
    if link.kind == "matrix":
        for i in range(len(plan.group(link.source).places)):
            yield from ((i, j) for j in range(targets))
    elif link.kind == "vector":
        yield from ((0, j) for j in range(targets))
    elif link.kind == "whole":
        yield 0, targets // 2
    else:
        yield from link.pairs


def _edge(name: str, kind: str, start: tuple[int, int], end: tuple[int, int], radius: int) -> str:
    (x1, y1), (x2, y2) = start, end
    left, right = (x1 + radius, y1), (x2 - RADIUS, y2)
    bend = max(18, abs(right[0] - left[0]) // 3)
    path = (
        f"M{left[0]} {left[1]}C{left[0] + bend} {left[1]} {right[0] - bend} {right[1]} "
        f"{right[0]} {right[1]}"
    )
    hit = f'<path class="hit" d="{path}"/>' if kind == "weight" else ""
    return f'<g id="{name}" class="edge {kind}">{hit}<path class="line" d="{path}"/></g>'


# ------------------------------------------------------------------ layers

BOX, TALL, ACROSS, DOWN = 92, 46, 128, 74


def layers_svg(stations: Sequence[Station], shapes: Sequence[str]) -> str:
    """Values in a row of boxes from the data to the loss, the weights of each below it."""
    places = _boxes(stations)
    width = max(x for x, _ in places) + BOX // 2 + 12
    height = max(y for _, y in places) + TALL // 2 + 12
    parts = [
        f'<svg id="flow" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="group" aria-label="The network by layers">'
    ]
    number = {s.node: k for k, s in enumerate(stations)}
    for k, s in enumerate(stations):
        parts += [_arrow(number[p], k, places) for p in s.parents]
    for k, s in enumerate(stations):
        parts.append(_box(k, s, shapes[k], *places[k]))
    return "".join([*parts, "</svg>"])


def _boxes(stations: Sequence[Station]) -> list[tuple[int, int]]:
    """The middle of each box: a column for each depth, weights at the bottom."""
    filled: dict[int, int] = {}
    places = [(0, 0)] * len(stations)
    order = sorted(range(len(stations)), key=lambda k: (_order(stations[k]), k))
    column = {d: at for at, d in enumerate(sorted({s.depth for s in stations}))}
    for k in order:
        at = column[stations[k].depth]
        row = filled[at] = filled.get(at, -1) + 1
        places[k] = (12 + BOX // 2 + at * ACROSS, 12 + TALL // 2 + row * DOWN)
    return places


def _order(station: Station) -> int:
    return 2 if station.role == "weight" else 1 if not station.parents and station.depth else 0


def _box(number: int, s: Station, shape: str, x: int, y: int) -> str:
    name, size = escape(shown(s.name)), escape(shape)
    role = "button" if s.role == "weight" else "img"
    return (
        f'<g id="s{number}" class="box {s.role}" role="{role}" aria-label="{name}, {size}">'
        f'<rect x="{x - BOX // 2}" y="{y - TALL // 2}" width="{BOX}" height="{TALL}" rx="8"/>'
        f'<text class="name" x="{x}" y="{y - 2}">{name}</text>'
        f'<text class="shape" x="{x}" y="{y + 15}">{size}</text></g>'
    )


def _arrow(source: int, target: int, places: Sequence[tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[source], places[target]
    if x1 == x2:  # a weight, below its value
        path = f"M{x1} {y1 - TALL // 2}L{x2} {y2 + TALL // 2}"
    else:
        start, end = x1 + BOX // 2, x2 - BOX // 2
        bend = max(12, (end - start) // 2)
        path = f"M{start} {y1}C{start + bend} {y1} {end - bend} {y2} {end} {y2}"
    return f'<path id="p{source}-{target}" class="arrow" d="{path}"/>'
