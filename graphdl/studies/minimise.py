"""W* = argmin J: gradient descent with a test of convergence, and the closed form where J has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable, walk
from graphdl.differentiate.forward import hvp
from graphdl.ops.build import tensor
from graphdl.registry import number, whole
from graphdl.studies import picture
from graphdl.studies.curvature import curvature_of, split
from graphdl.studies.descent import Descent
from graphdl.studies.objective import objective

STEPS = 256  # in one run of compiled code, between two looks of Python


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended.

    weights: the values found, in the order of `variables`; reason: "converged", "max_steps" or
    "diverged"; losses: J before each step and at the end.
    """

    variables: tuple[Variable, ...]
    weights: list[np.ndarray]
    steps: int
    reason: str
    losses: np.ndarray
    gradient_norm: float

    @property
    def loss(self) -> float:
        """J at the end"""
        return float(self.losses[-1])

    def assign(self) -> None:
        """Give the variables the values that were found."""
        for variable, value in zip(self.variables, self.weights, strict=True):
            variable.assign(value)

    def __str__(self) -> str:
        return (
            f"{self.reason} after {self.steps} steps: J = {self.loss:.6g}, "
            f"‖∇J‖ = {self.gradient_norm:.3g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """J against the step."""
        ax = picture.axes(ax)
        ax.plot(self.losses, **picture.line(0))
        if self.losses.min() > 0:
            ax.set_yscale("log")
        return picture.finish(ax, "step", "loss J", str(self))


def minimise(
    subject: Any, x: Any = None, y: Any = None, *, wrt: Any = None,
    data: Mapping[Node, Any] | None = None, learning_rate: float = 0.1,
    tolerance: float = 1e-6, max_steps: int = 10_000, target: str | None = None,
) -> Minimum:  # fmt: skip
    """Gradient descent, W ← W − η·∂J/∂W, until ‖∂J/∂W‖ ≤ `tolerance`.

    subject: a compiled model with its data x, y, or a scalar node J (with `data` for its symbols).
    Ends also after `max_steps`, and as soon as J or its gradient is not finite. The variables keep
    their values; `result.assign()` sets them.
    """
    j = objective(subject, x, y, wrt=wrt, data=data, target=target)
    rate = number("learning_rate", learning_rate)
    limit, most = number("tolerance", tolerance), whole("max_steps", max_steps)
    losses, sizes = _descend(Descent(j, limit), rate, limit, most)
    reason = "max_steps" if sizes[-1] > limit else "converged"
    if not np.isfinite(losses[-1] + sizes[-1]):
        reason = "diverged"
    found = [w.value for w in j.weights]
    return Minimum(j.originals, found, len(losses) - 1, reason, losses, float(sizes[-1]))


def _descend(
    descent: Descent, rate: float, tolerance: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """J and ‖∇J‖ before each step and at the end: the compiled run stays where the test holds."""
    losses, sizes = np.empty(0), np.empty(0)
    while len(losses) <= most:
        ahead = min(STEPS, most - len(losses) + 1)
        rates = np.full(ahead, rate)
        if len(losses) + ahead > most:
            rates[-1] = 0.0  # the last row only looks
        more = descent.run(rates)
        losses, sizes = (np.append(a, b) for a, b in zip((losses, sizes), more, strict=True))
        ended = ~(np.isfinite(losses) & (sizes > tolerance))  # NaN too
        if ended.any():
            first = int(np.argmax(ended)) + 1
            return losses[:first], sizes[:first]
    return losses, sizes


def closed_form(
    subject: Any, x: Any = None, y: Any = None, *, wrt: Any = None,
    data: Mapping[Node, Any] | None = None, target: str | None = None,
) -> Minimum:  # fmt: skip
    """The minimum of a J that is quadratic in its weights, such as a linear model with MSE.

    J is quadratic exactly when its Hessian H does not depend on the weights, which is read off the
    graph of H·v. Then W* = W − H⁻¹·∂J/∂W, the solution of the normal equations (the smallest move
    where H is singular). Raises GraphError where J is not quadratic.
    """
    j = objective(subject, x, y, wrt=wrt, data=data, target=target)
    directions = [tensor(f"v{k}", w.storage.shape, w.dtype) for k, w in enumerate(j.weights)]
    inside = {*walk(hvp(j.loss, list(j.weights), directions))}
    depends = [w.name for w in j.weights if w in inside]
    if depends:
        raise GraphError(
            f"J has no closed form: its Hessian depends on {', '.join(depends)}, so J is not "
            "quadratic; use minimise"
        )
    hessian = curvature_of(j).hessian
    if hessian is None:
        raise GraphError(f"the Hessian of {j.size} weights is too large to form; use minimise")
    value = j.compile([], (j.loss, *j.gradients))
    first, *slopes = value()
    slope = np.concatenate([np.ravel(g) for g in slopes]).astype(np.float64)
    for w, move in zip(j.weights, split(np.linalg.lstsq(hessian, slope)[0], j), strict=True):
        w.assign(w.storage - move)
    last, *slopes = value()
    size = float(np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in slopes)))
    found = [w.value for w in j.weights]
    return Minimum(j.originals, found, 1, "closed form", np.array([first, last]), size)
