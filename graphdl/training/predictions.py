"""Where the outputs of a prediction go."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from codegen.cuda.arrays import DeviceArray
from graphdl import memory
from graphdl.core.graph import Node
from graphdl.device import empty
from graphdl.training.data import Array


class Predictions:
    """The outputs for rows that come chunk by chunk; for data in memory they are written in place."""

    def __init__(self, outputs: list[Node], rows: int | None, beside: Sequence[Array]) -> None:
        """beside: examples of the data; the outputs lie on the device where these do."""
        self.wholes = [] if rows is None else [room(rows, o, beside) for o in outputs]
        self._parts: list[list[np.ndarray]] = [[] for _ in outputs]
        self._rows = 0

    def keep(self, parts: list[np.ndarray]) -> None:
        """The next rows of each output; they lie in memory that is used again."""
        last = self._rows + len(parts[0])
        if self.wholes:
            for whole, part in zip(self.wholes, parts, strict=True):
                whole[self._rows : last] = part
        else:
            for before, part in zip(self._parts, parts, strict=True):
                before.append(part.copy())
        self._rows = last

    def arrays(self) -> list[Array]:
        """All rows of each output."""
        return self.wholes or [np.concatenate(parts) for parts in self._parts]


def room(rows: int, output: Node, beside: Sequence[Array] = ()) -> Array:
    """Memory for so many rows of an output, if there is enough; where the data lies."""
    shape = (rows, *output.shape[1:])
    if any(isinstance(a, DeviceArray) for a in beside):
        return empty(shape, output.dtype)
    memory.require(f"the prediction {shape}", math.prod(shape) * np.dtype(output.dtype).itemsize)
    return np.empty(shape, output.dtype)
