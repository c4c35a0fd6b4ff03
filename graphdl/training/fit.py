"""What a compiled model does with data: fit, evaluate, predict, one batch at a time, gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codegen.interrupts import heard
from graphdl import config, memory, metrics
from graphdl.callbacks import CallbackList, History
from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node
from graphdl.function import function
from graphdl.losses import Loss
from graphdl.metrics import LossTracker, Metric
from graphdl.progress import Progress
from graphdl.registry import whole
from graphdl.training import step as steps
from graphdl.training.data import Data, check_inputs, check_target, check_weights
from graphdl.training.nonfinite import explain, require_finite
from graphdl.training.runner import Runner, Session, shuffle

BATCH_SIZE = 32


class Training:
    """The part of a model that meets data. Mixed into `Model`."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Loss | None = None
        self.stop_training = False
        self.compile_seconds = 0.0  # spent making machine code, in all
        self.train_seconds = 0.0  # spent in the last fit, compiling apart
        self._runners: dict[tuple, Runner] = {}

    def _configure(
        self, optimizer: Any, loss: Loss, names: list, weighted: list, target: str, check: bool
    ) -> None:
        self.optimizer, self.loss, self._target, self._check_finite = optimizer, loss, target, check
        self._metric_names, self._weighted_names = names, weighted
        self._tracker = LossTracker()
        self._metrics: list[tuple[Metric, bool]] | None = None
        self._runners = {}

    # -------------------------------------------------- programs

    def _runner(self, kind: str, data: Data) -> Runner:
        """The program for this kind of step and this form of data, made at first need."""
        target = None
        if data.target is not None:
            target = (data.target.shape[1:], data.target.dtype.name)
        # freezing a layer makes another program
        key = (kind, target, data.weights is not None, tuple(self.trainable_weights))
        if key not in self._runners:
            symbols = steps.symbols(self._symbols, target, data.weights is not None)
            made = self._step(kind, symbols)
            runner = Runner(made, getattr(self, "_target", "cpu"))
            self.compile_seconds += runner.compile()
            self._runners[key] = runner
        return self._runners[key]

    def _step(self, kind: str, symbols: steps.Symbols) -> steps.Step:
        if kind == "predict":
            return steps.predict_step(self, symbols)
        found = self._metric_objects(symbols)
        if kind == "test":
            return steps.test_step(self, symbols, self.loss, self._tracker, found)
        return steps.train_step(
            self, symbols, self.loss, self.optimizer, self._tracker, found, self._check_finite
        )

    def _metric_objects(self, symbols: steps.Symbols) -> list[tuple[Metric, bool]]:
        if self._metrics is None:
            assert symbols.target is not None
            make = lambda m: metrics.get(m, symbols.target, self._output)  # noqa: E731
            self._metrics = [(make(m), False) for m in self._metric_names]
            self._metrics += [(make(m), True) for m in self._weighted_names]
            names = [m.name for m, _ in self._metrics]
            repeated = next((n for n in names if names.count(n) > 1), None)
            if repeated:
                raise ValueError(f"two metrics are called {repeated!r}; give one of them a name")
        return self._metrics

    # -------------------------------------------------- data

    def _data(
        self, what: str, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
    ) -> Data:
        self._require_compiled(what)
        if not self.built:
            _same_length(x, y)
        self.build_for(x)
        inputs = check_inputs(x, self._symbols)
        if len(inputs[0]) == 0:
            raise ValueError("x is empty: there are no examples")
        if not isinstance(self._output, Node):
            raise ShapeError(f"{what}: a model with several outputs can predict, not train")
        target = check_target(y, self._output, self.loss, len(inputs[0]))
        float_dtype = self._output.dtype
        return Data(inputs, target, check_weights(sample_weight, class_weight, target, float_dtype))

    def _validation(self, held_out: tuple) -> Data:
        try:
            return self._data("fit", *held_out)
        except (ValueError, TypeError) as error:
            raise type(error)(f"validation data: {error}") from None

    # -------------------------------------------------- fit

    @heard()
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_freq: int = 1,
    ) -> History:
        """Train for `epochs` passes over the data, in batches; returns the History.

        x: (examples, …); y: one target an example. Everything is checked before any weight changes.
        A loss or gradient that is not finite stops training with NonFiniteError, the weights being
        those of the last good step; so does Ctrl-C with KeyboardInterrupt. An update that overflows
        stops it at the end of the epoch: the weights are then those after its last step.
        """
        batch = BATCH_SIZE if batch_size is None else whole("batch_size", batch_size)
        epochs, first = whole("epochs", epochs, 0), whole("initial_epoch", initial_epoch, 0)
        freq = whole("validation_freq", validation_freq)
        self._require_compiled("fit")
        x, y, sample_weight, held_out = _split(
            x, y, sample_weight, validation_split, validation_data
        )
        data = self._data("fit", x, y, sample_weight, class_weight)
        validation = None if held_out is None else self._validation(held_out)
        history, count = History(), -(-data.rows // batch)
        params = {"epochs": epochs, "steps": count, "verbose": verbose}
        hooks = CallbackList(callbacks, history, self, params)
        show = Progress(verbose, epochs, count)
        session = self._runner("train", data).open(data, batch)
        test = None
        if validation is not None:
            test = self._runner("test", validation).open(validation, batch)
        self.history, self.stop_training, weights = history, False, self.weights
        started = time.perf_counter()
        with show as progress:
            hooks.call("on_train_begin", {})
            for epoch in range(first, epochs):
                hooks.call("on_epoch_begin", epoch, {})
                progress.begin_epoch(epoch)
                logs = self._epoch(session, bool(shuffle), hooks, progress, epoch)
                if self._check_finite:
                    require_finite(weights, epoch)
                if test is not None and (epoch + 1) % freq == 0:
                    hooks.call("on_test_begin", {})
                    logs |= {f"val_{k}": v for k, v in self._pass(test).items()}
                    hooks.call("on_test_end", logs)
                progress.end_epoch(logs)
                hooks.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
            hooks.call("on_train_end", {})
        self.train_seconds = time.perf_counter() - started
        return history

    def _epoch(
        self, session: Session, mix: bool, hooks: CallbackList, progress: Progress, epoch: int
    ) -> dict[str, float]:
        """One pass over the training data in compiled code."""
        seed, begin = config.seed(), int(self.optimizer.iterations.storage)
        if mix:
            left = hooks.epochs - epoch
            shuffle(session.order, seed, begin, left, session.runner.target == "cpu")
        self.reset_metrics()
        each = hooks.wants_batches
        done_before = 0
        pieces = session.chunks(seed, begin, each)
        while True:
            if each and done_before < session.steps:
                hooks.call("on_train_batch_begin", done_before, {})
            piece = next(pieces, None)
            if piece is None:
                return self._logs()
            done, status = piece
            if status:
                raise explain(self, session, status - 1, epoch)
            if each:
                hooks.call("on_train_batch_end", done - 1, self._logs())
            if done < session.steps:
                progress.update(done, self._logs())
            done_before = done

    # -------------------------------------------------- evaluate and predict

    @heard()
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data: a number, a list, or (`return_dict`) a dict by name."""
        batch = BATCH_SIZE if batch_size is None else whole("batch_size", batch_size)
        data = self._data("evaluate", x, y, sample_weight)
        session = self._runner("test", data).open(data, batch)
        with Progress(verbose, None, session.steps) as progress:
            progress.begin_epoch(0)
            logs = self._pass(session)
            progress.end_epoch(logs)
        return _returned(logs, return_dict)

    def _pass(self, session: Session) -> dict[str, float]:
        self.reset_metrics()
        for _ in session.chunks(config.seed(), 0):
            pass
        return self._logs()

    @heard()
    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """The model's outputs for x, row by row in the order given."""
        batch = BATCH_SIZE if batch_size is None else whole("batch_size", batch_size)
        self.build_for(x)
        data = Data(check_inputs(x, self._symbols))
        outputs = self._output if isinstance(self._output, list) else [self._output]
        results = [_room(data.rows, o) for o in outputs]
        if data.rows:
            session = self._runner("predict", data).open(data, batch, results)
            for _ in session.chunks(config.seed(), 0):
                pass
        return results if isinstance(self._output, list) else results[0]

    # -------------------------------------------------- one batch

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on these examples; returns loss and metrics since the last reset, as Keras does."""
        data = self._data("train_on_batch", x, y, sample_weight, class_weight)
        session = self._runner("train", data).open(data, data.rows)
        status = session.run(0, 1, config.seed(), int(self.optimizer.iterations.storage))
        if status:
            raise explain(self, session, 0, None)
        return _returned(self._logs(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on these examples, added to those since the last reset."""
        data = self._data("test_on_batch", x, y, sample_weight)
        session = self._runner("test", data).open(data, data.rows)
        session.run(0, 1, config.seed(), 0)
        return _returned(self._logs(), return_dict)

    def gradients(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, np.ndarray]:
        """∂loss/∂weight on these examples, by weight: what the compiled step computes."""
        data = self._data("gradients", x, y, sample_weight)
        made = self._runner("train", data).step
        found = function(made.inputs, list(made.gradients.values()), target=self._target)
        arrays = [a for a in (*data.inputs, data.target, data.weights) if a is not None]
        return {w.name: g for w, g in zip(made.gradients, found(*arrays), strict=True)}

    def reset_metrics(self) -> None:
        """Forget what loss and metrics have seen."""
        self._tracker.reset_state()
        for metric, _ in self._metrics or ():
            metric.reset_state()

    @property
    def metrics_names(self) -> list[str]:
        """The names in the order in which `evaluate` returns them."""
        return ["loss", *(m.name for m, _ in self._metrics or ())]

    def _logs(self) -> dict[str, float]:
        logs = {"loss": self._tracker.result()}
        for metric, _ in self._metrics or ():
            logs[metric.name] = metric.result()
        return logs


def _room(rows: int, output: Node) -> np.ndarray:
    shape = (rows, *output.shape[1:])
    memory.require(f"the prediction {shape}", math.prod(shape) * np.dtype(output.dtype).itemsize)
    return np.empty(shape, output.dtype)


def _returned(logs: dict[str, float], as_dict: bool) -> Any:
    values = list(logs.values())
    return logs if as_dict else values[0] if len(values) == 1 else values


def _same_length(x: Any, y: Any) -> None:
    """A model that is not built takes its input from x: a mistake must show before that."""
    many = isinstance(x, (list, tuple)) and all(isinstance(a, np.ndarray) for a in x)
    first = x[0] if many and x else x
    if np.shape(y)[:1] != np.shape(first)[:1]:
        raise ShapeError(f"x has shape {np.shape(first)}, y {np.shape(y)}: one target an example")


def _split(
    x: Any, y: Any, weight: Any, split: float, validation: Any
) -> tuple[Any, Any, Any, tuple | None]:
    """Validation data: given, or the last rows of the training data."""
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise ValueError("validation_data is (x, y) or (x, y, sample_weight)")
        return x, y, weight, tuple(validation)
    if isinstance(split, bool) or not isinstance(split, (int, float)) or not 0 <= split < 1:
        raise ValueError(f"validation_split is a share from 0 to below 1, got {split!r}")
    if not split:
        return x, y, weight, None
    many = isinstance(x, (list, tuple)) and all(isinstance(a, np.ndarray) for a in x)
    arrays = [np.asarray(a) for a in x] if many else [np.asarray(x)]
    rows = len(arrays[0])
    at = int(rows * (1 - split))
    if at == 0 or at == rows:
        raise ValueError(f"validation_split={split} of {rows} examples leaves one part empty")
    pack = lambda part: list(part) if many else part[0]  # noqa: E731
    targets, weights = np.asarray(y), None if weight is None else np.asarray(weight)
    tail = None if weights is None else weights[at:]
    held = (pack([a[at:] for a in arrays]), targets[at:], *([tail] if tail is not None else []))
    head = None if weights is None else weights[:at]
    return pack([a[:at] for a in arrays]), targets[:at], head, held
