"""A small instance of a derivation, to be checked on: sizes, inputs, weights, the draws of its layers.

What an input is drawn from follows from what consumes it: an index lies within its axis, the targets
of a cross-entropy are probabilities, those of classes sum to 1. The drawn numbers stay away from the
kinks on the way to the weight, where a derivative is a convention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, Variable, walk
from graphdl.core.interpret import Sizes
from graphdl.core.sizes import Size, product
from graphdl.core.streams import stream_numbers
from graphdl.derivation.kinds import REAL, computed, sized, wide
from graphdl.derivation.record import Record
from graphdl.differentiate.chain_rule import leads_to

FIRST_SIZE = 3  # of the named sizes, which become 3, 4, 5, …: of two numbers the variance is blind
ATTEMPTS = 40
NEAR = 1e-3  # to a kink: drawn numbers keep this distance, where there are few
AT = 1e-7  # within this distance every step that can be measured leads over the kink

Values = Mapping[Node, np.ndarray]


@dataclass(frozen=True)
class Instance:
    """Numbers for the leaves of a derivation, and the values that its forward nodes have on them."""

    leaves: Values
    forward: Values
    sizes: Sizes
    gap: float  # from the nearest kink
    moved: bool  # do the variables have other values than their present ones?


def instance(derivation: Record, given: Mapping[Node, Any], seed: int) -> Instance:
    """The given values, and draws for what was not given: of several the farthest from kinks.

    Where values are given the variables keep their present ones, unless these lie at a kink; then,
    and with nothing given, they are drawn near them. Raises GraphError where a forward value is not
    finite, or where all that is given lies at a kink.
    """
    leaves = [n for n in walk([derivation.result]) if not n.inputs and n.op.name != "constant"]
    sizes = _sizes(derivation, leaves, given)
    best: Instance | None = None
    for attempt in range(ATTEMPTS):
        random = np.random.default_rng([seed, attempt])
        moved = attempt > 0 or not given
        lift = attempt / 8 if best is None else 0.0  # a logarithm may need larger outputs
        made = _drawn(derivation, leaves, given, sizes, random, moved, lift)
        if made is not None and (best is None or made.gap > best.gap):
            best = made
        if best is not None and (best.gap > (AT if given else _wanted(best))):
            return best
    if best is None:
        raise GraphError(
            "check: no drawn numbers give a finite result; pass values for the inputs, such as "
            "d.check({x: …, y: …})"
        )
    if best.gap <= AT:
        raise GraphError(
            "check: the given values lie at a kink, such as that of relu at 0, where a derivative is "
            "a convention and cannot be measured; move them a little"
        )
    return best


def _wanted(made: Instance) -> float:
    """The more numbers there are, the nearer the nearest of them comes."""
    count = sum(v.size for n, v in made.forward.items() if n not in made.leaves)
    return min(NEAR, 0.1 / max(1, count))


def _sizes(derivation: Record, leaves: list[Node], given: Mapping[Node, Any]) -> Sizes:
    """Those of the values that are given; the rest become small, each another."""
    sizes = Sizes(derivation.result.facts.merge(derivation.gradient.facts))
    for node, value in given.items():
        sizes.learn(node.type.shape, np.shape(value), str(node.attrs.get("name", node.op.name)))
    small = iter(range(FIRST_SIZE, 1000))
    for node in leaves:
        for d in node.type.shape:
            while isinstance(size := sizes.facts.resolve(d), Size):
                free = Size((((size.names[0],), 1),))
                sizes.facts = sizes.facts.equate(free, next(small), "the drawn instance")
    return sizes


def _drawn(
    derivation: Record,
    leaves: list[Node],
    given: Mapping[Node, Any],
    sizes: Sizes,
    random: np.random.Generator,
    moved: bool,
    lift: float,
) -> Instance | None:
    streams = stream_numbers(leaves)
    users = _users(derivation.result)
    made: dict[Node, np.ndarray] = {}
    for node in leaves:
        shape = sizes.shape(node.type.shape)
        if node in given:
            made[node] = _given(node, given[node])
        elif isinstance(node, Variable):
            made[node] = _near(node, random, lift) if moved else wide(node.storage)
        elif node in streams:
            made[node] = _noise(node, streams[node], sizes, int(random.integers(2**31)))
        elif node.op.name == "tensor":
            made[node] = _input(node, shape, users, sizes, random)
    values = computed([derivation.result], made, REAL, sizes)
    if not all(np.isfinite(v).all() for n, v in values.items() if n.type.is_float):
        return None
    return Instance(made, values, sizes, _gap(derivation, values, sizes), moved)


def _given(node: Node, value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(np.float64) if node.type.is_float else array.astype(node.dtype)


def _near(variable: Variable, random: np.random.Generator, lift: float) -> np.ndarray:
    """Near the present value; what is positive throughout, such as a variance, stays so.

    Biases and their like are lifted, in case the numbers that follow must be positive.
    """
    value = wide(variable.storage)
    if value.dtype.kind != "f":
        return value
    change = random.uniform(-1, 1, value.shape)
    if (value > 0).all():
        return value * (1 + 0.5 * change)
    if value.ndim < 2:
        return value + 0.5 * change + lift
    return value + 0.5 * change / np.sqrt(value.shape[0])


def _noise(node: Node, stream: int, sizes: Sizes, step: int) -> np.ndarray:
    """What a layer draws: the same numbers wherever the derivation refers to them."""
    attrs = {k: sized(v, sizes) for k, v in node.attrs.items() if k != "identity"}
    return wide(node.op.reference(**attrs | {"stream": stream, "seed": step, "step": 0}))


# ----------------------------------------------------------------- what consumes an input

_CARRIES = frozenset(["named", "reshape", "transpose", "broadcast_to", "cast", "slice", "concat"])
Users = Mapping[Node, list[tuple[Node, int]]]


def _users(result: Node) -> Users:
    """Who uses a node, and as which of its inputs."""
    found: dict[Node, list[tuple[Node, int]]] = {}
    for node in walk([result]):
        for k, i in enumerate(node.inputs):
            found.setdefault(i, []).append((node, k))
    return found


def _consumers(node: Node, users: Users) -> Iterator[tuple[Node, int]]:
    """The operations that compute with the elements of a node, wherever they were moved to."""
    for user, place in users.get(node, []):
        if user.op.name in _CARRIES:
            yield from _consumers(user, users)
        else:
            yield user, place


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _input(
    node: Node, shape: tuple[int, ...], users: Users, sizes: Sizes, random: np.random.Generator
) -> np.ndarray:
    consumers = list(_consumers(node, users))
    if node.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if not node.type.is_float:
        return random.integers(0, _extent(consumers, sizes), shape).astype(node.dtype)
    drawn = random.uniform(*_interval(consumers), shape)
    classes = any((user.op.name, place) in _CLASSES for user, place in consumers)
    return drawn / drawn.sum(-1, keepdims=True) if classes else drawn


def _extent(consumers: list[tuple[Node, int]], sizes: Sizes) -> int:
    """The indices that every consumer admits; without one, labels 0 and 1."""
    extents = []
    for user, _ in consumers:
        if user.op.name in ("gather", "take_along"):
            extents.append(sizes.value(user.inputs[0].type.shape[user.attrs["axis"]]))
        elif user.op.name == "eq":
            ranges = [n for i in user.inputs for n in walk([i]) if n.op.name == "iota"]
            extents += [sizes.value(product(n.type.shape)) for n in ranges]
    return min(extents, default=2)


_CLASSES = {("cce", 0), ("cce", 1), ("cce_logits", 0), ("class_surprisal", 0)}
_ANY_SIGN = frozenset(["matmul"])  # features; all else may be a target, or under a root


def _interval(consumers: list[tuple[Node, int]]) -> tuple[float, float]:
    """Features on both sides of 0; what goes straight into a loss is inside (0, 1)."""
    features = any(
        user.op.name in _ANY_SIGN or any(isinstance(i, Variable) for i in user.inputs)
        for user, _ in consumers
    )
    return (-1.5, 1.5) if features else (0.1, 0.9)


# ------------------------------------------------------------------------------------ kinks


def _gap(derivation: Record, values: Values, sizes: Sizes) -> float:
    """How far the numbers on the way to the weight are from the nearest kink."""
    way = leads_to(derivation.result, [derivation.wrt])
    found = [_distance(n, values, sizes) for n in values if n in way and n.inputs]
    return min(found, default=np.inf)


def _distance(node: Node, values: Values, sizes: Sizes) -> float:
    inputs = [values[i] for i in node.inputs]
    if node.op.name in _KINKS:
        gaps = _KINKS[node.op.name](*inputs)
        return float(np.min(np.abs(gaps), initial=np.inf))
    if node.op.body is None or all(i.op.name == "constant" for i in node.inputs):
        return np.inf
    body = node.op.body(*node.inputs, **node.attrs)
    inner = computed([body], dict(zip(node.inputs, inputs, strict=True)), REAL, sizes)
    return min((_distance(n, inner, sizes) for n in inner if n not in node.inputs), default=np.inf)


def _between(a: np.ndarray, b: np.ndarray) -> Any:
    return (a - b)[np.isfinite(a - b)] if a.dtype.kind == "f" else np.inf


def _to_whole(a: np.ndarray) -> Any:
    return (a + 0.5) % 1 - 0.5


_KINKS: dict[str, Callable[..., Any]] = {
    "relu": lambda a: a, "abs": lambda a: a, "sign": lambda a: a,
    "maximum": _between, "minimum": _between,
    "lt": _between, "le": _between, "gt": _between, "ge": _between,
    "clip": lambda a, low, high: np.minimum(np.abs(a - low), np.abs(a - high)),
    "floor": _to_whole, "round": lambda a: _to_whole(a + 0.5),
    "mod": lambda a, b: _to_whole(a / b) * b,
}  # fmt: skip
