"""Where a loss or gradient first stopped being finite: which equation, batch and row."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.errors import NonFiniteError
from graphdl.core.graph import Node
from graphdl.core.interpret import interpret


def explain(model: Any, session: Any, batch: int, epoch: int | None) -> NonFiniteError:
    """The error for a refused step: its batch is interpreted again, equation by equation."""
    graph = session.runner.step.graph
    first = batch * session.batch
    rows = session.order[first : first + session.batch]
    arrays = [a for a in (*session.data.inputs, session.data.target, session.data.weights) if a is not None]
    env = {s: a[rows] for s, a in zip(session.runner.step.inputs, arrays, strict=True)}
    values = interpret(graph.nodes, env)
    where = f"batch {batch + 1}" + ("" if epoch is None else f" of epoch {epoch + 1}")
    for node, value in zip(graph.nodes, values, strict=True):
        if node.type.is_float and not np.isfinite(value).all():
            return NonFiniteError(
                f"training stopped at {where}: {_equation(graph.nodes, values, node)} is not finite"
                f"{_row(node, value, rows)}. No weight was changed by this step. A smaller "
                "learning rate, scaled inputs or clipping help; compile(check_finite=False) "
                "switches this check off"
            )
    return NonFiniteError(
        f"training stopped at {where}: the loss or a gradient is not finite. No weight was changed "
        "by this step"
    )


def _equation(nodes: list[Node], values: list[np.ndarray], bad: Node) -> str:
    """The node by its name, or by the last named value before it."""
    if "name" in bad.attrs:
        return repr(bad.attrs["name"])
    users = [n for n in nodes if bad in n.inputs and n.op.name == "named"]
    if users:
        return repr(users[0].attrs["name"])
    return f"the result of {bad.op.name!r}"


def _row(node: Node, value: np.ndarray, rows: np.ndarray) -> str:
    if value.ndim and len(value) == len(rows):
        at = int(np.argwhere(~np.isfinite(value))[0][0])
        return f", first in row {int(rows[at])} of the data"
    return ""
