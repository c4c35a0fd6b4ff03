"""Targets and predictions of each kind that losses and metrics take, the same in every process."""

import numpy as np


def data(kind, shape, seed=0):
    """(targets, predictions), float64 or whole numbers."""
    draw = np.random.default_rng([len(shape), seed, *map(ord, kind)])
    uniform = lambda low, high: draw.uniform(low, high, shape)  # noqa: E731
    rows = draw.integers(0, shape[-1], shape[:-1])
    share = uniform(0.05, 1)
    share /= share.sum(-1, keepdims=True)
    bits = (uniform(0, 1) > 0.5).astype(float)
    logits = 3 * draw.normal(size=shape)
    if kind == "numbers":
        target = draw.normal(size=shape)
        return target, target + 0.5 * draw.normal(size=shape)
    return {
        "counts": (uniform(0, 4), uniform(0.1, 3)),
        "bits": (bits, np.round(uniform(0, 1), 2)),
        "bits, logits": (bits, logits),
        "shares": (share, uniform(0.05, 1)),
        "shares, logits": (share, logits),
        "one-hot": (np.eye(shape[-1])[rows], uniform(0.05, 1)),
        "classes": (rows, uniform(0.05, 1)),
        "classes, logits": (rows, logits),
        "two classifications": (rows, draw.integers(0, shape[-1], shape[:-1])),
    }[kind]


def weights(shape, seed=0):
    """One weight for each number that a loss gives."""
    return np.random.default_rng([7, seed]).uniform(0, 2, shape[: max(1, len(shape) - 1)])


def single(array):
    """As float32 where it is floating."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array
