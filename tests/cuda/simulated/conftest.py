"""These tests run in Numba's CUDA simulator, which a process has from its start or not at all:
`NUMBA_ENABLE_CUDASIM=1 pytest tests/cuda/simulated`, as `tests/cuda/test_simulator.py` does.
"""

import os

collect_ignore_glob = [] if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" else ["test_*.py"]
