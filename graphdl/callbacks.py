"""Callbacks: what runs between the steps and epochs of training. Hooks and names are Keras's.

Compiled code is not left for a batch hook unless a callback defines one: then each step is a call of
its own.
"""

from __future__ import annotations

from typing import Any

BATCH_HOOKS = (
    "on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end",
)  # fmt: skip


class Callback:
    """Base: override the hooks you need. `self.model` is the model, `self.params` the settings."""

    model: Any = None
    params: dict[str, Any] = {}  # noqa: RUF012  (set anew by set_params)

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None: ...
    def on_train_end(self, logs: dict[str, float] | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None: ...
    def on_test_begin(self, logs: dict[str, float] | None = None) -> None: ...
    def on_test_end(self, logs: dict[str, float] | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.on_batch_end(batch, logs)

    @property
    def wants_batches(self) -> bool:
        """Does it define a hook that runs at every batch?"""
        return any(
            getattr(type(self), hook, None) not in (None, getattr(Callback, hook, None))
            for hook in BATCH_HOOKS
        )


class History(Callback):
    """What `fit` returns: `history` maps each name to its values by epoch, `epoch` counts them."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Functions as hooks: LambdaCallback(on_epoch_end=lambda epoch, logs: …)."""

    def __init__(self, **hooks: Any) -> None:
        for name, function in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise ValueError(f"a callback has no hook {name!r}")
            if not callable(function):
                raise TypeError(f"{name} is a function, got {function!r:.60}")
            setattr(self, name, function)

    @property
    def wants_batches(self) -> bool:
        return any(hook in self.__dict__ for hook in BATCH_HOOKS)


class CallbackList:
    """Several callbacks, called in order."""

    def __init__(self, given: Any, history: History, model: Any, params: dict[str, Any]) -> None:
        several: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
        self.callbacks = [*(c for c in several if c is not None), history]
        for c in self.callbacks:
            if not isinstance(c, Callback):
                raise TypeError(f"a callback derives from gd.callbacks.Callback, got {c!r:.60}")
            c.set_model(model)
            c.set_params(params)
        self.wants_batches = any(c.wants_batches for c in self.callbacks)
        self.epochs = int(params["epochs"])

    def call(self, hook: str, *args: Any) -> None:
        for c in self.callbacks:
            getattr(c, hook)(*args)
