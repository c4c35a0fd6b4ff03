"""Evaluation and prediction: passes that change no weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from codegen.executable import Binding
from codegen.interrupts import heard
from graphdl import memory
from graphdl.callbacks import CallbackList
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.core.sizes import Size
from graphdl.prepared import Prepared, Ready, first, prepare
from graphdl.progress import Progress
from graphdl.registry import whole
from graphdl.training.data import Data, check_finite
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
        given = self._data("evaluate", x, y, sample_weight, finite=_first(callbacks, steps))
        data = first_batches(given, batch, steps, "steps")
        hooks = self._hooks(callbacks, verbose, data, batch)
        session = self._runner("test", data).open(data, batch)
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
        for _, status in batches(session, self._seed(), 0, "test", hooks, lambda _: self._logs()):
            if status:
                self.reset_metrics()
                raise not_finite(session.data)
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
        inputs = self._inputs(x, finite=_first(callbacks, steps))
        data = first_batches(Data(inputs), batch, steps, "steps")
        hooks = self._hooks(callbacks, verbose, data, batch)
        many = isinstance(self._output, list)
        results = [_room(data.rows, o) for o in (self._output if many else [self._output])]

        def outputs(step: int) -> dict[str, Any]:
            parts = [r[step * batch : (step + 1) * batch] for r in results]
            return {"outputs": parts if many else parts[0]}

        hooks.on_predict_begin({})
        if data.rows:
            runner = self._runner("predict", data)
            session = runner.again(data, batch, results)
            with Progress(verbose, None, session.steps) as progress:
                progress.begin_epoch(0)
                for done, status in batches(session, self._seed(), 0, "predict", hooks, outputs):
                    if status:
                        raise not_finite(data)
                    progress.update(done, {})
                progress.end_epoch({})
            runner.keep(session)
        hooks.on_predict_end({})
        return results if many else results[0]

    def predict_function(self, rows: int = 1) -> Prepared:
        """`predict` for inputs of just so many rows, as one batch: f(x) costs less than a microsecond
        more than what it computes. See `Prepared`.
        """
        self._require_built()
        shapes = [(whole("rows", rows), *s.shape[1:]) for s in self._symbols]
        for symbol, shape in zip(self._symbols, shapes, strict=True):
            if any(isinstance(d, Size) for d in shape):
                raise ShapeError(
                    f"predict_function needs inputs of known sizes, {symbol.attrs['name']!r} has "
                    f"({', '.join(map(str, symbol.shape))}); predict takes any"
                )
        data = Data(tuple(np.zeros(s, n.dtype) for s, n in zip(shapes, self._symbols, strict=True)))
        many = isinstance(self._output, list)
        results = [_room(rows, o) for o in (self._output if many else [self._output])]
        runner = self._runner("predict", data)

        def bind() -> tuple[Binding, tuple[Any, ...]]:
            session = runner.open(data, rows, results, own=True)
            return session.binding, session.numbers(0, 1, self._seed(), 0)

        ready = Ready(
            compiled=runner.compiled,
            bind=bind,
            sizes=runner.open(data, rows, results).sizes(rows),
            door=lambda args: self._inputs(args[0] if len(args) == 1 else list(args)),
            shaped=list if many else first,
            names=tuple(s.attrs["name"] for s in self._symbols),
            inputs=tuple((a.dtype, a.shape) for a in data.inputs),
            outputs=tuple((r.dtype, r.shape) for r in results),
            looks_up=bool(self._lookups),
        )
        return prepare(ready)


def first_batches(data: Data, batch: int, steps: int | None, what: str) -> Data:
    """The rows of the first `steps` batches, or all."""
    return data if steps is None else data.part(0, whole(what, steps) * batch)


def _first(callbacks: Any, steps: int | None) -> bool:
    """Must x be finite before anything is done? Else the compiled step looks at each batch while it is
    near, which saves a pass over memory: nothing is seen of what was computed before it.
    """
    return bool(callbacks) or steps is not None


def not_finite(data: Data) -> ValueError:
    """What is said of inputs in which a step found NaN or infinity."""
    try:
        for array in data.inputs:
            check_finite(array, "x")
    except ValueError as error:
        return error
    return ValueError("x was changed by another thread during the call")


def _room(rows: int, output: Node) -> np.ndarray:
    shape = (rows, *output.shape[1:])
    memory.require(f"the prediction {shape}", math.prod(shape) * np.dtype(output.dtype).itemsize)
    return np.empty(shape, output.dtype)
