"""A chunk: memory for some batches of data in the model's form, filled again and again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphdl import memory
from graphdl.core.errors import ShapeError
from graphdl.training.data import Data

CHUNK_BYTES = 2**24  # long enough to hide a thread's hand-over, a small part of any memory
CHUNKS = 3  # one in training, one ready, one being filled


class Chunk:
    """Rows of data, `batch` of them a step; `order` says which row comes when.

    rows: how many are filled, known to who fills. To who trains are known: steps that were taken
    (done), and rows that the device was supplied with (supplied).
    """

    def __init__(self, like: Data, rows: int) -> None:
        self.rows = self.batch = self.first = self.done = self.supplied = 0
        self.session: Any = None  # that trains on this memory; opened by who trains
        self.allocate(like, rows)

    def allocate(self, like: Data, rows: int) -> None:
        """Memory for so many rows of data like these."""
        memory.require(f"a chunk of {rows} examples", rows * row_bytes(like))
        room = lambda a: None if a is None else np.empty((rows, *a.shape[1:]), a.dtype)  # noqa: E731
        inputs = tuple(np.empty((rows, *a.shape[1:]), a.dtype) for a in like.inputs)
        self.data = Data(inputs, room(like.target), room(like.weights))
        self.order, self.session = np.arange(rows), None

    @property
    def capacity(self) -> int:
        return self.data.rows

    def put(self, at: int, part: Data) -> None:
        """Copy these rows to row `at` and after."""
        for mine, given in zip(self.data.arrays, part.arrays, strict=True):
            mine[at : at + len(given)] = given


def require_form(part: Data, like: Data) -> None:
    """Raise ShapeError where one example is not what those of the first batch are."""
    if (part.weights is None) is not (like.weights is None):
        raise ShapeError(
            "some batches have a sample_weight, others have none; give all of them one"
        )
    for given, first in zip(part.arrays, like.arrays, strict=True):
        if given.shape[1:] != first.shape[1:]:
            raise ShapeError(
                f"one example has shape {given.shape[1:]}, in the first batch {first.shape[1:]}"
            )


def row_bytes(like: Data) -> int:
    """The bytes of one example."""
    return sum(math.prod(a.shape[1:]) * a.itemsize for a in like.arrays)


def rows_in_chunk(like: Data, batch: int) -> int:
    """As many whole batches as a chunk holds, at least one; in rows."""
    return max(1, CHUNK_BYTES // max(1, row_bytes(like) * batch)) * batch
