"""What a compiled model does with data: fit; and what its other parts do, put together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codegen.interrupts import heard
from graphdl.callbacks import CallbackList, History
from graphdl.progress import Progress
from graphdl.registry import whole
from graphdl.training.evaluate import Evaluation
from graphdl.training.fixed_rows import FixedRows
from graphdl.training.held_out import split_off
from graphdl.training.nonfinite import explain, require_finite
from graphdl.training.one_batch import OneBatch
from graphdl.training.passes import batches
from graphdl.training.programs import batch_of
from graphdl.training.sources import Examples, Feed, Given, example_of, require_enough
from graphdl.training.together import Together, can_run, worth


@dataclass(frozen=True)
class Plan:
    """What a fit does epoch by epoch."""

    epochs: range
    steps: int | None  # batches an epoch, or None for all of the data
    mix: bool  # is the data shuffled?
    validation_freq: int


class Training(Evaluation, OneBatch, FixedRows):
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
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train for `epochs` passes over the data, in batches; returns the History.

        x: (examples, …); y: one target an example. Memory maps are read in parts. Arrays on the GPU
        (see `gd.to_device`) are used where they lie if that is the target. Everything is
        checked before any weight changes. x alone may be an iterable of batches (x, y) or
        (x, y, sample_weight), which are taken as they come, each checked before it is used: a
        generator, a data loader, a dataset with length and index.
        steps_per_epoch: an epoch takes so many batches, the next one goes on from there.
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
        x, y, sample_weight = self._placed(x, y, sample_weight)
        x, y, sample_weight, held_out = split_off(
            x, y, sample_weight, validation_split, validation_data
        )
        given = Given("fit", x, y, sample_weight, class_weight, batch_size)
        data = self._examples(given, steps_per_epoch, "steps_per_epoch", goes_on=True)
        require_enough(data, batch, steps_per_epoch, epochs - first)
        validation = None
        if held_out is not None:
            size = validation_batch_size if len(held_out) == 1 else test_batch
            held_out = Given("fit", *held_out, batch_size=size, validates=True)
            validation = self._validation(held_out, validation_steps)
            require_enough(validation, test_batch, None, epochs // freq - first // freq)
        show = Progress(verbose, epochs, None)
        hooks = CallbackList(callbacks, True, self, verbose=verbose, epochs=epochs, steps=None)
        test_form = None if validation is None else example_of(validation)
        hooks.check_logs(self._reported(example_of(data), test_form))
        session = self._opened("train", data, batch)
        test = None if validation is None else self._opened("test", validation, test_batch)
        count = session.planned
        if count is not None and steps_per_epoch is not None:
            count = min(count, steps_per_epoch)
        hooks.set_params(hooks.params | {"steps": count})
        show.steps = count
        if verbose:
            hooks.say_what_batches_cost()
        self.history, self.stop_training = hooks.history, False
        started = time.perf_counter()
        plan = Plan(range(first, epochs), steps_per_epoch, bool(shuffle), freq)
        try:
            with show as progress:
                self._epochs(plan, session, test, hooks, progress)
        finally:
            self.train_seconds = time.perf_counter() - started
        return hooks.history

    def _validation(self, held_out: Given, steps: int | None) -> Examples:
        try:
            return self._examples(held_out, steps, "validation_steps")
        except (ValueError, TypeError) as error:
            raise type(error)(f"validation data: {error}") from None

    def _epochs(
        self, plan: Plan, session: Feed, test: Feed | None, hooks: CallbackList, progress: Progress
    ) -> None:
        """All epochs, or as many as there are until a callback ends it."""
        logs: dict[str, float] = {}
        left = plan.epochs
        hooks.on_train_begin({})
        alone = test is None and plan.steps is None and progress.quiet and not hooks.wants_epochs
        several = self._together(plan, session, hooks) if alone else None
        while left:
            count = several.fitting(len(left)) if several else 1
            if several and count > 1:
                logs = several.run(left[:count])
            else:
                logs = self._one_epoch(plan, left, session, test, hooks, progress)
            left = left[count:]
            if self.stop_training:
                break
        if plan.epochs and self._check_finite:
            require_finite(self.weights)
        if plan.epochs:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        hooks.on_train_end(logs)

    def _together(self, plan: Plan, session: Feed, hooks: CallbackList) -> Together | None:
        if worth(session, len(plan.epochs)) and can_run(session, self._counters()):
            return Together(self, session, hooks, plan.mix)
        return None

    def _one_epoch(
        self, plan: Plan, left: range, session: Feed, test: Feed | None, hooks: CallbackList,
        progress: Progress,
    ) -> dict[str, float]:  # fmt: skip
        """The first of the epochs that are left, followed by validation where it is due."""
        epoch = left.start
        hooks.on_epoch_begin(epoch, {})
        if session.turn(plan.steps) and plan.mix:
            # the order of a pass hangs on the seed and the number of steps taken so far
            session.mix(self._seed(), self._steps_taken(), len(left))
        progress.steps = session.planned
        progress.begin_epoch(epoch)
        logs = self._epoch(session, hooks, progress, epoch)
        if test is not None and (epoch + 1) % plan.validation_freq == 0:
            logs |= {f"val_{k}": v for k, v in self._pass(test, hooks).items()}
        progress.end_epoch(logs)
        hooks.on_epoch_end(epoch, logs)
        return logs

    def _steps_taken(self) -> int:
        return int(self.optimizer.iterations.storage)

    def _epoch(
        self, session: Feed, hooks: CallbackList, progress: Progress, epoch: int
    ) -> dict[str, float]:
        """One pass over the training data in compiled code, or what is done when it is stopped."""
        self.reset_metrics()
        begin, logs = self._steps_taken(), {}
        state = vars(self)  # a layer looks at every attribute that is set, which takes a while
        state["_in_epoch"] = True
        pieces = batches(session, self._seed(), begin, "train", hooks, lambda _: self._logs())
        try:
            for done, status in pieces:
                if status:
                    raise explain(self, session, status - 1, epoch)
                logs = self._logs()
                if done != session.planned:
                    progress.update(done, logs)
                hooks.on_train_chunk_end(done - 1, logs)
                if self.stop_training:
                    break
        finally:
            pieces.close()  # whoever holds the error would hold the thread that reads ahead
            state["_in_epoch"] = False
        return logs
