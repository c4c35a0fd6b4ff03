"""Rules that move elements, pick them by index, and multiply matrices."""

from __future__ import annotations

import math

import numpy as np

from tests.differential.rule import Rule, broadcastable

# ------------------------------------------------------------------ moves


def _reshaped(random, x) -> dict:
    shapes = [(x.size,), (*x.shape, 1), (1, *x.shape), tuple(reversed(x.shape))]
    if x.ndim >= 2:
        shapes.append((x.shape[0], x.size // x.shape[0]) if x.shape[0] else (0, 1))
    return {"shape": shapes[random.integers(len(shapes))]}


def _permuted(random, x) -> dict | None:
    return {"axes": tuple(random.permutation(x.ndim).tolist())} if x.ndim > 1 else None


def _widened(random, x) -> dict:
    shape = tuple(3 if d == 1 and random.integers(2) else d for d in x.shape)
    return {"shape": (2, *shape) if random.integers(2) and x.ndim < 3 else shape}


def _paired(random, x, y) -> dict | None:
    """An axis along which the two can be joined."""
    if x.ndim != y.ndim or not x.ndim:
        return None
    fits = [
        a
        for a in range(x.ndim)
        if all(d == e for i, (d, e) in enumerate(zip(x.shape, y.shape, strict=True)) if i != a)
    ]
    return {"axis": int(random.choice(fits))} if fits else None


def _index(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    key = []
    for d in x.shape:
        start, step = int(random.integers(d)), int(random.integers(1, 3))
        number = random.integers(4) == 0
        key.append(start if number else slice(start, None if random.integers(2) else d, step))
    return {"key": (*key, None) if random.integers(4) == 0 else tuple(key)}


def _widths(random, x) -> dict | None:
    widths = [tuple(random.integers(0, 3, 2).tolist()) for _ in x.shape]
    return {"widths": widths, "value": float(random.integers(2)) * 0.5} if x.ndim else None


def _flipped(random, x) -> dict | None:
    return {"axis": (int(random.integers(x.ndim)),)} if x.ndim else None


def _halved(random, x) -> dict | None:
    even = [a for a, d in enumerate(x.shape) if d % 2 == 0 and d]
    return {"axis": int(random.choice(even))} if even else None


def _halves(m, x, axis):
    first, second = m.split(x, 2, axis)
    return first * m.sigmoid(second)


def _picked(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    axis = int(random.integers(x.ndim))
    shape = [(3,), (2, 2), ()][random.integers(3)]
    return {"axis": axis, "indices": random.integers(0, x.shape[axis], shape)}


def _picked_along(random, x) -> dict | None:
    if not x.ndim or 0 in x.shape:
        return None
    axis = int(random.integers(x.ndim))
    shape = tuple(2 if a == axis else d for a, d in enumerate(x.shape))
    return {"axis": axis, "indices": random.integers(0, x.shape[axis], shape)}


def _classes(random, x) -> dict | None:
    return {"labels": random.integers(0, x.shape[-1], x.shape[:-1])} if x.ndim and x.size else None


MOVES = [
    Rule("reshape", 1, lambda m, x, shape: m.reshape(x, shape), _reshaped),
    Rule("transpose", 1, lambda m, x, axes: m.transpose(x, axes), _permuted),
    Rule("broadcast_to", 1, lambda m, x, shape: m.broadcast_to(x, shape), _widened),
    Rule("expand_dims", 1, lambda m, x: m.expand_dims(x, 0)),
    Rule("squeeze", 1, lambda m, x: m.squeeze(x)),
    Rule("concat", 2, lambda m, x, y, axis: m.concat([x, y, x], axis), _paired),
    Rule(
        "stack",
        2,
        lambda m, x, y: m.stack([x, y], 1),
        lambda random, x, y: {} if x.shape == y.shape and 0 < x.ndim < 3 else None,
    ),
    Rule("split", 1, _halves, _halved),
    Rule("index", 1, lambda m, x, key: x[key], _index),
    Rule("flip", 1, lambda m, x, axis: m.flip(x, axis), _flipped),
    Rule("pad", 1, lambda m, x, widths, value: m.pad(x, widths, value), _widths),
    Rule(
        "gather",
        1,
        lambda m, x, axis, indices: m.gather(x, m.constant(indices, x), axis),
        _picked,
    ),
    Rule(
        "take_along",
        1,
        lambda m, x, axis, indices: m.take_along(x, m.constant(indices, x), axis),
        _picked_along,
    ),
    Rule(
        "one_hot",
        1,
        lambda m, x, labels: x * m.one_hot(m.constant(labels, x), x.shape[-1], x),
        _classes,
    ),
]


# ------------------------------------------------------------------ products


def _scaled(x) -> float:
    return 1 / math.sqrt(max(x, 1))


def _matmul(random, x, y) -> dict | None:
    if not x.ndim or not y.ndim or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        return None
    fits = broadcastable(random, np.empty(x.shape[:-2]), np.empty(y.shape[:-2]))
    return None if fits is None else {"scale": _scaled(x.shape[-1])}


def _ends_meet(random, x, y) -> dict | None:
    fits = x.ndim and y.ndim and x.shape[-1] == y.shape[0]
    return {"scale": _scaled(x.shape[-1])} if fits else None


def _of_ranks(*ranks):
    def choose(random, *xs):
        shapes = [x.shape for x in xs]
        return {} if tuple(map(len, shapes)) == ranks and all(map(math.prod, shapes)) else None

    return choose


def _einsum(equation, *ranks):
    letters = equation.partition("->")[0].split(",")

    def choose(random, *xs):
        if tuple(x.ndim for x in xs) != ranks:
            return None
        seen: dict[str, int] = {}
        for term, x in zip(letters, xs, strict=True):
            for letter, d in zip(term, x.shape, strict=True):
                if seen.setdefault(letter, d) != d:
                    return None
        return {}

    name = f"einsum {equation}"
    return Rule(name, len(ranks), lambda m, *xs: 0.5 * m.einsum(equation, *xs), choose)


PRODUCTS = [
    Rule("matmul", 2, lambda m, x, y, scale: m.matmul(x, y) * scale, _matmul),
    Rule("gram", 1, lambda m, x: 0.3 * m.matmul(x, m.transpose(x, (1, 0))), _of_ranks(2)),
    Rule("gram_t", 1, lambda m, x: 0.3 * m.matmul(m.transpose(x, (1, 0)), m.tanh(x)), _of_ranks(2)),
    Rule("tensordot", 2, lambda m, x, y, scale: m.tensordot(x, y, 1) * scale, _ends_meet),
    Rule("outer", 2, lambda m, x, y: m.outer(x, y), _of_ranks(1, 1)),
    _einsum("ij->ji", 2),
    _einsum("ij,ij->i", 2, 2),
    _einsum("ij,kj->ik", 2, 2),
    _einsum("bij,bjk->bik", 3, 3),
    _einsum("ii->i", 2),
    _einsum("ijk->ik", 3),
]
