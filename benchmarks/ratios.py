"""What alternating rounds say about two programs: the ratio of their times, with its range."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ratio:
    """Peer's time over ours, over the rounds of one run: above 1, ours is faster."""

    median: float
    low: float
    """10th percentile."""
    high: float
    """90th percentile."""

    def holds(self, goal: float) -> bool:
        """A goal counts as reached only when the lower end reaches it."""
        return self.low >= goal

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(ours: Sequence[float], peer: Sequence[float]) -> Ratio:
    """Ratio of paired times: `ours[i]` and `peer[i]` are neighbours in time.

    Pairing cancels the drift of the machine's speed. Raises `ValueError` when there are no
    rounds, when their numbers differ, or when a time is not positive.
    """
    if len(ours) != len(peer) or not len(ours):
        raise ValueError(f"ratio needs paired rounds, got {len(ours)} of ours, {len(peer)} of peer")
    if min(*ours, *peer) <= 0:
        raise ValueError("ratio needs positive times")
    low, median, high = np.percentile(np.asarray(peer) / np.asarray(ours), [10, 50, 90])
    return Ratio(float(median), float(low), float(high))
