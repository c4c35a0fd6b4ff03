"""What hangs on the rows of a batch alone is worked out before the guard, whatever reads it later."""

from codegen.cuda.early import early
from codegen.cuda.emit import emit
from codegen.cuda.kernels import GPU
from codegen.optimisations import without
from tests.cuda import collected


def kernels_after_the_guard(program):
    """The fields of the clock that they see."""
    kernels = emit(program, "program", GPU).kernels
    (guard,) = (k for k, kernel in enumerate(kernels) if kernel.sets == ("status",))
    return [kernel.sees for kernel in kernels[guard + 1 :]]


def test_no_kernel_after_the_guard_reads_the_clocks_rows():
    with collected.programs() as found:
        collected.trained("python", "adam", epochs=1)
    step = found[0]
    assert any("rows" in sees for sees in kernels_after_the_guard(step))
    assert not any("rows" in sees for sees in kernels_after_the_guard(early(step)))
    with without("branches"):
        assert early(step) is step


def test_a_program_without_a_guard_stays_as_it_is():
    with collected.programs() as found:
        collected.trained("python", "sgd", epochs=1, check_finite=False)
    assert early(found[0]) is found[0]
