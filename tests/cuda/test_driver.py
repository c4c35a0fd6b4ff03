"""The way to a GPU on a stub of the driver's library: what it was asked for, in which order, on what.

The stub is a C file that is compiled here; needs a C compiler and cuda-bindings. See `stub/libcuda.c`
for what it does, `stub/programs.py` for what is run on it.
"""

import collections
import itertools
import json
import re

import numpy as np
import pytest

from codegen.cuda.replay import sizes_of_graphs


def _counts(lines):
    return collections.Counter(line[0] for line in lines)


def number(hexadecimal, dtype="uint64"):
    return np.frombuffer(bytes.fromhex(hexadecimal), dtype)[0]


def test_copies_larger_than_what_is_pinned_come_back(on_stub):
    ran = on_stub("large_copies")
    assert ran.said == {"same": True}
    assert ran.count["upload"] == ran.count["download"] == 4  # 12 MiB and 5 bytes, in pieces of 4


def test_arguments_are_packed_in_order(on_stub):
    """The clock and the buffers as addresses, then numbers in their own dtypes."""
    ran = on_stub("a_function", runs=1)
    np.testing.assert_allclose(ran.said["made"], np.full((2, 3), 5.5))
    np.testing.assert_allclose(ran.said["again"], np.full((2, 3), 7.5))
    blocks = {int(line[1], 16): int(line[2]) for line in ran.log if line[0] == "allocate"}
    launches = [line for line in ran.log if line[0] == "launch"]
    half = ran.said["calls"]
    assert [re.sub(r".*_", "", line[1]) for line in launches[:half]] == [
        f"kernel{k + 1}" for k in range(half)
    ]
    assert launches == 3 * launches[:half]
    clocks = {number(line[4]) for line in launches}
    assert len(clocks) == 1 and blocks[int(clocks.pop())] == 80
    for line, dtypes in zip(launches, ran.said["numbers"] * 3, strict=True):
        pointers = line[4 : len(line) - len(dtypes)]
        for p in pointers:
            assert any(a <= number(p) < a + size for a, size in blocks.items())
        for given, dtype in zip(line[len(line) - len(dtypes) :], dtypes, strict=True):
            assert number(given, dtype) == 2  # rows of the batch


def test_what_comes_again_is_captured_once_and_needs_no_other_memory(on_stub):
    ran = on_stub("a_function")
    direct = next(k for k, line in enumerate(ran.log) if line[0] == "instantiate")
    assert _counts(ran.log[:direct])["launch"] == ran.said["calls"]  # it may never have come again
    first, second = (k for k, line in enumerate(ran.log) if line[0] == "replay")
    between = _counts(ran.log[first:second])
    assert not between["allocate"] and not between["instantiate"]
    assert ran.count["instantiate"] == 1


def _gone(ran):
    return sum(line == ["graph", "gone"] for line in ran.log)


def test_any_number_of_steps_takes_few_graphs():
    assert sizes_of_graphs(53, 20) == [20, 20, 8, 4, 1]
    assert sizes_of_graphs(20, 20) == [20] and sizes_of_graphs(3, 20) == [2, 1]
    assert sizes_of_graphs(3, 1) == [1, 1, 1]


def test_a_run_is_replayed_by_graphs_of_many_steps(on_stub):
    ran = on_stub("many_steps")
    a_step = ran.said["launches"]
    unrolled = 512 // a_step
    sizes = [size * a_step for size in sizes_of_graphs(300, unrolled)]
    captured = [int(line[1]) for line in ran.log if line[0] == "instantiate"]
    assert captured == list(dict.fromkeys(sizes)) and captured[0] == unrolled * a_step
    assert [int(line[1]) for line in ran.log if line[0] == "replay"] == sizes
    assert ran.count["launch"] == 300 * a_step
    assert ran.count["download"] == 1  # the clock: nothing else is asked for in a run


def test_the_graph_of_a_step_is_its_launches_in_order(on_stub):
    ran = on_stub("many_steps")
    names = [re.sub(r".*_", "", line[1]) for line in ran.log if line[0] == "launch"]
    step = ["advance", *(f"kernel{k}" for k in range(1, ran.said["launches"]))]
    assert names == step * 300


def test_a_launch_in_a_graph_waits_for_those_that_it_meets_in_memory(on_stub):
    """The driver is told what `dependencies.waits` says; of a step, and of two in a row."""
    ran = on_stub("graphs")
    edges = [list(map(int, line[2:])) for line in ran.log if line[0] == "node"]
    told = [ran.said["one"], ran.said["two"], ran.said["in_a_row"]]
    assert edges == [earlier for waits in told for earlier in waits]
    assert max(map(len, ran.said["one"])) > 1
    assert ran.said["in_a_row"] == [[k - 1] if k else [] for k in range(len(ran.said["one"]))]


def test_training_is_that_of_the_cpu(on_stub):
    """With kernels run by the simulator on the stub's memory and what the driver was given."""
    assert on_stub("training_is_that_of_the_cpu", runs=1).said["apart"] < 1e-6


def test_data_and_weights_are_uploaded_once(on_stub):
    ran = on_stub("epochs")
    uploads = collections.Counter(int(line[2]) for line in ran.log if line[0] == "upload")
    assert uploads[ran.said["x"]] == 1
    assert uploads[ran.said["kernel"]] == 3  # the weights of a layer, and what Adam keeps of them
    assert uploads[ran.said["order"]] == 5  # a shuffle an epoch


def test_epochs_are_handed_over_while_the_host_waits_for_none(on_stub):
    """For each its order, clock and states from a row, a graph, status and states into the row."""
    ran = on_stub("epochs_together")
    asked = [line for line in ran.log if line[0] in ("upload", "copy", "replay", "download")]
    copies = [k for k, line in enumerate(asked) if line[0] == "copy"]
    order, row = ran.said["order"], ran.said["clock"] + 4 * 8  # two sums and two counts
    groups = itertools.groupby(asked[copies[0] : copies[-1] + 2], lambda line: line[0])
    at = {"upload": 2, "copy": 3, "replay": 1, "download": 2}  # where in a line the number stands
    found = [(kind, [int(line[at[kind]]) for line in lines]) for kind, lines in groups]
    found = [(kind, len(n)) if kind == "replay" else (kind, n) for kind, n in found]
    states, steps = [8] * 4, [("replay", 1), ("copy", [8, *[8] * 4])]
    status_apart = ("copy", [8, ran.said["clock"] - 2 * 8, *states])
    assert found == [
        ("copy", [ran.said["clock"], *states]), *steps,
        *(("upload", [order]), status_apart, *steps) * 2,
        ("download", [3 * row]),
    ]  # fmt: skip
    assert sum(line[0] == "upload" and line[2] == str(order) for line in ran.log) == 4


def test_all_is_given_back(on_stub):
    ran = on_stub("all_is_given_back")
    given = [line[1] for line in ran.log if line[0] == "allocate"]
    assert sorted(given) == sorted(line[1] for line in ran.log if line[0] == "free")
    assert ran.count["instantiate"] == _gone(ran) > 0
    assert ran.count["load"] == ran.count["unload"] == 3


def test_weights_stay_on_the_device_until_they_are_asked_for(on_stub):
    ran = on_stub("weights_come_back")
    assert ran.said == {"away": ["Away"] * 4, "same": True, "home": ["Variable"] * 4}


def test_a_profile_has_a_time_for_each_launch(on_stub):
    ran = on_stub("profile")
    assert ran.said["made"] == [[name, 0.25] for name in ran.said["calls"]]
    marks = sum(line == ["event"] for line in ran.log) - 2  # those of the pinned memory
    assert marks == len(ran.said["calls"]) + 1 == sum(line == ["event", "gone"] for line in ran.log)


def test_arrays_are_given_and_taken_where_they_lie(on_stub):
    ran = on_stub("arrays")
    assert ran.said == {"same": [True] * 3, "there": [True] * 3, "stream": 16}
    assert ran.count["draw"] == ran.count["upload"] == 1
    assert ran.count["wait"] == 2  # for the other library's stream, and that for ours


def test_a_model_takes_data_where_it_lies_and_leaves_its_predictions_there(on_stub):
    ran = on_stub("data_there")
    place = range(ran.said["at"], ran.said["end"])
    memory = [line for line in ran.log if line[0] in ("draw", "upload", "download")]
    touched = [line[0] for line in memory if int(line[1], 16) in place]
    assert touched == ["draw", "upload"]  # by `to_device`
    assert sum(line[0] == "upload" and int(line[2]) == ran.said["x"] for line in ran.log) == 1
    given = [number(v) for line in ran.log if line[0] == "launch" for v in line[4:] if len(v) == 16]
    assert given.count(ran.said["at"]) > 4 and ran.said["made"] in given
    assert not any(
        line[0] == "download" and int(line[1], 16) == ran.said["made"] for line in ran.log
    )


def test_a_chunk_is_copied_aside_while_the_one_before_it_is_computed_on(on_stub):
    """x of a chunk is 288 bytes. U: it is uploaded; A: on the other stream; R: a run, D: its end;
    W: what follows waits for a copy aside."""
    ran = on_stub("chunks_of_a_map")
    main, aside = ["288", "0x10"], ["288", "0x11"]
    letters = {"replay": "R", "download": "D", "wait": "W"}
    seen = ""
    for line in ran.log:
        if line[0] == "upload":
            seen += "U" * (line[2:] == main) + "A" * (line[2:] == aside)
        elif line[0] != "download" or line[2] == "80":
            seen += letters.get(line[0], "")
    assert re.fullmatch("UR+A{1,2}D(R+D)*WWWR+A?D(R+D)*WWWR+D(R+D)*", seen), seen  # W: x, y, order
    assert seen.count("A") == 2


def test_outputs_come_from_a_pool_and_nobody_waits(on_stub):
    ran = on_stub("outputs")
    draws = [k for k, line in enumerate(ran.log) if line[0] == "draw"]
    again = _counts(ran.log[draws[2] : draws[-1]])
    assert again["draw"] == 4 and again["give"] >= 3
    assert not again["allocate"] and not again["free"] and not again["all"]
    assert ran.said["before"] == ran.said["after"]  # what lies unused in the pool is free
    assert ["pool", "4", str((1 << 30) // 16)] in ran.log


def test_a_gpu_without_pools(on_stub):
    ran = on_stub("outputs", pools=0)
    assert not {"draw", "give", "pool"} & set(ran.count) and ran.count["free"] >= 4
    assert ran.said["before"] == ran.said["after"]


@pytest.mark.parametrize("way", ["interface", "dlpack"])
def test_memory_that_another_library_had_is_free_when_all_is_done(on_stub, way):
    ran = on_stub("handed_out", way=way)
    one, two = (line[1] for line in ran.log if line[0] == "draw")
    ends = [line for line in ran.log if line[0] in ("all", "give")]
    assert ends == [["all", "is", "done"], ["give", one], ["give", two]]


def test_what_lies_unused_in_the_pool_is_there_for_all_else(on_stub):
    ran = on_stub("trimmed")
    ends = [line[:1] + line[2:] for line in ran.log if line[0] in ("refused", "trim", "allocate")]
    assert ends == [["refused", "2"], ["trim"], ["allocate", "4000"]]


def test_a_forked_process_is_told(on_stub):
    assert "'spawn'" in on_stub("forked").said["said"]


def test_too_little_memory_is_said_before_anything_is_asked_for(on_stub):
    ran = on_stub("an_error", free=2000)
    assert re.search(
        r"step needs [\d,]+ more bytes of Stub GPU, of whose 1,073,741,824 2,000 are free; nothing "
        r"was changed. Use a smaller batch",
        ran.said["said"],
    )
    assert ran.said["same"] and not ran.count["allocate"] and not ran.count["upload"]


REFUSALS = {
    "cuMemAlloc:3:2": r"allocate [\d,]+ bytes for .* \([\d,]+ of [\d,]+ are free\): no memory is left "
    r"for it\. Use a smaller batch",
    "cuMemHostAlloc:1:2": "pin memory of the host: no memory is left",
    "cuMemPoolCreate:1:2": "make a pool of memory: no memory is left",
    "cuModuleLoadData:1:209": "load the kernels of step: the machine code is for another kind of GPU",
    "cuModuleGetFunction:2:500": "find kernel1: a kernel that the machine code does not hold",
    "cuMemcpyHtoDAsync:2:999": "copy [0-9,]+ bytes to the GPU: the driver does not know",
    "cuGraphCreate:1:2": "begin a graph: no memory is left",
    "cuGraphAddKernelNode:2:701": "put kernel1 into a graph: a kernel needs more registers or shared",
    "cuGraphInstantiateWithFlags:1:2": "make a graph of 1 steps: no memory is left",
    "cuGraphLaunch:1:719": "launch a graph: a kernel broke off .* The memory of the GPU is lost",
    "cuMemcpyDtoHAsync:1:700": "a kernel reached for memory that is nobody's",
    "cuDevicePrimaryCtxRetain:1:46": "open the GPU: the GPU is in use by another process",
}


def test_a_refusal_is_said_and_leaves_the_weights(on_stub):
    ran = on_stub("refusals", fails=json.dumps(list(REFUSALS)))
    refused = [line[1:] for line in ran.log if line[0] == "refused"]
    assert refused == [[f.split(":")[0], f.split(":")[2]] for f in REFUSALS]
    for fail, wanted in REFUSALS.items():
        assert re.match(f"DeviceError: .*{wanted}", ran.said[fail]["said"]), ran.said[fail]
        assert ran.said[fail]["same"], fail


def test_after_a_refusal_the_weights_are_those_of_the_last_whole_step(on_stub):
    """The second step is refused; what the first one made is on the device, and can be read."""
    ran = on_stub("an_error_in_the_second_step", runs=1)
    assert "launch a graph" in ran.said["said"]
    assert ran.said["apart"] < 1e-6 and ran.said["steps"] == 1
