"""Interval arithmetic over a graph: in which range each value must lie, whatever weights and data are.

An end may be open: sigmoid gives every number between 0 and 1, and neither 0 nor 1 in exact
arithmetic. The intervals enclose; a value need not reach every place of its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from graphdl.core.graph import Node, walk
from graphdl.core.types import FLOATS

INF = math.inf


@dataclass(frozen=True)
class Interval:
    """All numbers from low to high; an open end does not belong to it."""

    low: float = -INF
    high: float = INF
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, number: float) -> bool:
        above = number > self.low or (number == self.low and not self.low_open)
        below = number < self.high or (number == self.high and not self.high_open)
        return above and below

    def touches(self, number: float) -> bool:
        """Is it an end that is open: never reached, yet approached without limit?"""
        at_low = number == self.low and self.low_open
        return at_low or (number == self.high and self.high_open)

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def __str__(self) -> str:
        left = "(" if self.low_open or self.low == -INF else "["
        right = ")" if self.high_open or self.high == INF else "]"
        return f"{left}{_number(self.low)}, {_number(self.high)}{right}"

    def __or__(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Interval(
            low, high,
            all(i.low_open for i in (self, other) if i.low == low),
            all(i.high_open for i in (self, other) if i.high == high),
        )  # fmt: skip

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.high_open, self.low_open)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            -INF if -INF in (self.low, other.low) else self.low + other.low,
            INF if INF in (self.high, other.high) else self.high + other.high,
            self.low_open or other.low_open, self.high_open or other.high_open,
        )  # fmt: skip

    def __mul__(self, other: Interval) -> Interval:
        ends = [
            (_times(a, b), _product_open(a, a_open, b, b_open))
            for a, a_open in ((self.low, self.low_open), (self.high, self.high_open))
            for b, b_open in ((other.low, other.low_open), (other.high, other.high_open))
        ]
        low, high = min(v for v, _ in ends), max(v for v, _ in ends)
        return Interval(
            low, high,
            all(is_open for v, is_open in ends if v == low),
            all(is_open for v, is_open in ends if v == high),
        )  # fmt: skip

    def monotone(self, function: Callable[[float], float]) -> Interval:
        """What a rising function makes of it."""
        return Interval(function(self.low), function(self.high), self.low_open, self.high_open)

    def meet(self, low: float = -INF, high: float = INF, is_open: bool = False) -> Interval:
        """The part between low and high (`is_open`: without them)."""
        a, b = self, Interval(low, high, is_open, is_open)
        lower, upper = max(a.low, b.low), min(a.high, b.high)
        return Interval(
            lower, upper,
            any(i.low_open for i in (a, b) if i.low == lower),
            any(i.high_open for i in (a, b) if i.high == upper),
        )  # fmt: skip


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b  # 0 times a number that has no bound is 0


def _product_open(a: float, a_open: bool, b: float, b_open: bool) -> bool:
    """Is a·b out of reach? A product is 0 as soon as one factor is."""
    if a == 0 and b == 0:
        return a_open and b_open
    return a_open if a == 0 else b_open if b == 0 else a_open or b_open


def _number(value: float) -> str:
    return {INF: "∞", -INF: "−∞"}.get(value, f"{value + 0.0:.4g}".replace("-", "−"))


WHOLE = Interval()
POSITIVE = Interval(0, INF, low_open=True)
UNIT = Interval(0, 1, True, True)


# ------------------------------------------------------------------ operations


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else INF


def _sigmoid(i: Interval) -> Interval:
    """Strictly between 0 and 1, however far its argument reaches."""
    inner = i.monotone(lambda z: 1 / (1 + _exp(-z)))
    return Interval(
        inner.low, inner.high, inner.low_open or inner.low == 0, inner.high_open or inner.high == 1
    )


def _tanh(i: Interval) -> Interval:
    inner = i.monotone(math.tanh)
    return Interval(
        inner.low, inner.high, inner.low_open or inner.low == -1, inner.high_open or inner.high == 1
    )


def _exp_of(i: Interval) -> Interval:
    inner = i.monotone(_exp)
    return Interval(inner.low, inner.high, inner.low_open or inner.low == 0, inner.high_open)


def _softplus(i: Interval) -> Interval:
    inner = i.monotone(lambda z: max(z, 0.0) + math.log1p(_exp(-abs(z))))
    return Interval(inner.low, inner.high, inner.low_open or inner.low == 0, inner.high_open)


def _abs(i: Interval) -> Interval:
    if i.low >= 0:
        return i
    if i.high <= 0:
        return -i
    high = max(-i.low, i.high)
    is_open = all(o for v, o in ((-i.low, i.low_open), (i.high, i.high_open)) if v == high)
    return Interval(0, high, False, is_open)


def _square(i: Interval) -> Interval:
    return _abs(i).monotone(lambda v: v * v)


def _sqrt(i: Interval) -> Interval:
    return WHOLE if i.high < 0 else i.meet(low=0).monotone(math.sqrt)


def _log(i: Interval) -> Interval:
    return WHOLE if i.high < 0 else i.meet(low=0).monotone(lambda v: math.log(v) if v else -INF)


def _inverse(i: Interval) -> Interval:
    if 0 in i or (i.low < 0 < i.high):
        return WHOLE
    upside = lambda v: INF if v == 0 else 1 / v  # noqa: E731
    if i.low >= 0:
        return Interval(upside(i.high), upside(i.low), i.high_open or i.high == INF, i.low_open)
    return -_inverse(-i)


def _relu(i: Interval) -> Interval:
    return _maximum(i, Interval(0, 0))


def _maximum(a: Interval, b: Interval) -> Interval:
    low, high = max(a.low, b.low), max(a.high, b.high)
    return Interval(
        low, high,
        any(i.low_open for i in (a, b) if i.low == low),
        all(i.high_open for i in (a, b) if i.high == high),
    )  # fmt: skip


def _minimum(a: Interval, b: Interval) -> Interval:
    return -_maximum(-a, -b)


def _sum(i: Interval) -> Interval:
    """Of one number or more: numbers of one sign keep it, and the least of them as a bound."""
    return Interval(
        i.low if i.low >= 0 else -INF, i.high if i.high <= 0 else INF, i.low_open, i.high_open
    )


def _hull(*given: Interval) -> Interval:
    found = given[0]
    for i in given[1:]:
        found = found | i
    return found


SIMPLE: dict[str, Callable[..., Interval]] = {
    "neg": lambda a: -a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a + -b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a * _inverse(b),
    "square": _square,
    "sqrt": _sqrt,
    "rsqrt": lambda a: _inverse(_sqrt(a)),
    "abs": _abs,
    "exp": _exp_of,
    "log": _log,
    "log_sigmoid": lambda a: Interval(-INF, 0, False, True),
    "log_softmax": lambda a: Interval(-INF, 0),
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda a: Interval(0, 1),
    "tanh": _tanh,
    "hard_tanh": lambda a: Interval(-1, 1),
    "softsign": lambda a: Interval(-1, 1, True, True),
    "erf": lambda a: Interval(-1, 1, True, True),
    "sin": lambda a: Interval(-1, 1),
    "cos": lambda a: Interval(-1, 1),
    "sign": lambda a: Interval(-1, 1),
    "softplus": _softplus,
    "relu": _relu,
    "relu6": lambda a: _minimum(_relu(a), Interval(6, 6)),
    "maximum": _maximum,
    "minimum": _minimum,
    "clip": lambda a, low, high: _minimum(_maximum(a, low), high),
    "sum": _sum,
    "random_uniform": lambda: Interval(0, 1, high_open=True),
    "size": lambda: Interval(1, INF),
    **dict.fromkeys(
        ("mean", "max", "min", "named", "stop_gradient", "reshape", "transpose", "broadcast_to",
         "slice", "gather", "take_along", "concat", "flip", "sort"), _hull,
    ),
}  # fmt: skip
COMPARED = {"gt": 1, "ge": 1, "lt": -1, "le": -1}  # 1: the left side is the larger


def intervals(roots: Iterable[Node]) -> dict[Node, Interval]:
    """The interval of every node that the roots are computed from."""
    found: dict[Node, Interval] = {}
    for node in walk(roots):
        found[node] = _interval(node, found)
    return found


def _interval(node: Node, found: dict[Node, Interval]) -> Interval:
    name, given = node.op.name, [found[i] for i in node.inputs]
    if node.type.dtype == "bool":
        return Interval(0, 1)
    if name == "constant":
        value = node.attrs["value"]
        known = value.size and not np.isnan(value).any()
        return Interval(float(value.min()), float(value.max())) if known else WHOLE
    if name == "mul" and node.inputs[0] is node.inputs[1]:
        return _square(given[0])
    if name == "cast":
        return given[0] if node.dtype in FLOATS or node.inputs[0].dtype == "bool" else WHOLE
    if name == "softmax":
        return Interval(1, 1) if node.shape[node.attrs["axis"]] == 1 else UNIT
    if name == "where":
        condition, *branches = node.inputs
        held = [_refined(b, condition, k == 0, found) for k, b in enumerate(branches)]
        return held[0] | held[1]
    rule = SIMPLE.get(name)
    return WHOLE if rule is None else rule(*given)


def _refined(branch: Node, condition: Node, holds: bool, found: dict[Node, Interval]) -> Interval:
    """The branch's interval, knowing that it is taken: where(x > c, x, …) takes x above c only."""
    side, known = COMPARED.get(condition.op.name), found[branch]
    if side is None:
        return known
    a, b = condition.inputs
    if branch not in (a, b):
        return known
    larger = ((side > 0) == (branch is a)) == holds
    strict = (condition.op.name in ("gt", "lt")) == holds
    bound = found[b if branch is a else a]
    if larger:
        return known.meet(low=bound.low, is_open=strict)
    return known.meet(high=bound.high, is_open=strict)
