"""A callback from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphdl.callbacks.base import INDEXED_HOOKS, PASS_HOOKS, Callback


class LambdaCallback(Callback):
    """Functions as hooks: LambdaCallback(on_epoch_end=lambda epoch, logs: …).

    A function takes what its hook takes: (logs) for the beginning and end of a pass, (index, logs)
    for epochs and batches.
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        for name, function in hooks.items():
            if name not in (*PASS_HOOKS, *INDEXED_HOOKS):
                raise ValueError(f"a callback has no hook {name!r}")
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"{name} is a function, got {function!r:.60}")
            setattr(self, name, function)
