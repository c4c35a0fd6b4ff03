"""The order of what stands in one layer: few crossings, by barycentres and swaps of neighbours.

Sugiyama's heuristic. A layer is ordered by the mean position of what its items are linked to in the
layer before, down and up in turn; then neighbours are swapped where that removes crossings. The best
order of all sweeps is kept. Ties go by the order that was there, so the result is deterministic.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

SWEEPS = 8

Layers = list[list[int]]
Links = Mapping[int, Sequence[int]]


def ordered(layers: Layers, below: Links, above: Links) -> Layers:
    """The layers with the items of each reordered; `below` and `above` are an item's neighbours."""
    starts = [layers, [row[::-1] for row in layers]]
    found = [_swept([list(row) for row in start], below, above) for start in starts]
    return min(found, key=lambda rows: crossings(rows, below))


def crossings(layers: Sequence[Sequence[int]], below: Links) -> int:
    """The number of pairs of links that cross."""
    return sum(_between(upper, lower, below) for upper, lower in pairwise(layers))


def _between(upper: Sequence[int], lower: Sequence[int], below: Links) -> int:
    """Inversions among the lower ends, as the upper ends go from left to right."""
    position = {item: k for k, item in enumerate(lower)}
    met: list[int] = []
    count = 0
    for item in upper:
        ends = sorted(position[i] for i in below[item])
        count += sum(len(met) - bisect_right(met, end) for end in ends)
        for end in ends:
            insort(met, end)
    return count


def _swept(layers: Layers, below: Links, above: Links) -> Layers:
    best, fewest = [list(row) for row in layers], crossings(layers, below)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        links = above if down else below
        indices = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for k in indices:
            layers[k] = _by_barycentre(layers[k], layers[k - 1 if down else k + 1], links)
        _swap(layers, below, above)
        count = crossings(layers, below)
        if count < fewest:
            best, fewest = [list(row) for row in layers], count
    return best


def _by_barycentre(row: list[int], fixed: list[int], links: Links) -> list[int]:
    """Sorted by the mean position of the neighbours; who has none keeps its place."""
    position = {item: k for k, item in enumerate(fixed)}
    mean = {i: sum(position[j] for j in links[i]) / len(links[i]) for i in row if links[i]}
    moving = iter(sorted(mean, key=mean.__getitem__))
    return [next(moving) if i in mean else i for i in row]


def _swap(layers: Layers, below: Links, above: Links) -> None:
    """Swap neighbours as long as that removes crossings, one pass over all layers."""
    for k, row in enumerate(layers):
        sides = [(layers[k - 1], above)] if k else []
        sides += [(layers[k + 1], below)] if k + 1 < len(layers) else []
        places = [({item: p for p, item in enumerate(other)}, links) for other, links in sides]
        ends = {i: [sorted(place[j] for j in links[i]) for place, links in places] for i in row}
        for p in range(len(row) - 1):
            a, b = ends[row[p]], ends[row[p + 1]]
            now = sum(map(_inversions, a, b))
            if now and sum(map(_inversions, b, a)) < now:
                row[p], row[p + 1] = row[p + 1], row[p]


def _inversions(left: Sequence[int], right: Sequence[int]) -> int:
    """Crossings of the links of two neighbours."""
    return sum(bisect_right(right, end - 1) for end in left)
