"""Large products on a stub of cuBLASLt, which computes them: what the library is asked for, and when.

The stub refuses what a caller did not announce; see `stub/libcublasLt.c`. Needs nvmath-python, and
what the stub of the driver needs.
"""

import json
import re
from importlib.util import find_spec

import pytest

from codegen.cuda.replay import sizes_of_graphs

pytestmark = pytest.mark.skipif(
    find_spec("nvmath") is None, reason="not installed: nvmath-python"
)  # fmt: skip
ARITHMETIC = {"float32": "68", "tf32": "77", "bf16": "75", "float64": "70"}


def asked(ran):
    """rows, columns, terms, is b transposed, is a: of each product; and its arithmetic."""
    found = [line[1:7] for line in ran.log if line[0] == "product"]
    return [((int(n), int(m), int(k), tb, ta), how) for m, n, k, tb, ta, how in found]


def test_operands_that_lie_transposed_in_each_arithmetic(on_stub):
    ran = on_stub("products", runs=1)
    assert ran.said["apart"] < 1e-6
    each = [((7, 6, 5, tb, ta)) for ta in "01" for tb in "01"]
    wanted = [(p, ARITHMETIC[how]) for how in ("tf32", "bf16", "float64") for p in each]
    assert asked(ran) == wanted


def test_training_is_that_of_the_cpu(on_stub):
    assert on_stub("training_with_a_library", runs=1).said["apart"] < 1e-6


def test_products_are_captured_among_kernels_and_a_ragged_batch_has_its_own(on_stub):
    ran = on_stub("a_run_with_a_library", runs=1)
    step = ["product" if p else "launch" for p in ran.said["products"]]
    kinds = [line[0] for line in ran.log if line[0] in ("product", "launch")]
    assert kinds == step * 7 and step.count("product") == 2
    assert [p[0] for p, _ in asked(ran)[::2]] == [6] * 6 + [4]
    assert all(p[2] == rows for (p, _), rows in zip(asked(ran)[1::2], [6] * 6 + [4], strict=True))
    graphs = [int(line[1]) // len(step) for line in ran.log if line[0] == "instantiate"]
    assert graphs == [*sizes_of_graphs(6, 64), 1]  # for the whole batches, and for the last
    workspaces = [line for line in ran.log if line[0] == "allocate" and line[2] == str(32 << 20)]
    before = ran.log.index(workspaces[0])
    assert len(workspaces) == 1 and before < kinds_at(ran, "instantiate")


def kinds_at(ran, kind):
    return next(k for k, line in enumerate(ran.log) if line[0] == kind)


def test_all_is_given_back(on_stub):
    ran = on_stub("a_library_is_given_back", runs=1)
    made, gone = (ran.log.count(["description", *end]) for end in ((), ("gone",)))
    assert made == gone > 0 == ran.said["left"]
    given = {line[1] for line in ran.log if line[0] == "allocate"}
    assert given == {line[1] for line in ran.log if line[0] == "free"}
    assert ran.log.count(["library"]) == ran.log.count(["library", "gone"]) == 1


def test_a_workspace_that_does_not_fit_is_said_before_anything_has_changed(on_stub):
    ran = on_stub("a_library_and_too_little_memory", free=20_000_000)
    assert re.search(r"step needs 33,554,432 more bytes of Stub GPU", ran.said["said"])
    assert ran.said["same"] and not ran.count["upload"] and not ran.count["product"]


REFUSALS = {
    "cublasLtCreate:1:1": "start cuBLASLt: cuBLASLt could not start. Look at nvidia-smi",
    "cublasLtMatrixLayoutCreate:2:3": "describe a matrix of a product of 4 × 6 by 6 × 8: no memory",
    "cublasLtMatmulDescCreate:1:8": "describe a product of .*: cuBLASLt does not know this GPU",
    "cublasLtMatmulAlgoGetHeuristic:1:15": "choose how to do a product of .*: cuBLASLt has no way",
    "cublasLtMatmul:1:13": "launch a product of .*: the GPU broke off what cuBLASLt had launched",
    "cublasLtMatmul:2:14": "launch a product of .*: cuBLASLt failed within itself",
    "cuGraphAddChildGraphNode:2:2": "put a product of .* into a graph: no memory is left",
}


def test_a_refusal_is_said_and_leaves_the_weights(on_stub):
    ran = on_stub("refusals_of_a_library", fails=json.dumps(list(REFUSALS)))
    refused = [line[1:] for line in ran.log if line[0] == "refused"]
    assert refused == [[f.split(":")[0], f.split(":")[2]] for f in REFUSALS]
    for fail, wanted in REFUSALS.items():
        assert re.match(f"DeviceError: {wanted}", ran.said[fail]["said"]), ran.said[fail]
        assert ran.said[fail]["same"], fail


def test_without_the_library_float32_goes_on_and_others_are_refused(on_stub):
    ran = on_stub("no_library", runs=1)
    assert re.search(
        r"TargetError: matmul_precision='tf32' needs NVIDIA's library cuBLASLt: nvmath-python is not "
        r"installed: pip install 'graphdl\[cuda\]'",
        ran.said["said"],
    )
    assert not ran.count["product"]
