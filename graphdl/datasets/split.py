"""From rows and labels to what ``fit`` and ``evaluate`` take: split by a seed, standardised.

Everything that is estimated from data (means, deviations) comes from the training part alone.
"""

import numpy as np
from numpy.typing import DTypeLike, NDArray

Part = tuple[NDArray, NDArray]
Parts = tuple[Part, Part]


def split(
    x: NDArray,
    y: NDArray,
    test_size: float,
    seed: int,
    standardize: bool,
    dtype: DTypeLike | None,
    standardize_target: bool = False,
) -> Parts:
    """``(x_train, y_train), (x_test, y_test)`` from `x` (n, features) and `y`.

    A `y` of integers (n,) holds classes: each gives the same share of its rows to the test part.
    A `y` of floats (n, 1) is a target and gets the dtype of `x`. `dtype` None keeps float64.
    """
    kind = np.dtype(np.float64 if dtype is None else dtype)
    if kind.kind != "f":
        raise ValueError(f"dtype must be a floating-point type such as 'float32', not {dtype!r}")
    classes = y.dtype.kind == "i"
    train, test = split_rows(y if classes else np.zeros(len(y)), test_size, seed)
    if standardize:
        x = standardized(x, train)
    if standardize_target:
        y = standardized(y, train)
    x, y = x.astype(kind), y if classes else y.astype(kind)
    return (x[train], y[train]), (x[test], y[test])


def split_rows(strata: NDArray, test_size: float, seed: int) -> Part:
    """Shuffled row numbers of the training and of the test part, each stratum shared alike."""
    if not 0 < test_size < 1:
        raise ValueError(
            f"test_size is the share of rows kept for testing, between 0 and 1, not {test_size!r}"
        )
    order = permutation(len(strata), seed)
    in_test = np.zeros(len(strata), dtype=bool)
    for stratum in np.unique(strata):
        rows = order[strata[order] == stratum]
        in_test[rows[: round(test_size * len(rows))]] = True
    train, test = order[~in_test[order]], order[in_test[order]]
    if not len(train) or not len(test):
        raise ValueError(
            f"test_size={test_size} of {len(strata)} rows leaves {len(train)} to train "
            f"and {len(test)} to test with; each part needs at least one row"
        )
    return train, test


def permutation(n: int, seed: int) -> NDArray:
    """The numbers 0 … n-1 in an order that depends on `seed` alone, in every version of NumPy."""
    # NumPy keeps the bits of a bit generator for ever, but not what `Generator` makes of them.
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def standardized(values: NDArray, train: NDArray) -> NDArray:
    """`values` with mean 0 and standard deviation 1 in each column of the rows `train`.

    A column that is constant there has nothing to teach: it becomes 0 in all rows.
    """
    seen = values[train]
    varies = seen.max(axis=0) > seen.min(axis=0)
    scale = np.divide(1.0, seen.std(axis=0), out=np.zeros(values.shape[1]), where=varies)
    return (values - seen.mean(axis=0)) * scale
