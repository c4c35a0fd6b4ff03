"""Many short epochs in one call of compiled code, where nobody looks at each of them.

On a GPU they are handed over one after the other, and waited for together.
"""

from __future__ import annotations

import time
from typing import Any

from codegen.epochs import Shuffle
from codegen.optimisations import on
from graphdl.callbacks import CallbackList
from graphdl.core.graph import about_to_change
from graphdl.metrics.base import Metric
from graphdl.training.nonfinite import explain
from graphdl.training.runner import CHUNK_SECONDS, Session
from graphdl.training.shuffle import SHUFFLE_STREAM, shuffle, shuffler_address

WORTH_COMPILING = 2000  # epochs: Python takes 20 ms between them, the compiler ten times as long
_epochs = 0


class Together:
    """Epochs of one fit; the first of them are run by the caller, and show how long one takes."""

    def __init__(self, model: Any, session: Session, hooks: CallbackList, mix: bool) -> None:
        """mix: is the data shuffled?"""
        self._model, self._session, self._hooks, self._mix = model, session, hooks, mix
        self._metrics = dict(zip(model.metrics_names, model._counters(), strict=True))
        self._count, self._began = 0, 0.0  # of the last piece: its epochs, when it began

    def fitting(self, left: int) -> int:
        """How many of the epochs that are left to do next: 1, or as many as one call may take."""
        began, self._began = self._began, time.perf_counter()
        seconds = (self._began - began) / self._count if self._count else CHUNK_SECONDS
        count = max(1, min(left, int(CHUNK_SECONDS / seconds)))
        self._count = count
        return count

    def run(self, epochs: range) -> dict[str, Any]:
        """Run these epochs; returns the logs of the last one."""
        model, session = self._model, self._session
        run, status = self._prepared(len(epochs)), 0
        try:
            status = run.run()
        finally:  # Ctrl-C may come as soon as it is back
            logs = self._note(epochs[: run.done], run)
        if status:
            raise explain(model, session, (status - 1) % session.steps, epochs[run.done])
        return logs

    def _prepared(self, epochs: int) -> Any:
        session = self._session
        session.be_placed()
        about_to_change(session.runner.step.graph.updates)
        seed, taken = self._model._seed(), self._model._steps_taken()
        order = None
        if self._mix:
            order = Shuffle(session.order, seed, SHUFFLE_STREAM, shuffler_address, shuffle)
        return session.compiled.executable.epochs(
            session.binding,
            session.numbers(0, session.steps, seed, taken),
            order,
            [v.storage for m in self._metrics.values() for v in m.variables],
            epochs,
        )

    def _note(self, epochs: range, run: Any) -> dict[str, Any]:
        states = iter(run.states)
        columns = {
            name: m.results([next(states) for _ in m.variables])
            for name, m in self._metrics.items()
        }
        self._hooks.extend(epochs, columns)
        return {name: values[-1] for name, values in columns.items() if len(values)}


def worth(session: Any, epochs: int) -> bool:
    """Have there been so many epochs in this process, with those to come, that code for them pays?

    A device needs no such code.
    """
    global _epochs
    _epochs += epochs
    device = isinstance(session, Session) and session.runner.target == "cuda"
    return on("epochs") and (device or _epochs > WORTH_COMPILING)


def can_run(session: Any, metrics: list[Metric]) -> bool:
    """Is it a step by one thread or a device over data in memory, with metrics that begin at 0?"""
    return (
        isinstance(session, Session)
        and session.one_call
        and all(type(m).reset_state is Metric.reset_state for m in metrics)
        and all(v.storage.itemsize == 8 for m in metrics for v in m.variables)
    )
