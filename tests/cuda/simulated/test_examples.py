"""The programs of the examples: as kernels, against the un-jitted CPU module.

Each on five rows of its own data at a time, two steps of a training run. Numbers differ by the order
in which products are added up, and by what the steps make of that.
"""

import numpy as np
import pytest
from numba import cuda
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

from codegen import cache
from codegen.cuda import one_block
from codegen.cuda.early import early
from codegen.cuda.emit import emit, emit_in_one_block
from codegen.cuda.epilogues import with_epilogues
from codegen.cuda.kernels import SIMULATOR
from codegen.cuda.launch import launch
from codegen.cuda.simulated import _simulating
from tests.cuda import collected
from tests.cuda.distance import ulps
from tests.cuda.replay import noting
from tests.cuda.stepper import clock_of, in_memory

APART = 128  # ULP of the largest element


def simulated(replay):
    """What kernels leave in everything that outlives the run."""
    scheduled = with_epilogues(early(replay.program))
    way = emit_in_one_block if one_block.fits(replay.program) else emit
    emitted = way(scheduled, "program", SIMULATOR)
    module = cache.load(emitted.source, "program", jit=None)
    arrays, (clock, steps) = replay.places(scheduled), clock_of(replay)
    with _simulating():
        for _ in range(1 if emitted.once else steps):
            for call in emitted.calls:
                one = launch(call, replay.sizes, replay.scalars, 2)
                flat = [clock, *(in_memory(arrays, b, replay.sizes) for b in one.buffers)]
                kernel = cuda.jit(getattr(module, one.kernel))
                kernel[one.grid, one.block](*map(FakeCUDAArray, flat), *one.numbers)
    return replay.lasting(arrays)


@pytest.mark.parametrize("path", collected.EXAMPLES, ids=lambda path: path.stem)
def test_every_program_of_an_example(path, tmp_path, monkeypatch):
    if "gd.datasets.load_" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    with noting() as found:
        collected.run_example(path, tmp_path, monkeypatch)
    for replay in (r.small() for r in found):
        wanted = replay.on_cpu()
        for b, ours in simulated(replay).items():
            assert ours.dtype == wanted[b].dtype and np.shape(ours) == np.shape(wanted[b])
            assert ulps(ours, wanted[b], replay.dtype) <= APART, b
