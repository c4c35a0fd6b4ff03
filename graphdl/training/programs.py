"""A compiled model's programs, made at first need, and the names and numbers that they report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from codegen.collector import uncollected
from graphdl import metrics
from graphdl.callbacks import Reported
from graphdl.core.errors import NotCompiledError, ShapeError
from graphdl.core.graph import Node
from graphdl.core.tensor import off_tape
from graphdl.device import placed
from graphdl.door import is_array
from graphdl.explain import explain
from graphdl.layers.embedding import check_lookups
from graphdl.losses import Loss
from graphdl.metrics import LossTracker, Metric
from graphdl.registry import whole
from graphdl.training import step as steps
from graphdl.training.data import Array, Data, check_inputs, check_target, check_weights
from graphdl.training.runner import Runner, Session

BATCH_SIZE = 32


class Programs:
    """The steps of a model for the forms of data that have come."""

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.loss: Loss | None = None
        self._target, self._precision = "cpu", "float32"
        self.stop_training = False
        self._in_epoch = False  # is fit between the first and the last batch of one?
        self.compile_seconds = 0.0  # spent making machine code, in all
        self.train_seconds = 0.0  # spent in the last fit, compiling apart
        self._runners: dict[tuple, Runner] = {}

    def _configure(
        self, optimizer: Any, loss: Loss, names: list, weighted: list, target: str, check: bool,
        precision: str,
    ) -> None:  # fmt: skip
        self.optimizer, self.loss, self._target, self._check_finite = optimizer, loss, target, check
        self._precision = precision
        self._metric_names, self._weighted_names = names, weighted
        self._tracker = LossTracker()
        self._metrics: list[tuple[Metric, bool]] | None = None
        self._log_names: list[str] = []
        self._runners = {}

    # -------------------------------------------------- programs

    def _runner(self, kind: str, data: Data) -> Runner:
        """The program for this kind of step and this form of data, made at first need."""
        # freezing a layer makes another program, be it one without trainable weights, and so does a
        # schedule in place of a rate
        layers = (tuple(self.trainable_weights), self.modes())
        rate = self.optimizer.learning_rate if kind == "train" else None
        key = (kind, _form(data), data.weights is not None, layers, rate)
        if key not in self._runners:
            with off_tape(), uncollected():
                made = self._step(kind, self._batch_of(data))
            self._runners[key] = Runner(made, self._target, self._precision)
        return self._runners[key]

    def _session(
        self, kind: str, data: Data, batch: int, outputs: Sequence[np.ndarray] = (),
        again: bool = False,
    ) -> Session:  # fmt: skip
        """The program of this kind, its machine code made, over data in batches of this size.

        again: the session that was kept, if there is one and it fits.
        """
        runner = self._runner(kind, data)
        kept = runner.kept(data, batch, outputs) if again else None
        if kept is not None:
            return kept
        self._compile(runner, data.rows, batch)
        return runner.open(data, batch, outputs)

    def _compile(self, runner: Runner, rows: int, batch: int) -> None:
        with off_tape():
            self.compile_seconds += runner.compile(rows, batch)

    def _batch_of(self, data: Data) -> steps.Symbols:
        return steps.symbols(self._symbols, _form(data), data.weights is not None)

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
            made = [(make(m), False) for m in self._metric_names]
            made += [(make(m), True) for m in self._weighted_names]
            split = [[m for m, w in made if w is which] for which in (False, True)]
            self._log_names = metrics.log_names(*split)
            self._metrics = made
        return self._metrics

    def _reported(self, data: Data, validation: Data | None) -> Reported:
        """What the logs of a fit will hold; makes the metrics, compiles nothing."""
        found = [m for m, _ in self._metric_objects(self._batch_of(data))]
        train = tuple(self.metrics_names)
        held_out = () if validation is None else tuple(f"val_{n}" for n in train)
        said = {name: m.direction for name, m in zip(train[1:], found, strict=True)}
        return Reported(train, held_out, (), {n: d for n, d in said.items() if d is not None})

    def explain(self, batch_size: int | None = None) -> str:
        """The newest training step: stages, rules that fired, kernels with flops and bytes, and its
        memory against what it cannot do without, for batches of this size (32).
        """
        runners = [r for (kind, *_), r in self._runners.items() if kind == "train"]
        if not runners:
            raise NotCompiledError(
                "explain: the training step is compiled when the first data comes"
            )
        batch, made = batch_of(batch_size), runners[-1]
        sizes = {v.name: batch for v in made.compiled.lowered.program.sizes} | {"total": batch}
        gradients = sum(w.storage.nbytes for w in made.step.gradients or ())
        return explain(made.compiled, sizes, gradients=gradients)

    # -------------------------------------------------- data

    def _data(
        self, what: str, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None,
        finite: bool = True,
    ) -> Data:  # fmt: skip
        self._require_compiled(what)
        x, y, sample_weight = self._placed(x, y, sample_weight)
        if not self.built:
            _same_length(x, y)
        self.build_for(x)
        inputs = self._inputs(x, finite)
        if len(inputs[0]) == 0:
            raise ValueError("x is empty: there are no examples")
        if not isinstance(self._output, Node):
            raise ShapeError(f"{what}: a model with several outputs can predict, not train")
        target = check_target(y, self._output, self.loss, len(inputs[0]))
        float_dtype = self._output.dtype
        return Data(inputs, target, check_weights(sample_weight, class_weight, target, float_dtype))

    def _placed(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """The data where the model's programs look for it: on the GPU, or on the host."""
        on = self._target
        return placed(x, on, "x"), placed(y, on, "y"), placed(sample_weight, on, "sample_weight")

    def _inputs(self, x: Any, finite: bool = True) -> tuple[Array, ...]:
        """The inputs in the model's form; every index in them is one that its layer knows."""
        inputs = check_inputs(x, self._symbols, finite=finite or bool(self._lookups))
        check_lookups(self._lookups, dict(zip(self._symbols, inputs, strict=True)))
        return inputs

    # -------------------------------------------------- numbers

    def reset_metrics(self) -> None:
        """Forget what loss and metrics have seen."""
        for metric in self._counters():
            metric.reset_state()

    def _counters(self) -> list[metrics.Metric]:
        """The loss and the metrics, in the order of `metrics_names`."""
        return [self._tracker, *(m for m, _ in self._metrics or ())]

    @property
    def metrics_names(self) -> list[str]:
        """The names in the order in which `evaluate` returns them."""
        return ["loss", *self._log_names]

    @contextmanager
    def _counting_apart(self) -> Iterator[None]:
        """What is counted in here does not enter the numbers of the epoch that is being trained."""
        counted = [v for m in self._counters() for v in m.variables] if self._in_epoch else []
        before = [(v, v.value) for v in counted]
        try:
            yield
        finally:
            for variable, value in before:
                variable.assign(value)

    def _logs(self) -> dict[str, float]:
        logs = {"loss": self._tracker.result()}
        for name, (metric, _) in zip(self._log_names, self._metrics or (), strict=True):
            logs[name] = metric.result()
        return logs


def _form(data: Data) -> tuple[tuple[int, ...], str] | None:
    """Shape and dtype of one target."""
    return None if data.target is None else (data.target.shape[1:], data.target.dtype.name)


def batch_of(size: Any, what: str = "batch_size") -> int:
    """The examples in a batch: a whole number, 32 where none is given."""
    return BATCH_SIZE if size is None else whole(what, size)


def returned(logs: dict[str, float], as_dict: bool) -> Any:
    values = list(logs.values())
    return logs if as_dict else values[0] if len(values) == 1 else values


def _same_length(x: Any, y: Any) -> None:
    """A model that is not built takes its input from x: a mistake must show before that."""
    many = isinstance(x, (list, tuple)) and all(map(is_array, x))
    first = x[0] if many and x else x
    if np.shape(y)[:1] != np.shape(first)[:1]:
        raise ShapeError(f"x has shape {np.shape(first)}, y {np.shape(y)}: one target an example")
