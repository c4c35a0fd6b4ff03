"""Evaluation and prediction: passes that change no weight."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import numpy as np

from codegen.interrupts import heard
from graphdl import memory
from graphdl.callbacks import CallbackList
from graphdl.core.graph import Node
from graphdl.progress import Progress
from graphdl.training.passes import batches
from graphdl.training.programs import batch_of, returned
from graphdl.training.sources import Feed, Given, Sources, rows_of


class Evaluation(Sources):
    """`evaluate` and `predict` of a model."""

    @heard()
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data: a number, a list, or (`return_dict`) a dict by name.

        x, y: as in `fit`, so memory maps and iterables of batches too. steps: only so many batches,
        the first ones; callbacks: their hooks of tests are called.
        """
        given = Given("evaluate", x, y, sample_weight, batch_size=batch_size)
        session = self._opened("test", self._examples(given, steps), batch_of(batch_size))
        hooks = self._hooks(callbacks, verbose, session)
        with self._counting_apart(), Progress(verbose, None, session.planned) as progress:
            progress.begin_epoch(0)
            logs = self._pass(session, hooks)
            progress.steps = session.planned  # of an iterable it may be known only now
            progress.end_epoch(logs)
        return returned(logs, return_dict)

    def _hooks(self, callbacks: Any, verbose: Any, session: Feed) -> CallbackList:
        steps = session.planned
        return CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=steps)

    def _pass(self, session: Feed, hooks: CallbackList) -> dict[str, float]:
        self.reset_metrics()
        hooks.on_test_begin({})
        with closing(batches(session, self._seed(), 0, "test", hooks, lambda _: self._logs())) as p:
            for _ in p:
                pass
        logs = self._logs()
        hooks.on_test_end(dict(logs))
        return logs

    @heard()
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs for x, row by row in the order given.

        x: an array, a memory map, or an iterable of batches: x alone, or (x, …) of which only x is
        used. steps: only so many batches, the first ones; callbacks: their hooks of predictions are
        called, with the batch's "outputs" in the logs of `on_predict_batch_end`.
        """
        data = self._examples(Given("predict", x, batch_size=batch_size), steps)
        many = isinstance(self._output, list)
        found = Predictions(self._output if many else [self._output], rows_of(data))
        hooks = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=0)
        hooks.on_predict_begin({})
        if rows_of(data) != 0:
            session = self._opened("predict", data, batch_of(batch_size), found.wholes, found.keep)
            hooks.set_params(hooks.params | {"steps": session.planned})
            self._predict(session, hooks, many, verbose)
        hooks.on_predict_end({})
        results = found.arrays()
        return results if many else results[0]

    def _predict(self, session: Feed, hooks: CallbackList, many: bool, verbose: Any) -> None:
        def outputs(step: int) -> dict[str, Any]:
            parts = session.outputs_of(step)
            return {"outputs": parts if many else parts[0]}

        pieces = batches(session, self._seed(), 0, "predict", hooks, outputs)
        with Progress(verbose, None, session.planned) as progress, closing(pieces):
            progress.begin_epoch(0)
            for done, _ in pieces:
                progress.update(done, {})
            progress.end_epoch({})


class Predictions:
    """The outputs for rows that come chunk by chunk; for data in memory they are written in place."""

    def __init__(self, outputs: list[Node], rows: int | None) -> None:
        self.wholes = [] if rows is None else [_room(rows, o) for o in outputs]
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

    def arrays(self) -> list[np.ndarray]:
        """All rows of each output."""
        return self.wholes or [np.concatenate(parts) for parts in self._parts]


def _room(rows: int, output: Node) -> np.ndarray:
    shape = (rows, *output.shape[1:])
    memory.require(f"the prediction {shape}", math.prod(shape) * np.dtype(output.dtype).itemsize)
    return np.empty(shape, output.dtype)
