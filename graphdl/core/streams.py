"""Which stream of random numbers each draw of a graph takes.

Streams are numbers below 2³². Initial weights and what is drawn at once count from 1; what a graph
draws again at every step lies above `FIRST`; the shuffles of `fit` have 2³¹.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FIRST = 2**30  # draws that have no number, counted by their place in the graph
OF_LAYERS = FIRST + 2**29  # draws of layers, counted within their model as it is traced


def stream_numbers(nodes: Iterable[Any]) -> dict[Any, int]:
    """The stream of each random node: its own, or its rank among those that have none."""
    found: dict[Any, int] = {}
    counted = 0
    for node in nodes:
        if "stream" in node.attrs:
            own = node.attrs["stream"]
            found[node] = FIRST + counted if own is None else own
            counted += own is None
    return found
