"""One batch at a time: a step of training, a test, the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdl.function import function
from graphdl.training.data import Data
from graphdl.training.nonfinite import explain
from graphdl.training.predictions import room
from graphdl.training.programs import Programs, returned


class OneBatch(Programs):
    """`train_on_batch`, `test_on_batch`, `predict_on_batch` and `gradients` of a model."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on these examples; returns loss and metrics of them alone, as Keras does."""
        data = self._data("train_on_batch", x, y, sample_weight, class_weight)
        session = self._session("train", data, data.rows, again=True)
        self.reset_metrics()
        status = session.run(0, 1, self._seed(), int(self.optimizer.iterations.storage))
        if status:
            raise explain(self, session, 0, None)
        session.runner.keep(session)
        return returned(self._logs(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on these examples."""
        data = self._data("test_on_batch", x, y, sample_weight)
        session = self._session("test", data, data.rows, again=True)
        self.reset_metrics()
        session.run(0, 1, self._seed(), 0)
        session.runner.keep(session)
        return returned(self._logs(), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's outputs for these examples, taken as one batch."""
        x, _, _ = self._placed(x, None, None)
        self.build_for(x)
        data = Data(self._inputs(x))
        many = isinstance(self._output, list)
        outputs = self._output if many else [self._output]
        results = [room(data.rows, o, data.inputs) for o in outputs]
        if data.rows:
            session = self._session("predict", data, data.rows, results, again=True)
            session.run(0, 1, self._seed(), 0)
            session.runner.keep(session)
        return results if many else results[0]

    def gradients(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, np.ndarray]:
        """∂loss/∂weight on these examples, by weight: what the compiled step computes."""
        data = self._data("gradients", x, y, sample_weight)
        made = self._runner("train", data).step
        found = function(
            made.inputs, list(made.gradients.values()), target=self._target,
            matmul_precision=self._precision,
        )  # fmt: skip
        arrays = [a for a in (*data.inputs, data.target, data.weights) if a is not None]
        return {w.name: np.asarray(g) for w, g in zip(made.gradients, found(*arrays), strict=True)}
