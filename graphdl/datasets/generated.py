"""Data made from a seed and a formula: two features, two classes, a picture each."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphdl.datasets.description import classification
from graphdl.datasets.split import Parts, split

INFO = {
    info.name: info
    for info in (
        classification(
            "will_i_pass", ["lectures attended", "hours on the final project"], ["fail", "pass"]
        ),
        classification("moons", ["x1", "x2"], ["upper", "lower"]),
        classification("spirals", ["x1", "x2"], ["first", "second"]),
    )
}


def will_i_pass(
    n: int = 400,
    seed: int = 0,
    test_size: float = 0.2,
    standardize: bool = True,
    dtype: DTypeLike | None = None,
) -> Parts:
    """The lecture's "Will I pass this class?": `n` students, and who of them passed (1).

    A student attends 0 to 10 lectures and spends 0 to 10 hours on the final project. An hour
    counts three quarters of a lecture, and luck has its part: the odds to pass are
    exp(2 · lectures + 1.5 · hours - 14), so the best possible guess is right 94 times in 100.
    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 2) floating, y (n,) int64.
    """
    random = _random(n, seed)
    lectures, hours = random.integers(0, 11, n), random.uniform(0, 10, n)
    odds = np.exp(2.0 * lectures + 1.5 * hours - 14)
    passed = random.random(n) < odds / (1 + odds)
    x = np.column_stack([lectures, hours]).astype(np.float64)
    return split(x, passed.astype(np.int64), test_size, seed, standardize, dtype)


def moons(
    n: int = 400,
    seed: int = 0,
    noise: float = 0.1,
    test_size: float = 0.2,
    standardize: bool = True,
    dtype: DTypeLike | None = None,
) -> Parts:
    """Two half circles of radius 1, one hooked into the other: no straight line parts them.

    `noise` is the standard deviation of what is added to each coordinate.
    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 2) floating, y (n,) int64.
    """
    random, labels = _random(n, seed), np.arange(n) % 2
    angle = random.uniform(0, np.pi, n)
    side = 1 - 2 * labels
    x = np.column_stack([labels + side * np.cos(angle), labels / 2 + side * np.sin(angle)])
    return split(_noisy(x, noise, random), labels, test_size, seed, standardize, dtype)


def spirals(
    n: int = 400,
    seed: int = 0,
    noise: float = 0.1,
    test_size: float = 0.2,
    standardize: bool = True,
    dtype: DTypeLike | None = None,
) -> Parts:
    """Two spiral arms of one and a half turns and radius 0 to 5, half a turn apart.

    `noise` is the standard deviation of what is added to each coordinate.
    Returns ``(x_train, y_train), (x_test, y_test)``: x (n, 2) floating, y (n,) int64.
    """
    random, labels = _random(n, seed), np.arange(n) % 2
    along = np.sqrt(random.random(n))  # even along the arm, which is longer further out
    angle = 3 * np.pi * along + np.pi * labels
    x = 5 * along[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    return split(_noisy(x, noise, random), labels, test_size, seed, standardize, dtype)


def _random(n: int, seed: int) -> np.random.Generator:
    if n < 2:
        raise ValueError(f"n is the number of rows, at least 2 (one to train, one to test): {n!r}")
    return np.random.default_rng([seed, 1])  # not the stream that the split draws from


def _noisy(x: NDArray, noise: float, random: np.random.Generator) -> NDArray:
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise is a standard deviation, 0 or more, not {noise!r}")
    return x + noise * random.standard_normal(x.shape)
