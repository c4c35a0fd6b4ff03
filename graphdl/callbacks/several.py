"""Several callbacks called as one, and the History that `fit` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from graphdl.callbacks.base import INDEXED_HOOKS, PASS_HOOKS, Callback, Logs, Reported, say


class History(Callback):
    """What `fit` returns: `history` maps each name to its values by epoch, `epoch` counts them."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    @property
    def wants_epochs(self) -> bool:
        return type(self) is not History  # which `extend` serves

    def extend(self, epochs: range, columns: Mapping[str, Sequence[float]]) -> None:
        """Note what several epochs have ended with."""
        self.epoch.extend(epochs)
        for name, values in columns.items():
            self.history.setdefault(name, []).extend(values)


class CallbackList(Callback):
    """Callbacks in their order: each hook of the list calls that hook of all of them.

    callbacks: one, or a list (of lists); `params` are what each finds as `self.params`.
    """

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, model: Any = None, **params: Any
    ) -> None:
        self.callbacks = _flat(callbacks)
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())  # the last, so that it sees what the others add
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    @property
    def history(self) -> History:
        """The History among them."""
        return next(c for c in self.callbacks if isinstance(c, History))

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for c in self.callbacks:
            c.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for c in self.callbacks:
            c.set_params(params)

    def check_logs(self, reported: Reported) -> None:
        for c in self.callbacks:
            c.check_logs(reported)
            new = tuple(n for n in c.log_names if n not in reported.names)
            reported = replace(reported, added=(*reported.added, *new))

    @cached_property  # asked before every pass
    def wants_batches(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return frozenset[str]().union(*(c.wants_batches for c in self.callbacks))

    @cached_property
    def wants_epochs(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        return any(c.wants_epochs for c in self.callbacks)

    def extend(self, epochs: range, columns: Mapping[str, Sequence[float]]) -> None:
        """Several epochs are done, and no callback wants each of them."""
        for c in self.callbacks:
            if isinstance(c, History):
                c.extend(epochs, columns)

    def say_what_batches_cost(self) -> None:
        """Print, once for each class of callbacks, that its hooks of batches run Python."""
        for name in dict.fromkeys(type(c).__name__ for c in self.callbacks if c.wants_batches):
            if name not in _told:
                _told.add(name)
                say(
                    f"{name} has a hook for every batch, so each step is a call from Python. "
                    "Hooks of epochs, and on_train_chunk_end, leave an epoch in compiled code."
                )


_told: set[str] = set()


def _flat(given: Any) -> list[Callback]:
    if given is None:
        return []
    if isinstance(given, CallbackList):
        return list(given.callbacks)
    if isinstance(given, (list, tuple)):
        return [c for item in given for c in _flat(item)]
    if not isinstance(given, Callback):
        raise TypeError(f"a callback derives from gd.callbacks.Callback, got {given!r:.60}")
    return [given]


def _of_pass(hook: str) -> Callable[..., None]:
    def each(self: CallbackList, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for c in self.callbacks:
            getattr(c, hook)(logs)

    return each


def _indexed(hook: str) -> Callable[..., None]:
    def each(self: CallbackList, index: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for c in self.callbacks:
            getattr(c, hook)(index, logs)

    return each


for _hook in PASS_HOOKS:
    setattr(CallbackList, _hook, _of_pass(_hook))
for _hook in INDEXED_HOOKS:
    setattr(CallbackList, _hook, _indexed(_hook))
