"""The GPU, its driver and the versions of what was measured, for the record."""

import subprocess
from importlib.metadata import PackageNotFoundError, version

from benchmarks import report
from benchmarks.process import Machine
from codegen.cuda.device import require_device

QUERY = (
    "name",
    "driver_version",
    "memory.total",
    "clocks.max.sm",
    "clocks.max.memory",
    "power.limit",
)
PACKAGES = ("graphdl", "numba", "numba-cuda", "cuda-bindings", "nvidia-nvjitlink")


class Unpinned(Machine):
    """Workers whose work is done on a GPU: on any core, with one thread a pool."""

    @property
    def cores(self) -> list[int]:
        return []


def gpu_record() -> dict:
    """What a table must state of where it was measured; asks nvidia-smi, where there is one."""
    found = {"gpu": require_device(), **_asked()}
    installed = {name: _version(name) for name in PACKAGES}
    return report.machine_record() | found | {"versions": {k: v for k, v in installed.items() if v}}


def gpu_text(record: dict) -> str:
    driver = record.get("driver_version", "of unknown version")
    return f"{record['gpu']}, driver {driver}, {record['processor']}"


def _asked() -> dict[str, str]:
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader", "--id=0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(QUERY, map(str.strip, done.stdout.splitlines()[0].split(",")), strict=False))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
