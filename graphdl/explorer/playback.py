"""A training as it was: the loss of each epoch, and the weights at some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdl.callbacks.base import Callback

MOST = 24  # states that are kept


class Recording(Callback):
    """A callback that keeps what a page can play again: give it to `fit`, then to `explore`.

    The weights before training and after at most 24 epochs, evenly spread, and every epoch's loss.
    A second fit goes on where the first one ended.
    """

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.states: dict[int, list[np.ndarray]] = {}  # epoch, counted from 1 -> weights
        self._every = 1

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self.states:
            self.states[0] = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.loss.append(float((logs or {})["loss"]))
        done = len(self.loss)
        if done % self._every == 0:
            self.states[done] = self.model.get_weights()
        if len(self.states) > MOST:
            self._every *= 2
            self.states = {k: v for k, v in self.states.items() if k % self._every == 0}

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self.states.setdefault(len(self.loss), self.model.get_weights())
