"""Time from starting the interpreter to the first trained epoch: cold, and in a second process.

Cold means that everything the peer itself compiles or stores is absent; the libraries' own files
have been read before, so that no disk is measured. Making the data does not count.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.process import Machine, WorkerProcess

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


def measure_startup(workload: str, peer: str, machine: Machine, repeats: int) -> Startup:
    """Start the peer twice on each of `repeats` sets of empty caches, after one run unmeasured.

    Raises `WorkerError` when the peer is missing or fails.
    """
    _first_epoch(workload, peer, machine, {})
    runs: list[tuple[dict, dict]] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = _environment(Path(folder))
            cold, warm = (_first_epoch(workload, peer, machine, environment) for _ in range(2))
            runs.append((cold, warm))
    colds, warms = zip(*runs, strict=True)
    return Startup(
        peer,
        _median(colds, "first_epoch_seconds"),
        _median(warms, "first_epoch_seconds"),
        _median(warms, "import_seconds"),
    )


def _first_epoch(workload: str, peer: str, machine: Machine, environment: dict) -> dict:
    with WorkerProcess(workload, peer, machine, environment) as worker:
        return worker.setup()


def _environment(folder: Path) -> dict[str, str]:
    caches = {variable: str(folder / name) for variable, name in CACHES.items()}
    return {
        **caches,
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }


def _median(answers: Sequence[dict], key: str) -> float:
    return median(answer[key] for answer in answers)
