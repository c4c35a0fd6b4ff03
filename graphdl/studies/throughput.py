"""How many examples a second are learnt from, against the size of the batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl import config
from graphdl.registry import whole
from graphdl.studies import picture
from graphdl.studies.copies import examples, training_copy
from graphdl.table import render
from graphdl.training.runner import Runner


@dataclass(frozen=True)
class Throughput:
    """Examples learnt from in a second, and the time of a step, for each batch size."""

    batch_sizes: np.ndarray
    examples_per_second: np.ndarray
    rows: int

    @property
    def step_seconds(self) -> np.ndarray:
        """The time of one step"""
        return self.batch_sizes / self.examples_per_second

    def __str__(self) -> str:
        pairs = zip(
            self.batch_sizes.tolist(), self.examples_per_second, self.step_seconds, strict=True
        )
        rows = [(b, f"{e:,.0f}", f"{s * 1e6:.1f} µs") for b, e, s in pairs]
        return render("throughput of training", ("batch B", "examples/s", "time a step"), rows)

    def plot(self, ax: Any = None) -> Any:
        """Examples a second against B."""
        ax = picture.axes(ax)
        ax.loglog(self.batch_sizes, self.examples_per_second, **picture.line(0, True))
        return picture.finish(ax, "batch size B", "examples a second")


def throughput(
    model: Any, x: Any, y: Any, *, batch_sizes: Sequence[int] = (1, 4, 16, 64, 256),
    seconds: float = 0.2,
) -> Throughput:  # fmt: skip
    """The speed of whole training passes, update included, at each batch size, on this machine.

    Each size runs for about `seconds`, at least three passes; the fastest counts. One compiled step
    serves every size. It trains copies: the model is left as it is.
    """
    data = examples(model, x, y)
    sizes = np.array([min(whole("a batch size", b), data.rows) for b in batch_sizes])
    copy, _ = training_copy(model, data)
    runner = Runner(copy.made, model._target, model._precision)
    found = []
    for batch in sizes:
        runner.compile(data.rows, int(batch))
        session, best, begin, passes = runner.open(data, int(batch)), np.inf, time.perf_counter(), 0
        while passes < 3 or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            session.run(0, session.steps, config.seed(), 0)
            best, passes = min(best, time.perf_counter() - start), passes + 1
        found.append(data.rows / best)
    return Throughput(sizes, np.array(found), data.rows)
