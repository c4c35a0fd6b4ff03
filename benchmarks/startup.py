"""Time from starting the interpreter to the first trained epoch: cold, and in a second process.

Cold means that everything the peer itself compiles or stores is absent; the libraries' own files
have been read before, so that no disk is measured. Making the data does not count.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.process import Machine, WorkerProcess
from benchmarks.workloads import Workload

# JAX keeps nothing between processes unless it is told where, and then only what was slow
CACHES = {
    "GRAPHDL_CACHE_DIR": "graphdl",
    "NUMBA_CACHE_DIR": "numba",
    "JAX_COMPILATION_CACHE_DIR": "jax",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
}


@dataclass(frozen=True)
class Startup:
    """Seconds to the first trained epoch, medians, and the part of the warm one that imports."""

    peer: str
    cold: float
    warm: float
    warm_import: float
    repeats: int


def measure_startup(
    workload: Workload, peer: str, machine: Machine, repeats: int, patience: float = 15.0
) -> Startup:
    """Start the peer twice on each of `repeats` sets of empty caches, after one run unmeasured.

    No further repeat begins when `patience` seconds are over. Raises `WorkerError` when the peer
    is missing or fails.
    """
    _first_epoch(workload, peer, machine, {})
    runs: list[tuple[dict, dict]] = []
    began = time.monotonic()
    while not runs or (len(runs) < repeats and time.monotonic() - began < patience):
        with tempfile.TemporaryDirectory() as folder:
            environment = empty_caches(Path(folder))
            cold, warm = (_first_epoch(workload, peer, machine, environment) for _ in range(2))
            runs.append((cold, warm))
    colds, warms = zip(*runs, strict=True)
    return Startup(
        peer,
        _median(colds, "first_epoch_seconds"),
        _median(warms, "first_epoch_seconds"),
        _median(warms, "import_seconds"),
        len(runs),
    )


def _first_epoch(workload: Workload, peer: str, machine: Machine, environment: dict) -> dict:
    with WorkerProcess(workload.json, peer, machine, environment) as worker:
        return worker.setup()


def empty_caches(folder: Path) -> dict[str, str]:
    """Variables which put all that a peer stores into `folder`."""
    caches = {variable: str(folder / name) for variable, name in CACHES.items()}
    return {
        **caches,
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }


def _median(answers: Sequence[dict], key: str) -> float:
    return median(answer[key] for answer in answers)
