"""What a compiled model does with data: fit; and what its other parts do, put together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from codegen.interrupts import heard
from graphdl.callbacks import CallbackList, History
from graphdl.progress import Progress
from graphdl.registry import whole
from graphdl.training.data import Data
from graphdl.training.evaluate import Evaluation, first_batches
from graphdl.training.held_out import split_off
from graphdl.training.nonfinite import explain, require_finite
from graphdl.training.one_batch import OneBatch
from graphdl.training.passes import batches
from graphdl.training.programs import batch_of
from graphdl.training.runner import Session, shuffle


class Training(Evaluation, OneBatch):
    """The part of a model that meets data. Mixed into `Model`."""

    @heard()
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train for `epochs` passes over the data, in batches; returns the History.

        x: (examples, …); y: one target an example. Everything is checked before any weight changes.
        validation_batch_size: like batch_size where not given; validation_steps: only so many
        batches of the validation data, the first ones; validation_freq: every so many epochs.
        A loss or gradient that is not finite stops training with NonFiniteError, the weights being
        those of the last good step; so does Ctrl-C with KeyboardInterrupt. An update that overflows
        stops it at the next step, or at the end: the weights are then those after that update.
        """
        batch = batch_of(batch_size)
        test_batch = batch
        if validation_batch_size is not None:
            test_batch = batch_of(validation_batch_size, "validation_batch_size")
        epochs, first = whole("epochs", epochs, 0), whole("initial_epoch", initial_epoch, 0)
        freq = whole("validation_freq", validation_freq)
        self._require_compiled("fit")
        x, y, sample_weight, held_out = split_off(
            x, y, sample_weight, validation_split, validation_data
        )
        data = self._data("fit", x, y, sample_weight, class_weight)
        validation = None
        if held_out is not None:
            validation = self._validation(held_out)
            validation = first_batches(validation, test_batch, validation_steps, "validation_steps")
        count = -(-data.rows // batch)
        show = Progress(verbose, epochs, count)
        hooks = CallbackList(callbacks, True, self, verbose=verbose, epochs=epochs, steps=count)
        hooks.check_logs(self._reported(data, validation))
        session = self._session("train", data, batch)
        test = None
        if validation is not None:
            test = self._session("test", validation, test_batch)
        if verbose:
            hooks.say_what_batches_cost()
        self.history, self.stop_training = hooks.history, False
        started = time.perf_counter()
        try:
            with show as progress:
                self._epochs(
                    range(first, epochs), session, bool(shuffle), test, freq, hooks, progress
                )
        finally:
            self.train_seconds = time.perf_counter() - started
        return hooks.history

    def _validation(self, held_out: tuple) -> Data:
        try:
            return self._data("fit", *held_out)
        except (ValueError, TypeError) as error:
            raise type(error)(f"validation data: {error}") from None

    def _epochs(
        self, epochs: range, session: Session, mix: bool, test: Session | None, freq: int,
        hooks: CallbackList, progress: Progress,
    ) -> None:  # fmt: skip
        """Epoch by epoch, each followed by validation where it is due, until a callback ends it."""
        logs: dict[str, float] = {}
        hooks.on_train_begin({})
        for epoch in epochs:
            hooks.on_epoch_begin(epoch, {})
            progress.begin_epoch(epoch)
            if mix:
                self._shuffle(session, epochs.stop - epoch)
            logs = self._epoch(session, hooks, progress, epoch)
            if test is not None and (epoch + 1) % freq == 0:
                logs |= {f"val_{k}": v for k, v in self._pass(test, hooks).items()}
            progress.end_epoch(logs)
            hooks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if epochs and self._check_finite:
            require_finite(self.weights)
        if epochs:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        hooks.on_train_end(logs)

    def _shuffle(self, session: Session, epochs_left: int) -> None:
        """The order of this epoch; it hangs on the seed and the number of steps taken so far."""
        begin = int(self.optimizer.iterations.storage)
        shuffle(session.order, self._seed(), begin, epochs_left, session.runner.target == "cpu")

    def _epoch(
        self, session: Session, hooks: CallbackList, progress: Progress, epoch: int
    ) -> dict[str, float]:
        """One pass over the training data in compiled code, or what is done when it is stopped."""
        self.reset_metrics()
        begin, logs = int(self.optimizer.iterations.storage), {}
        state = vars(self)  # a layer looks at every attribute that is set, which takes a while
        state["_in_epoch"] = True
        try:
            pieces = batches(session, self._seed(), begin, "train", hooks, lambda _: self._logs())
            for done, status in pieces:
                if status:
                    raise explain(self, session, status - 1, epoch)
                logs = self._logs()
                if done < session.steps:
                    progress.update(done, logs)
                hooks.on_train_chunk_end(done - 1, logs)
                if self.stop_training:
                    break
        finally:
            state["_in_epoch"] = False
        return logs
