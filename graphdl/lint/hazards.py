"""Where a value may leave what an operation or a loss is made for, by the intervals of the graph.

The simplified graph is looked at, which is the one that runs: a log(σ(z)) that became log_sigmoid is
no hazard. A branch that a `where` masks contributes exactly 0, so what stands in it is not one either;
nor is what depends on data alone, which the user knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from graphdl.core.graph import Graph, Node, Variable, walk
from graphdl.lint.finding import Finding, brief
from graphdl.lint.intervals import Interval, intervals


@dataclass(frozen=True)
class Site:
    """An operation, the intervals of its inputs, and what the user calls its nodes."""

    node: Node
    given: list[Interval]
    names: Mapping[Node, str]

    def text(self, node: Node, most: int = 60) -> str:
        return brief(node, self.names, most)

    @property
    def place(self) -> str:
        """The formula, and the line of the program that it was declared on."""
        at = PurePath(self.node.origin).name
        formula = brief(self.node, {n: s for n, s in self.names.items() if n is not self.node})
        return f"{formula} ({at})" if at else formula


Check = Callable[[Site], Finding | None]

# beyond these an exponential is 0, a sigmoid or tanh reaches its end: (float32, float64)
UNDERFLOW = {"float32": 104, "float64": 745}
SATURATED = {"float32": 17, "float64": 37}
WORTH_SAYING = 0.1  # a loss that cannot fall below less than this learns all there is to learn


def findings(graph: Graph) -> list[Finding]:
    """The hazards of a simplified graph."""
    roots = list(graph.outputs)
    ranges, moving = intervals(roots), _of_weights(roots)
    found = []
    for node in _unmasked(roots):
        check = CHECKS.get(node.op.name)
        if check is not None and not moving.isdisjoint(node.inputs):
            found.append(check(Site(node, [ranges[i] for i in node.inputs], graph.names)))
    return [f for f in found if f is not None]


def _of_weights(roots: list[Node]) -> set[Node]:
    """The nodes that depend on a variable."""
    moving: set[Node] = set()
    for node in walk(roots):
        if isinstance(node, Variable) or not moving.isdisjoint(node.inputs):
            moving.add(node)
    return moving


def _unmasked(roots: list[Node]) -> list[Node]:
    """The nodes that reach a root by a way which passes no branch of a `where`."""
    reached, stack = set(roots), list(roots)
    while stack:
        node = stack.pop()
        inputs = node.inputs[:1] if node.op.name == "where" else node.inputs
        stack += [i for i in inputs if i not in reached]
        reached.update(inputs)
    return [n for n in walk(roots) if n in reached]


# ------------------------------------------------------------------ singular places


def _log(at: Site) -> Finding | None:
    return _at_zero(at, 0, "log 0 is −∞ and its slope 1/0", below=True)


def _log1p(at: Site) -> Finding | None:
    return _at_zero(at, 0, "log1p(−1) is log 0 = −∞", below=True, place=-1)


def _division(at: Site) -> Finding | None:
    return _at_zero(at, 1, "x/0 is infinite, 0/0 not a number")


def _rsqrt(at: Site) -> Finding | None:
    return _at_zero(at, 0, "1/√0 is infinite", below=True)


def _sqrt(at: Site) -> Finding | None:
    return _at_zero(at, 0, "the slope 1/(2√x) is infinite at 0", below=True)


def _power(at: Site) -> Finding | None:
    exponent = at.node.inputs[1]
    if exponent.op.name != "constant" or not np.any(exponent.attrs["value"] < 0):
        return None
    return _at_zero(at, 0, "0 to a negative power is infinite")


def _at_zero(at: Site, k: int, what: str, below: bool = False, place: float = 0) -> Finding | None:
    """A finding if input k may be `place` (or, with `below`, less), or comes as near as it likes."""
    inner, known, name = at.node.inputs[k], at.given[k], at.node.op.name
    text, number = at.text(inner, 40), _text(place)
    if place in known or (below and known.low < place):
        return Finding(
            f"{name} reachable at {number}", "error", at.place,
            f"{text} lies in {known}, so {number} is not excluded; {what}",
            f"keep it away from {number}: add a small constant, or gd.maximum(…, 1e-7), or gd.where; "
            "a loss from logits needs no logarithm of its own",
        )  # fmt: skip
    if known.touches(place):
        return Finding(
            f"{name} reachable at {number} by rounding", "warning", at.place,
            f"{text} lies in {known} in exact arithmetic, but {_rounding(inner)}; {what}",
            "use the form that never rounds there: a loss with from_logits=True, gd.log_sigmoid, "
            "gd.log_softmax, gd.softplus; or add a small constant",
        )  # fmt: skip
    return None


def _text(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _rounding(inner: Node) -> str:
    """How the open end is reached in the dtype that is computed with."""
    dtype = inner.dtype
    names = {n.op.name for n in walk([inner])}
    if "sigmoid" in names:
        return (
            f"in {dtype} sigmoid(z) is exactly 0 below z ≈ −{UNDERFLOW[dtype]} and exactly 1 above "
            f"z ≈ {SATURATED[dtype]}"
        )
    return f"in {dtype} an exponential below e^−{UNDERFLOW[dtype]} is exactly 0"


# ------------------------------------------------------------------ losses and what they are given


def _probabilities(at: Site) -> Finding | None:
    """A cross-entropy of probabilities clips what leaves [0, 1]: its gradient there is 0."""
    known = at.given[1]
    if known.low >= 0 and known.high <= 1:
        return None
    return Finding(
        "not a probability", "warning", f"the loss, {at.place}",
        f"the prediction {at.text(at.node.inputs[1], 40)} lies in {known}; the loss clips it to "
        "[1e−7, 1 − 1e−7], and where it is clipped its gradient is exactly 0, so such an example is "
        "never corrected",
        "end in 'sigmoid' (one unit) or 'softmax' (several), or use a loss with from_logits=True",
    )  # fmt: skip


def _class_scores(at: Site) -> Finding | None:
    """Several classes are divided by their sum first: only their sign can be wrong."""
    return _probabilities(at) if at.given[1].low < 0 else None


def _logits(at: Site) -> Finding | None:
    """Logits that are bounded bound the loss from below."""
    known = at.given[1]
    if not known.bounded:
        return None
    least, who = _least_loss(at.node, known)
    if least < WORTH_SAYING:
        return None
    return Finding(
        "bounded logits", "warning", f"the loss, {at.place}",
        f"the logits {at.text(at.node.inputs[1], 40)} lie in {known} whatever the weights are, so the "
        f"loss of {who} stays above {least:.4g}",
        "give the loss real logits: a last layer without activation, or from_logits=False",
    )  # fmt: skip


def _least_loss(node: Node, z: Interval) -> tuple[float, str]:
    """The lowest loss that logits within an interval allow, and of which examples."""
    if node.op.name == "bce_logits":
        of_zero, of_one = np.log1p(np.exp(z.low)), np.log1p(np.exp(-z.high))
        return float(max(of_zero, of_one)), f"an example with y = {int(of_one > of_zero)}"
    classes = node.inputs[1].shape[-1]
    others = classes - 1 if isinstance(classes, int) else 1
    return float(np.log1p(others * np.exp(z.low - z.high))), "every example"


CHECKS: dict[str, Check] = {
    "log": _log,
    "log1p": _log1p,
    "div": _division,
    "rsqrt": _rsqrt,
    "sqrt": _sqrt,
    "pow": _power,
    "bce": _probabilities,
    "cce": _class_scores,
    "bce_logits": _logits,
    "cce_logits": _logits,
}
