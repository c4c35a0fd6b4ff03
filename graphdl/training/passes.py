"""One pass over the data, with the hooks of batches where a callback has some."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from graphdl.callbacks import CallbackList
from graphdl.training.sources import Feed

Results = Callable[[int], dict[str, Any]]


def batches(
    session: Feed, seed: int, time: int, kind: str, hooks: CallbackList, results: Results
) -> Generator[tuple[int, int]]:
    """Run a pass; after each piece yields (steps done, status), as `Session.chunks` does.

    A piece is some 50 ms of compiled steps, or one step where a callback wants the batches of such
    a pass ("train", "test", "predict"). results(step): the logs of its end.
    """
    if kind not in hooks.wants_batches:
        yield from session.chunks(seed, time)
        return
    begin, end = (getattr(hooks, f"on_{kind}_batch_{when}") for when in ("begin", "end"))
    for done, status in session.chunks(seed, time, lambda step: begin(step, {})):
        if not status:
            end(done - 1, results(done - 1))
        yield done, status
