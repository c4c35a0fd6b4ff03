"""Evaluation and prediction: passes that change no weight."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from codegen.interrupts import heard
from graphdl.callbacks import CallbackList
from graphdl.progress import Progress
from graphdl.training.data import check_finite
from graphdl.training.passes import batches
from graphdl.training.predictions import Predictions
from graphdl.training.programs import batch_of, returned
from graphdl.training.runner import Session
from graphdl.training.sources import Feed, Given, Sources, example_of, rows_of


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
        finite = _first(callbacks, steps)
        given = Given("evaluate", x, y, sample_weight, batch_size=batch_size, finite=finite)
        data, batch = self._examples(given, steps), batch_of(batch_size)
        show = Progress(verbose, None, None)
        hooks = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=None)
        session = self._opened("test", data, batch)
        hooks.set_params(hooks.params | {"steps": session.planned})
        show.steps = session.planned
        with self._counting_apart(), show as progress:
            progress.begin_epoch(0)
            logs = self._pass(session, hooks)
            progress.steps = session.planned  # of an iterable it may be known only now
            progress.end_epoch(logs)
        return returned(logs, return_dict)

    def _pass(self, session: Feed, hooks: CallbackList) -> dict[str, float]:
        self.reset_metrics()
        hooks.on_test_begin({})
        try:
            self._test(session, hooks)
        except BaseException:
            self.reset_metrics()  # what was counted is of a part of the data
            raise
        logs = self._logs()
        hooks.on_test_end(dict(logs))
        return logs

    def _test(self, session: Feed, hooks: CallbackList) -> None:
        pieces = batches(session, self._seed(), 0, "test", hooks, lambda _: self._logs())
        with closing(pieces):
            for _, status in pieces:
                if status:
                    raise not_finite(session)

    @heard()
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs for x, row by row in the order given; on the GPU where x lies there.

        x: an array, a memory map, or an iterable of batches: x alone, or (x, …) of which only x is
        used. steps: only so many batches, the first ones; callbacks: their hooks of predictions are
        called, with the batch's "outputs" in the logs of `on_predict_batch_end`.
        """
        batch, finite = batch_of(batch_size), _first(callbacks, steps)
        data = self._examples(Given("predict", x, batch_size=batch_size, finite=finite), steps)
        many = isinstance(self._output, list)
        outputs = self._output if many else [self._output]
        found = Predictions(outputs, rows_of(data), example_of(data).arrays)
        hooks = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=0)
        hooks.on_predict_begin({})
        if rows_of(data) != 0:
            session = self._opened("predict", data, batch, found.wholes, found.keep)
            hooks.set_params(hooks.params | {"steps": session.planned})
            self._predict(session, hooks, many, verbose)
            if isinstance(session, Session):
                session.runner.keep(session)
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
            for done, status in pieces:
                if status:
                    raise not_finite(session)
                progress.update(done, {})
            progress.end_epoch({})


def _first(callbacks: Any, steps: int | None) -> bool:
    """Must x be finite before anything is done? Else the compiled step looks at each batch while it is
    near, which saves a pass over memory: nothing is seen of what was computed before it.
    """
    return bool(callbacks) or steps is not None


def not_finite(session: Feed) -> ValueError:
    """What is said of inputs in which a step found NaN or infinity."""
    if isinstance(session, Session):  # chunks of other data were checked when they were filled
        try:
            for array in session.data.inputs:
                check_finite(array, "x")
        except ValueError as error:
            return error
    return ValueError("x was changed by another thread during the call")
