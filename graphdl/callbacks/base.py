"""`Callback`: the hooks, and what a callback may ask before training begins."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Logs = dict[str, Any]

PASSES = ("train", "test", "predict")
PASS_HOOKS = tuple(f"on_{p}_{when}" for p in PASSES for when in ("begin", "end"))
INDEXED_HOOKS = (
    "on_epoch_begin", "on_epoch_end", "on_train_chunk_end", "on_batch_begin", "on_batch_end",
    *(f"on_{p}_batch_{when}" for p in PASSES for when in ("begin", "end")),
)  # fmt: skip


@dataclass(frozen=True)
class Reported:
    """The names that the logs of a fit will hold: known before its first step."""

    train: tuple[str, ...]  # loss and metrics: after each batch, and after each epoch
    validation: tuple[str, ...] = ()  # the same of the validation data, beginning with val_
    added: tuple[str, ...] = ()  # by the callbacks that stand before, at the end of an epoch
    directions: Mapping[str, str] = field(default_factory=dict)  # metric -> "min" or "max"

    @property
    def names(self) -> tuple[str, ...]:
        """All names in the logs of an epoch."""
        return (*self.train, *self.validation, *self.added)

    def require(self, who: str, name: str, among: Iterable[str] | None = None) -> None:
        """Raise ValueError when the logs hold no such name."""
        there = tuple(self.names if among is None else among)
        if name in there:
            return
        raise ValueError(
            f"{who}: {name!r} is not among the logs{self._hint(name, there)} There are "
            f"{', '.join(there)}"
        )

    def _hint(self, name: str, there: tuple[str, ...]) -> str:
        if name in self.names:
            return " after a batch; it is known when an epoch ends."
        if name.startswith("val_") and not self.validation:
            return " without validation: give fit validation_data or validation_split."
        near = difflib.get_close_matches(name, there, 1)
        if near:
            return f": did you mean {near[0]!r}?"
        return (
            "; a callback that adds it stands before this one and says so by "
            f"log_names = ({name!r},)."
        )


class Callback:
    """Base: override the hooks you need. `self.model` is the model, `self.params` the settings.

    `params` holds verbose, epochs and steps (batches an epoch). `logs` are plain floats by name;
    what `on_epoch_end` adds to them enters the history and is seen by the callbacks that follow.
    """

    model: Any = None
    params: dict[str, Any] = {}  # noqa: RUF012  (set anew by set_params)
    log_names: tuple[str, ...] = ()
    """The names that on_epoch_end adds to the logs, so that other callbacks may watch them."""

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def check_logs(self, reported: Reported) -> None:
        """Raise where this callback cannot do its work in this fit: nothing has changed yet."""

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...

    def on_train_chunk_end(self, batch: int, logs: Logs | None = None) -> None:
        """After each piece of compiled steps, some 50 ms of them; `batch` is the last one done."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    @property
    def wants_batches(self) -> frozenset[str]:
        """The passes ("train", "test", "predict") whose every batch it has a hook for.

        Such a pass leaves compiled code after each step; the others do not.
        """
        return frozenset(p for p in PASSES if any(map(self._defines, _batch_hooks(p))))

    @property
    def wants_epochs(self) -> bool:
        """Has it a hook that is called while training goes on? If nobody has, many short epochs are
        done in one call."""
        return any(map(self._defines, _WHILE_TRAINING)) or "train" in self.wants_batches

    def _defines(self, hook: str) -> bool:
        return getattr(getattr(self, hook), "__func__", None) is not getattr(Callback, hook)


_WHILE_TRAINING = ("on_epoch_begin", "on_epoch_end", "on_train_chunk_end")


def _batch_hooks(one_pass: str) -> list[str]:
    general = ["on_batch_begin", "on_batch_end"] if one_pass == "train" else []
    return [f"on_{one_pass}_batch_begin", f"on_{one_pass}_batch_end", *general]


def say(text: str) -> None:
    """A line of output, below the progress that is shown; a process may have no output."""
    if sys.stdout is not None:
        sys.stdout.write(f"{text}\n")
