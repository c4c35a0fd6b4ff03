"""Where these tests run, and how far two results are apart."""

import os

import numpy as np

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def here(on_gpu, simulated):
    """A size for a GPU, and one for the simulator, which is some 10,000 times slower."""
    return simulated if SIMULATED else on_gpu


def apart(ours, theirs) -> float:
    """‖ours − theirs‖ / ‖theirs‖; inf where what is not a finite float is not the same."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    if theirs.dtype.kind != "f":
        return 0.0 if np.array_equal(ours, theirs) else np.inf
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return np.inf
    difference = np.linalg.norm(ours[finite].astype(float) - theirs[finite])
    size = np.linalg.norm(theirs[finite].astype(float))
    return float(difference / size) if size else (0.0 if difference == 0 else np.inf)


def allowed(terms: int) -> float:
    """For float32 sums of so many products: 1e-6 up to 64 of them, then with their square root."""
    return 1e-6 * max(1.0, terms / 64) ** 0.5
