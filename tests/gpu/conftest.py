"""These tests run on a GPU, and a part of them, at small sizes, in Numba's simulator.

    make gpu-test                                       # pytest tests/gpu, with all that CUDA needs
    NUMBA_ENABLE_CUDASIM=1 pytest tests/gpu             # as `tests/cuda/test_simulator.py` does

Elsewhere one test says what is missing, and the others are not collected. No GPU has run them yet.
"""

import pytest

from codegen.cuda.device import found
from tests.gpu.device import SIMULATED

if not SIMULATED and found()[0] != "cuda":
    collect_ignore_glob = ["test_[!d]*.py"]  # all but test_device.py


def pytest_collection_modifyitems(config, items):
    """What needs a GPU's speed or tools is left out in the simulator."""
    if SIMULATED:
        kept = [item for item in items if not item.get_closest_marker("gpu")]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


@pytest.fixture(scope="session")
def reference():
    """The CPU's target that is fast enough for the sizes of here."""
    return "python" if SIMULATED else "cpu"
