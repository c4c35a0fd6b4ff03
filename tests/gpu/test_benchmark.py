"""The benchmark's own worker and profile, on the device."""

import math
from itertools import pairwise

from benchmarks.compare import Plan, Runner
from benchmarks.gpu.machine import Unpinned
from benchmarks.gpu.profile import profile, text
from benchmarks.peers.gpu import OURS
from benchmarks.process import WorkerProcess
from benchmarks.workloads import Workload
from codegen.cuda import executable
from tests.gpu.device import SIMULATED, here

SMALL = here(
    Workload("small", 1024, (30, 16, 1), 32, "adam"), Workload("t", 8, (4, 3, 1), 4, "adam")
)


def test_a_worker_trains():
    with WorkerProcess(SMALL.json, OURS, Unpinned()) as worker:
        runner = Runner(worker, Plan(2, 0.01))
        assert runner.round() > 0 and runner.first["steps"] == SMALL.steps
        assert abs(runner.first["loss"] - runner.first["start_loss"]) > 0
        assert runner.first["version"].startswith("graphdl ")


def test_a_step_in_one_block_is_one_launch():
    made = profile(SMALL, 2)
    assert [one.kernel for one in made.launches] == ["kernel1"]
    assert made.replayed_us > 0 and math.isfinite(made.gaps_us)


def test_a_step_by_launches(monkeypatch):
    monkeypatch.setattr(executable, "fits", lambda program: False)
    made = profile(SMALL, 2)
    assert made.launches[0].kernel == "advance" and len(made.launches) > 1
    assert made.launches[0].bytes == 0 < sum(one.bytes for one in made.launches)
    parameters = sum((a + 1) * b for a, b in pairwise(SMALL.sizes))
    assert made.optimizer_bytes == 28 * parameters < made.bytes
    assert len(text(made).splitlines()) == 3 + len(made.launches) + 8
    assert ("simulator" in made.device) == SIMULATED
