"""Is there a device? The one test that is collected where there is none."""

import pytest

from codegen.cuda.current import current_device
from codegen.cuda.device import found
from tests.gpu.device import SIMULATED


def test_a_device_is_here():
    target, what = found()
    if target != "cuda" and not SIMULATED:
        pytest.skip(f"no GPU was tested: {what}")
    free, total = current_device().memory()
    assert 0 < free <= total


@pytest.mark.skipif(not SIMULATED, reason="on a GPU they run as they are")
def test_what_needs_a_gpu_is_left_out_in_the_simulator(request):
    marked = [i for i in request.session.items if i.get_closest_marker("gpu")]
    assert not marked
