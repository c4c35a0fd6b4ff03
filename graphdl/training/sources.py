"""What fit, evaluate and predict are given: arrays, memory maps, or batches from an iterable."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.device import at_home
from graphdl.registry import whole
from graphdl.training.data import Data
from graphdl.training.maps import MappedRows, is_map
from graphdl.training.programs import Programs, batch_of
from graphdl.training.runner import Session
from graphdl.training.streamed import Keep, Streamed
from graphdl.training.streams import Stream, is_stream

Examples = Data | MappedRows | Stream
Feed = Session | Streamed


@dataclass(frozen=True)
class Given:
    """The arguments of a method that say what its data is."""

    method: str
    x: Any
    y: Any = None
    sample_weight: Any = None
    class_weight: Mapping[int, float] | None = None
    batch_size: int | None = None
    validates: bool = False  # is it what fit validates on?
    finite: bool = True  # are arrays in memory looked at for NaN here, or by the compiled step?

    @property
    def streams(self) -> bool:
        return self.y is None and is_stream(self.x, pairs=self.method != "predict")

    @property
    def size_name(self) -> str:
        return "validation_batch_size" if self.validates else "batch_size"

    @property
    def mapped(self) -> bool:
        inputs = self.x if isinstance(self.x, (list, tuple)) else [self.x]
        return any(map(is_map, (*inputs, self.y, self.sample_weight)))


class Sources(Programs):
    """Brings data of any kind to the form in which a model takes it."""

    def _examples(
        self, given: Given, steps: int | None = None, name: str = "steps", goes_on: bool = False
    ) -> Examples:
        """The data, checked as far as it is there: of an iterable the first batch.

        steps: take only so many batches, the first ones; or, where an iterable goes on, the next.
        """
        steps = None if steps is None else whole(name, steps)
        if given.streams:
            _require_batches(given)
            convert = lambda batch: self._read(given, *self._unpacked(given, batch))  # noqa: E731
            of = "validation data" if given.validates else "iterable"
            return Stream(given.x, convert, steps, not goes_on, of)
        if given.y is not None and is_stream(given.x, pairs=False):
            raise ValueError(_beside("y"))
        batch = batch_of(given.batch_size, given.size_name)
        if given.mapped:
            rows = lambda x, y, weight: self._convert(given, x, y, weight)  # noqa: E731
            home = (at_home(v, self._target) for v in (given.x, given.y, given.sample_weight))
            data: Examples = MappedRows(*home, rows, batch)
            if steps is not None and not goes_on:
                data.only(steps)
            if given.method == "fit":  # nothing has changed yet
                data.check()
            return data
        data = self._convert(given, given.x, given.y, given.sample_weight, given.finite)
        return data if steps is None or goes_on else data.part(0, steps * batch)

    def _convert(self, given: Given, x: Any, y: Any, weight: Any, finite: bool = True) -> Data:
        """Some examples, checked, in the model's form."""
        if given.method != "predict":
            return self._data(given.method, x, y, weight, given.class_weight, finite)
        x, _, _ = self._placed(x, None, None)
        self.build_for(x)
        return Data(self._inputs(x, finite))

    def _read(self, given: Given, *parts: Any) -> Data:
        """A batch, to be copied into a chunk, which lies on the host."""
        return self._convert(given, *(at_home(part, self._target) for part in parts))

    def _unpacked(self, given: Given, batch: Any) -> tuple[Any, Any, Any]:
        """(x, y, sample_weight) of a batch; a data loader may give them as a list."""
        listed = isinstance(batch, list) and (given.method != "predict" or len(self._symbols) == 1)
        parts = tuple(batch) if isinstance(batch, tuple) or listed else (batch,)
        if given.method == "predict" and 1 <= len(parts) <= 3:
            return parts[0], None, None
        if len(parts) not in (2, 3):
            got = f"{len(parts)} values" if len(parts) != 1 else f"one {type(parts[0]).__name__}"
            raise ValueError(f"expected (x, y) or (x, y, sample_weight), got {got}")
        return parts[0], parts[1], parts[2] if len(parts) == 3 else None

    def _opened(
        self, kind: str, data: Examples, batch: int, outputs: list[np.ndarray] | None = None,
        keep: Keep = None,
    ) -> Feed:  # fmt: skip
        """Passes over this data; small predictions are often asked for again and again."""
        if isinstance(data, Data):
            return self._session(kind, data, batch, outputs or (), again=kind == "predict")
        runner = self._runner(kind, example_of(data))
        self._compile(runner, batch, batch)
        nodes = self._output if isinstance(self._output, list) else [self._output]
        types = [(n.shape[1:], n.dtype) for n in nodes] if kind == "predict" else []
        return Streamed(runner, data, types, keep)


def example_of(data: Examples) -> Data:
    """Examples in the form that all of the data has."""
    return data if isinstance(data, Data) else data.example


def rows_of(data: Examples) -> int | None:
    """How many examples there are; None where nobody knows."""
    return None if isinstance(data, Stream) else data.rows


def require_enough(data: Examples, batch: int, steps: int | None, epochs: int) -> None:
    """Refuse an iterator that cannot last for all epochs; say where epochs will be short."""
    if isinstance(data, Stream):
        if data.once and data.count is None and epochs > 1:
            raise ValueError(
                f"the {data.of} is an iterator, which can be gone through once, for {epochs} "
                "epochs: say how many batches each takes (steps_per_epoch, validation_steps), or "
                "give something that can be iterated anew"
            )
        return
    there = -(-data.rows // batch)
    if steps is not None and there % steps and steps * epochs > there:
        warnings.warn(
            f"the data has {there} batches, steps_per_epoch={steps}: the last epoch of each pass "
            f"over it takes {there % steps}",
            UserWarning,
            stacklevel=4,
        )


def _require_batches(given: Given) -> None:
    """An iterable gives batches, with all that belongs to them."""
    if given.batch_size is not None:
        raise ValueError(
            f"{given.size_name}={given.batch_size!r} beside an iterable of batches: they have the size "
            "that the iterable gives them"
        )
    if given.sample_weight is not None:
        raise ValueError(_beside("sample_weight"))


def _beside(what: str) -> str:
    return (
        f"{what} beside an iterable of batches: let the iterable yield (x, y), or "
        "(x, y, sample_weight), and give it alone"
    )
