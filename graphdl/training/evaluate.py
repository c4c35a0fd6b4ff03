"""Evaluation and prediction: passes that change no weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from codegen.interrupts import heard
from graphdl import memory
from graphdl.callbacks import CallbackList
from graphdl.core.graph import Node
from graphdl.progress import Progress
from graphdl.registry import whole
from graphdl.training.data import Data
from graphdl.training.passes import batches
from graphdl.training.programs import Programs, batch_of, returned
from graphdl.training.runner import Session


class Evaluation(Programs):
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

        steps: only so many batches, the first ones; callbacks: their hooks of tests are called.
        """
        batch = batch_of(batch_size)
        data = first_batches(self._data("evaluate", x, y, sample_weight), batch, steps, "steps")
        hooks = self._hooks(callbacks, verbose, data, batch)
        session = self._session("test", data, batch)
        with self._counting_apart(), Progress(verbose, None, session.steps) as progress:
            progress.begin_epoch(0)
            logs = self._pass(session, hooks)
            progress.end_epoch(logs)
        return returned(logs, return_dict)

    def _hooks(self, callbacks: Any, verbose: Any, data: Data, batch: int) -> CallbackList:
        steps = -(-data.rows // batch)
        return CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=steps)

    def _pass(self, session: Session, hooks: CallbackList) -> dict[str, float]:
        self.reset_metrics()
        hooks.on_test_begin({})
        for _ in batches(session, self._seed(), 0, "test", hooks, lambda _: self._logs()):
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

        steps: only so many batches, the first ones; callbacks: their hooks of predictions are
        called, with the batch's "outputs" in the logs of `on_predict_batch_end`.
        """
        batch = batch_of(batch_size)
        self.build_for(x)
        data = first_batches(Data(self._inputs(x)), batch, steps, "steps")
        hooks = self._hooks(callbacks, verbose, data, batch)
        many = isinstance(self._output, list)
        results = [_room(data.rows, o) for o in (self._output if many else [self._output])]

        def outputs(step: int) -> dict[str, Any]:
            parts = [r[step * batch : (step + 1) * batch] for r in results]
            return {"outputs": parts if many else parts[0]}

        hooks.on_predict_begin({})
        if data.rows:
            session = self._session("predict", data, batch, results)
            with Progress(verbose, None, session.steps) as progress:
                progress.begin_epoch(0)
                for done, _ in batches(session, self._seed(), 0, "predict", hooks, outputs):
                    progress.update(done, {})
                progress.end_epoch({})
        hooks.on_predict_end({})
        return results if many else results[0]


def first_batches(data: Data, batch: int, steps: int | None, what: str) -> Data:
    """The rows of the first `steps` batches, or all."""
    return data if steps is None else data.part(0, whole(what, steps) * batch)


def _room(rows: int, output: Node) -> np.ndarray:
    shape = (rows, *output.shape[1:])
    memory.require(f"the prediction {shape}", math.prod(shape) * np.dtype(output.dtype).itemsize)
    return np.empty(shape, output.dtype)
