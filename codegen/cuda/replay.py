"""The launches of a step, packed once, captured once, and replayed for every step.

A captured graph holds many steps, so that the host has little to do for each, and steps run into one
another; what is left over at the end is taken by smaller graphs. All that differs from step to step is
in the clock.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from codegen.cuda.interface import Device

# Estimates, which no GPU has confirmed: to hand over a graph costs the host a few microseconds, a
# launch in it about one.
LAUNCHES = 512  # of a graph, at most …
STEPS = 128  # … and its steps
AHEAD = 64  # graphs that are handed over before the host looks whether a guard has ended the run


class Replay:
    """A step that can be run again and again.

    changes: does it change variables? Then it is captured from the first time on: a launch that the
    driver refuses is refused while nothing of the step has begun. Other steps may never come again,
    and are launched one by one at first.
    """

    def __init__(self, device: Device, step: Sequence[Any], changes: bool) -> None:
        self._device, self.step = device, step
        self._comes_again = changes
        self.unrolled = max(1, min(STEPS, LAUNCHES // len(step)))
        self._graphs: dict[int, Any] = {}  # by steps

    def run(self, steps: int, ended: Callable[[], bool]) -> None:
        """Run so many steps, or fewer where the run has ended before."""
        if steps == 1 and (len(self.step) == 1 or not self._comes_again):
            for prepared in self.step:
                self._device.launch(prepared)
            self._comes_again = True
            return
        for k, size in enumerate(sizes_of_graphs(steps, self.unrolled), 1):
            self._device.replay(self._graph(size))
            if k % AHEAD == 0 and ended():
                return

    def _graph(self, steps: int) -> Any:
        if steps not in self._graphs:
            graph = self._graphs[steps] = self._device.capture(self.step, steps)
            weakref.finalize(self, self._device.release, graph).atexit = False
        return self._graphs[steps]


def sizes_of_graphs(steps: int, most: int) -> list[int]:
    """So many steps as graphs of `most` steps, then of powers of two: few graphs do for any number."""
    whole, rest = divmod(steps, most)
    powers = [1 << k for k in reversed(range(rest.bit_length())) if rest >> k & 1]
    return [most] * whole + powers
