"""Positions within layers: everything as near as it can to the middle of its neighbours, no overlaps.

For one layer in a fixed order this is a least-squares problem with a closed form: with the needed
distances taken off, the positions must not decrease, so they are the isotonic regression of the
wishes (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

SWEEPS = 10

Pull = tuple[int, float]  # a neighbour, and how far from its middle the link ends, less our own


def placed(
    layers: Sequence[Sequence[int]],
    apart: Callable[[int, int], float],
    pulls_up: Mapping[int, Sequence[Pull]],
    pulls_down: Mapping[int, Sequence[Pull]],
    weight: Mapping[int, float],
) -> dict[int, float]:
    """The middle of each item; neighbours in a layer are at least `apart` from each other."""
    position: dict[int, float] = {}
    for row in layers:
        at = 0.0
        for k, item in enumerate(row):
            at += apart(row[k - 1], item) if k else 0.0
            position[item] = at
    for sweep in range(SWEEPS):  # the last one goes up: what has one successor stands above it
        down = sweep % 2 == 0
        for row in layers if down else reversed(layers):
            _settle(row, position, apart, pulls_up if down else pulls_down, weight)
    return position


def _settle(
    row: Sequence[int],
    position: dict[int, float],
    apart: Callable[[int, int], float],
    pulls: Mapping[int, Sequence[Pull]],
    weight: Mapping[int, float],
) -> None:
    wishes, offsets = [], []
    for k, item in enumerate(row):
        offsets.append(offsets[-1] + apart(row[k - 1], item) if k else 0.0)
        ends = [position[i] + shift for i, shift in pulls[item]]
        wishes.append(_median(ends) if ends else position[item])
    weights = [weight[item] if pulls[item] else 0.1 for item in row]
    steady = isotonic([w - o for w, o in zip(wishes, offsets, strict=True)], weights)
    for item, value, offset in zip(row, steady, offsets, strict=True):
        position[item] = value + offset


def _median(values: Sequence[float]) -> float:
    ranked, middle = sorted(values), len(values) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing numbers nearest to the values: minimises Σ wᵢ (xᵢ − vᵢ)²."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, w in zip(values, weights, strict=True):
        mean, total, length = value, w, 1
        while blocks and blocks[-1][0] >= mean:
            m, t, n = blocks.pop()
            mean, total, length = (m * t + mean * total) / (t + total), t + total, n + length
        blocks.append((mean, total, length))
    return [mean for mean, _, length in blocks for _ in range(length)]
