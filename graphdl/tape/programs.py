"""Programs of recordings: compiled once for each structure, found again at every later turn."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphdl.calls import Calls
from graphdl.compile import compile_graph
from graphdl.core.errors import GraphError, NonFiniteError
from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.core.sizes import Size, named, substitute
from graphdl.tape.bounded import Bounded

KEPT = 128  # programs, and as many gradients

programs = Bounded(KEPT)


class Program:
    """Outputs and updates of a recording, compiled. Its inputs are the leaves they depend on."""

    def __init__(
        self,
        outputs: Sequence[Node],
        updates: Mapping[Variable, Node],
        checks: Mapping[Node, str],
        target: str,
    ) -> None:
        self.checks = checks
        symbols = walk([*checks, *outputs, *updates.values()])
        self.inputs = [n for n in symbols if n.op.name == "tensor"]
        self.outputs, self.updates = outputs, updates
        graph = Graph(self.inputs, outputs, updates, checks)
        self.compiled = compile_graph(graph, target, name="tape")
        lowered = self.compiled.lowered
        self._sizes = [
            (v.name, _name(d)) for v, d in zip(lowered.program.sizes, lowered.sizes, strict=True)
        ]
        self._call, self._lock = Calls(self.compiled), threading.Lock()

    def __call__(
        self, values: Mapping[Node, np.ndarray], extents: Mapping[str, int], time: int
    ) -> list[np.ndarray]:
        """The outputs; then the updates are made, all or none."""
        sizes = {
            name: extents[d] if isinstance(d, str) else extent(d, extents)
            for name, d in self._sizes
        }
        arrays = [values[n] for n in self.inputs]
        with self._lock:
            status, outputs = self._call(arrays, sizes, time)
        if status:
            raise NonFiniteError(
                f"{' or '.join(self.checks.values())} is not finite; no variable was changed. "
                "A smaller learning rate or scaled inputs help"
            )
        return outputs


def extent(d: Any, extents: Mapping[str, int]) -> int:
    """A size as a number; raises GraphError where no array that is there has it."""
    found = substitute(d, extents) if isinstance(d, Size) else d
    if isinstance(found, Size):
        raise GraphError(f"the size {found} is not known inside this tape: no array has it")
    return found


def _name(d: Any) -> Any:
    """A size that is but a name as that name."""
    return d.names[0] if isinstance(d, Size) and d == named(d.names[0]) else d
