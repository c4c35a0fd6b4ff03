"""Stop when a quantity has stopped improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.callbacks.base import Logs, say
from graphdl.callbacks.monitor import MonitorCallback, threshold
from graphdl.registry import whole


class EarlyStopping(MonitorCallback):
    """Ends training after `patience` epochs in which `monitor` was not better than its best.

    The last epoch is that of the best value + max(1, patience). baseline: a value that must be
    beaten for an improvement to count as patience; restore_best_weights: at the end of training the
    weights are those of the best epoch (without it, those of the last); start_from_epoch: the
    epochs before it are not looked at. Epochs without the quantity (validation_freq) do not count.

    After training: `best`, `best_epoch`, `stopped_epoch` (0: it was not stopped), counted from 0.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole("EarlyStopping: patience", patience, 0)
        self.verbose = verbose
        self.baseline = threshold("EarlyStopping: baseline", baseline)
        self.restore_best_weights = bool(restore_best_weights)
        self.start_from_epoch = whole("EarlyStopping: start_from_epoch", start_from_epoch, 0)
        self._forget()

    def _forget(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[np.ndarray[Any, Any]] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self.improves(value, self.best)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if better:
            self.best, self.best_epoch = value, epoch
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)
