"""How far two results are apart, in units of the last place of the tensor's largest element."""

import numpy as np


def ulps(ours, theirs, dtype=None) -> float:
    """The largest difference of two elements; inf where one is no number and the other is, or where
    whole numbers differ.

    dtype: that of the computation, where the tensor has another one: a total of float32 losses is kept
    in float64, and is no better than they are.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if theirs.dtype.kind != "f":
        return 0.0 if np.array_equal(ours, theirs) else np.inf
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return 0.0
    if not (np.isfinite(ours) & np.isfinite(theirs))[~same].all():
        return np.inf
    largest = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0)
    place = np.spacing(np.dtype(dtype or theirs.dtype).type(largest))
    return float(np.max(np.abs(ours.astype(float) - theirs)[~same]) / place)
