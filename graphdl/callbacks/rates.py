"""Callbacks that set the learning rate. It is an argument of compiled code: nothing is recompiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from graphdl.callbacks.base import Callback, Logs, Reported, say
from graphdl.callbacks.monitor import MonitorCallback
from graphdl.core.graph import Variable
from graphdl.registry import number, whole


class _SetsRate(Callback):
    """Reads and sets the optimizer's learning rate; the logs of an epoch tell its rate."""

    log_names = ("learning_rate",)

    def check_logs(self, reported: Reported) -> None:
        super().check_logs(reported)
        if not isinstance(self.model.optimizer.learning_rate, Variable):
            raise ValueError(
                f"{type(self).__name__} sets the learning rate, which follows a schedule here; "
                "give the optimizer a number as its learning_rate, or leave the callback out"
            )

    @property
    def rate(self) -> float:
        return float(self.model.optimizer.learning_rate.storage)

    @rate.setter
    def rate(self, value: float) -> None:
        self.model.optimizer.learning_rate = value

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.rate


class ReduceLROnPlateau(_SetsRate, MonitorCallback):
    """After `patience` epochs without improvement of `monitor`: η ← max(η·factor, min_lr).

    Then `cooldown` epochs pass before it waits again. The log "learning_rate" of an epoch is the
    rate with which that epoch was trained.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        MonitorCallback.__init__(self, monitor, mode, min_delta)
        self.factor = number("ReduceLROnPlateau: factor", factor, 0, 1, lambda f: f < 1)
        self.patience = whole("ReduceLROnPlateau: patience", patience, 0)
        self.verbose = verbose
        self.cooldown = whole("ReduceLROnPlateau: cooldown", cooldown, 0)
        self.min_lr = number("ReduceLROnPlateau: min_lr", min_lr)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        value = (logs or {}).get(self.monitor)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        # the rate lies in the optimizer's dtype: compared with min_lr as rounded there
        lowest = float(np.asarray(self.min_lr, self.model.optimizer.learning_rate.dtype))
        if self.rate <= lowest:
            return
        self.rate = max(self.rate * self.factor, self.min_lr)
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            say(f"Epoch {epoch + 1}: ReduceLROnPlateau sets the learning rate to {self.rate:g}")


class LearningRateScheduler(_SetsRate):
    """Before each epoch: η ← schedule(epoch, η), or schedule(epoch); epochs count from 0."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(
                "LearningRateScheduler: schedule is a function of epoch and rate, "
                f"got {schedule!r:.60}"
            )
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        given = (epoch, self.rate) if _takes_two(self.schedule) else (epoch,)
        what = f"LearningRateScheduler: what the schedule gave for epoch {epoch}"
        self.rate = number(what, self.schedule(*given))
        if self.verbose:
            say(f"Epoch {epoch + 1}: the learning rate is {self.rate:g}")


def _takes_two(function: Callable[..., float]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # some functions written in C do not tell
        return True
    return True
