"""What stopped being finite, and where: an equation, batch and row; or a weight.

The compiled step looks at loss and gradients, before it changes anything. What an update makes of
finite numbers (a rate of 1e38 times 2) would take one more pass over all weights in every step; so
the next step refuses what comes of it, and after the last one the weights are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from graphdl.core.errors import NonFiniteError
from graphdl.core.graph import Node, Variable
from graphdl.core.interpret import interpret
from graphdl.core.sizes import Size
from graphdl.training.runner import Examples
from graphdl.training.step import Step


def explain(model: Any, session: Any, batch: int, epoch: int | None) -> NonFiniteError:
    """The error for a refused step: its batch is interpreted again, equation by equation."""
    graph = session.runner.step.graph
    given = session.examples(batch)
    env = dict(zip(session.runner.step.inputs, given.arrays, strict=True))
    step = int(model.optimizer.iterations.storage)  # the refused step did not count
    values = interpret(graph.nodes, env, seed=model._seed(), step=step)
    where = f"batch {batch + 1}" + ("" if epoch is None else f" of epoch {epoch + 1}")
    error = _overflowed(model.weights, f"training stopped at {where}:")
    if error is not None:
        return error
    for node, value in zip(graph.nodes, values, strict=True):
        if node.type.is_float and not np.isfinite(value).all():
            return NonFiniteError(
                f"training stopped at {where}: {_equation(session.runner.step, node)} is not finite"
                f"{_row(node, value, given)}. No weight was changed by this step. A smaller "
                "learning rate, scaled inputs or clipping help; compile(check_finite=False) "
                "switches this check off"
            )
    return NonFiniteError(
        f"training stopped at {where}: the loss or a gradient is not finite. No weight was changed "
        "by this step"
    )


def require_finite(weights: Iterable[Variable]) -> None:
    """Raise NonFiniteError where the last update has left a weight that is not finite."""
    error = _overflowed(weights, "training ended, but")
    if error is not None:
        raise error


def _overflowed(weights: Iterable[Variable], what: str) -> NonFiniteError | None:
    """The error for a weight that an update of finite numbers has made infinite, if there is one."""
    with np.errstate(all="ignore"):  # a sum may overflow where no element is infinite
        suspects = [w for w in weights if not math.isfinite(w.storage.sum())]
    for weight in suspects:
        bad = np.count_nonzero(~np.isfinite(weight.storage))
        if bad:
            return NonFiniteError(
                f"{what} the weight {weight.name!r} is not finite ({bad} of {weight.storage.size} "
                "elements), though every loss and gradient so far was: an update overflowed. The "
                "weights are those after it; the ones before are not kept. Set finite weights, and "
                "take a smaller learning rate; compile(check_finite=False) switches this check off"
            )
    return None


def _equation(step: Step, bad: Node) -> str:
    """The node by its name, or as a part of the first named value that is computed from it."""
    gradients = {g: f"the gradient of {w.name!r}" for w, g in (step.gradients or {}).items()}
    if "name" in bad.attrs or bad in gradients:
        return gradients.get(bad) or repr(bad.attrs["name"])
    following = {bad}
    for node in step.graph.nodes:
        if not following.isdisjoint(node.inputs):
            following.add(node)
            if node.op.name == "named" or node in gradients:
                whole = gradients.get(node) or repr(node.attrs["name"])
                return f"the result of {bad.op.name!r}, a part of {whole},"
    return f"the result of {bad.op.name!r}"


def _row(node: Node, value: np.ndarray, given: Examples) -> str:
    if node.rank and isinstance(node.type.shape[0], Size) and len(value) == len(given.rows):
        at = int(np.argwhere(~np.isfinite(value))[0][0])
        return f", first in row {int(given.rows[at])} of the {given.of}"
    return ""
