"""The launches of a step, packed once, captured once, and replayed for every step.

A captured graph holds many steps, so that the host has little to do for each; what is left over at
the end is taken by a graph of one step. All that differs from step to step is in the clock.
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
    """A step that can be run again and again."""

    def __init__(self, device: Device, step: Sequence[Any]) -> None:
        self._device, self.step = device, step
        self.unrolled = max(1, min(STEPS, LAUNCHES // len(step)))
        self._graphs: dict[int, Any] = {}  # by steps

    def run(self, steps: int, ended: Callable[[], bool]) -> None:
        """Run so many steps, or fewer where the run has ended before."""
        if steps == len(self.step) == 1:
            self._device.launch(self.step[0])
            return
        whole, single = divmod(steps, self.unrolled)
        sizes = [self.unrolled] * whole + [1] * single
        for k, size in enumerate(sizes, 1):
            self._device.replay(self._graph(size))
            if k % AHEAD == 0 and ended():
                return

    def _graph(self, steps: int) -> Any:
        if steps not in self._graphs:
            graph = self._graphs[steps] = self._device.capture(self.step, steps)
            weakref.finalize(self, self._device.release, graph).atexit = False
        return self._graphs[steps]
