"""Predictions for inputs of one fixed number of rows, at the least cost a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from codegen.executable import Binding
from graphdl.core.errors import ShapeError
from graphdl.core.sizes import Size
from graphdl.device import at_home
from graphdl.prepared import Ready, first, prepare
from graphdl.registry import whole
from graphdl.training.data import Data
from graphdl.training.predictions import room
from graphdl.training.programs import Programs


class FixedRows(Programs):
    """`predict_function` of a model."""

    def predict_function(self, rows: int = 1) -> Callable[..., Any]:
        """`predict` for inputs of just so many rows, as one batch: f(x) costs less than a microsecond
        more than what it computes. See `Prepared`.
        """
        self._require_built()
        data = self._zeros(whole("rows", rows))
        many = isinstance(self._output, list)
        results = [room(rows, o) for o in (self._output if many else [self._output])]
        runner = self._runner("predict", data)

        def bind() -> tuple[Binding, tuple[Any, ...]]:
            session = runner.open(data, rows, results, own=True)
            return session.binding, session.numbers(0, 1, self._seed(), 0)

        ready = Ready(
            compiled=runner.compiled,
            bind=bind,
            sizes=runner.open(data, rows, results).sizes(rows),
            door=lambda args: self._inputs(
                at_home(args[0] if len(args) == 1 else list(args), self._target)
            ),
            shaped=list if many else first,
            names=tuple(s.attrs["name"] for s in self._symbols),
            inputs=tuple((a.dtype, a.shape) for a in data.inputs),
            outputs=tuple((r.dtype, r.shape) for r in results),
            looks_up=bool(self._lookups),
        )
        return prepare(ready)

    def _zeros(self, rows: int) -> Data:
        """Inputs of so many rows, all zeros."""
        for symbol in self._symbols:
            if any(isinstance(d, Size) for d in symbol.shape[1:]):
                raise ShapeError(
                    f"predict_function needs inputs of known sizes, {symbol.attrs['name']!r} has "
                    f"({', '.join(map(str, symbol.shape))}); predict takes any"
                )
        return Data(tuple(np.zeros((rows, *s.shape[1:]), s.dtype) for s in self._symbols))
