"""Save the model, or its weights, as training goes on."""

from __future__ import annotations

import os
from pathlib import Path
from string import Formatter
from typing import Any

from graphdl.callbacks.base import Logs, Reported, say
from graphdl.callbacks.monitor import MonitorCallback, threshold
from graphdl.registry import whole


class ModelCheckpoint(MonitorCallback):
    """Calls model.save(path), or model.save_weights(path), after epochs or after batches.

    filepath: the path; fields such as "{epoch:02d}-{val_loss:.3f}" are filled in, epoch and batch
    counted from 1. Folders are made at need.
    save_best_only: only where `monitor` is better than at all times before, or than
    initial_value_threshold. save_weights_only: weights without architecture and optimizer.
    save_freq: "epoch", or a number of batches, counted across epochs; that takes a hook of batches.

    In an epoch without validation (validation_freq) no val_ value is known: what needs one waits.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if not isinstance(filepath, (str, os.PathLike)):
            raise TypeError(f"ModelCheckpoint: filepath is a path, got {filepath!r:.60}")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = bool(save_best_only)
        self.save_weights_only = bool(save_weights_only)
        self.save_freq = save_freq
        if save_freq != "epoch":
            self.save_freq = whole('ModelCheckpoint: save_freq, if not "epoch",', save_freq)
        self.initial_value_threshold = threshold(
            "ModelCheckpoint: initial_value_threshold", initial_value_threshold
        )
        self.best = self.initial_value_threshold
        self._fields = _fields(self.filepath)
        self._epoch = self._waited = 0
        if save_freq != "epoch":  # else it has no hook of batches, which would leave compiled code
            self.on_train_batch_end = self._after_batch

    def check_logs(self, reported: Reported) -> None:
        at_epochs = self.save_freq == "epoch"
        known = reported.names if at_epochs else reported.train
        if self.save_best_only:
            reported.require("ModelCheckpoint", self.monitor, known)
            super().check_logs(reported)
        counters = ("epoch",) if at_epochs else ("epoch", "batch")
        for name in self._fields:
            reported.require("ModelCheckpoint: filepath", name, (*counters, *known))
        try:
            self.filepath.format_map(dict.fromkeys(known, 0.5) | dict.fromkeys(counters, 1))
        except (ValueError, KeyError) as error:
            raise ValueError(f"ModelCheckpoint: filepath {self.filepath!r}: {error}") from None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._waited += 1
        if self._waited == self.save_freq:
            self._waited = 0
            self._consider({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._consider({"epoch": epoch + 1}, logs or {})

    def _consider(self, counters: dict[str, int], logs: Logs) -> None:
        values: dict[str, Any] = {**logs, **counters}
        if any(name not in values for name in self._fields):
            return
        if self.save_best_only:
            value = logs.get(self.monitor)
            if value is None or not self.improves(value, self.best):
                return
        path = self.filepath.format_map(values)
        self._save(path)
        if self.save_best_only:
            self.best = logs[self.monitor]
        if self.verbose:
            say(f"Epoch {counters['epoch']}: saved to {path}")

    def _save(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


def _fields(path: str) -> list[str]:
    """The names that a path asks for; raises ValueError where they are not plain names."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(path) if name is not None]
    except ValueError as error:
        raise ValueError(f"ModelCheckpoint: filepath {path!r}: {error}") from None
    for name in names:
        if not name or any(mark in name for mark in ".[]"):
            raise ValueError(
                f"ModelCheckpoint: filepath {path!r}: the field {{{name}}} is no name of a log; "
                "write {epoch}, {loss:.3f}, …"
            )
    return names
