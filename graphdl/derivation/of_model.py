"""The derivation of a model's loss: that of its training step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphdl.core.graph import Variable
from graphdl.derivation.derivation import Derivation
from graphdl.derivation.record import Within, record
from graphdl.training import step

if TYPE_CHECKING:
    from graphdl.model import Model


def derivation(model: Model, weight: Variable, unit: Sequence[int] | int | None) -> Derivation:
    """See `Model.derive`; the model is compiled."""
    assert model.loss is not None
    target = model.loss.target_type(model._output)
    made = model._step("train", step.symbols(model._symbols, target, weighted=False))
    assert made.loss is not None
    within = Within(made.graph, made.inputs, model.optimizer.equations())
    return record(Derivation, made.loss, weight, model.short_names(), unit, within)
