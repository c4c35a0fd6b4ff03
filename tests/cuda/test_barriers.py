"""No thread needs to be in luck: programs as kernels, run barrier by barrier in two orders.

The same bits in either order of threads and blocks, no memory that two of them touch unwaited for, and
nothing read that was never written: temps begin as what is not a number. With 1, 4 and 32 threads
a block, a product by tiles with as many: more than work, and fewer; one network with a GPU's 256.
"""

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import blocks, one_block
from codegen.cuda.kernels import GPU, Shape
from codegen.cuda.tiles import Tile
from codegen.passes import free
from tests.cuda import collected
from tests.cuda.distance import ulps
from tests.cuda.replay import noting
from tests.cuda.stepper import RaceError, backwards, forwards, stepped
from tests.ops.cases import OPS

SHAPES = {
    1: Shape(1, (Tile(1, 1, 1, 1, 1, 1),)),
    4: Shape(4, (Tile(2, 4, 4, 2, 4, 4),)),
    32: Shape(32, (Tile(16, 16, 4, 4, 8, 4),)),
    256: GPU,
}
FEW = (1, 4, 32)  # threads: the 256 of a GPU take seconds for each program
PARTS = 6
L = gd.layers


def check(noted, bound, lanes=FEW):
    """Within so many ULP of the CPU's results; returns how many runs were looked at."""
    for replay in noted:
        wanted = replay.on_cpu()
        for count in lanes:
            for whole in (False, True)[: 1 + one_block.fits(replay.program)]:
                one, other = (
                    stepped(replay, SHAPES[count], 3, order, order, whole)
                    for order in (forwards, backwards)
                )
                for b, value in wanted.items():
                    np.testing.assert_array_equal(one[b], other[b])
                    assert ulps(one[b], value, replay.dtype) <= bound, (b, count, whole)
    return len(noted)


def replays(run, *arguments):
    with noting() as found:
        run(*arguments)
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_every_operation_and_its_derivatives(part):
    """The CPU's bits, but for products: their terms are added up one by one here, there not."""
    names = list(OPS)[part::PARTS]
    for name in names:
        bound = 1 if name == "matmul" else 0
        assert check(replays(collected.run_operation, name, "float32"), bound) > 0


@pytest.mark.parametrize("name", collected.OPTIMIZERS)
def test_training_evaluation_and_prediction_with_every_optimizer(name):
    found = replays(collected.trained, "python", collected.OPTIMIZERS[name])
    assert check(found, 32) == 3  # slices add up the terms of a product in another order


@pytest.mark.parametrize(
    "layers", collected.NETWORKS_BY_NAME.values(), ids=collected.NETWORKS_BY_NAME
)
def test_other_networks(layers):
    assert check(replays(collected.trained, "python", "adam", layers), 32) == 3


def test_training_by_blocks_as_a_gpu_has_them():
    """Sums by tables and products by slices, shared out over eight warps."""
    step, *_ = replays(collected.trained, "python", "adam")
    assert check([step.small()], 32, lanes=[256]) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", collected.GRAPHS)
def test_a_random_graph_and_its_gradient(seed, dtype):
    assert check(replays(collected.run_random, "graph", seed, dtype), 8) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", collected.NETWORKS)
def test_a_random_network_and_its_gradient(seed, dtype):
    assert check(replays(collected.run_random, "network", seed, dtype), 32) == 1


@pytest.mark.parametrize("path", collected.EXAMPLES, ids=lambda path: path.stem)
def test_every_program_of_an_example(path, tmp_path, monkeypatch):
    """On five rows of its own data at a time."""
    if "gd.datasets.load_" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    found = replays(collected.run_example, path, tmp_path, monkeypatch)
    check([replay.small() for replay in found], 128, lanes=[4])


# ------------------------------------------------------------------ faults are found


def faulty():
    return replays(collected.trained, "python", "adam")[0]


@pytest.mark.parametrize("whole", [False, True])
def test_barriers_that_are_missing_are_found(whole, monkeypatch):
    monkeypatch.setattr(blocks.Block, "wait", lambda self, depth: [])
    with pytest.raises(RaceError, match="threads on"):
        stepped(faulty(), SHAPES[4], whole=whole)


def test_a_barrier_that_is_missing_in_a_repeat_is_found(monkeypatch):
    replay, wait = replays(collected.trained, "python", "sgd", collected.deep)[0], blocks.Block.wait
    stepped(replay, SHAPES[4], whole=True)
    monkeypatch.setattr(blocks.Block, "wait", lambda self, d: wait(self, d) if d == 2 else [])
    with pytest.raises(RaceError, match="threads on all_temps_float32"):
        stepped(replay, SHAPES[4], whole=True)


def test_a_barrier_that_some_threads_pass_by_is_found(monkeypatch):
    lines = ["if lane == 0:", "    cuda.syncthreads()"]
    wait = lambda self, depth: ["    " * depth + line for line in lines]  # noqa: E731
    monkeypatch.setattr(blocks.Block, "wait", wait)
    with pytest.raises(RaceError, match=r"wait for those|threads on"):
        stepped(faulty(), SHAPES[4], whole=True)


def test_blocks_that_meet_are_found(monkeypatch):
    """Loops whose turns hang on each other, dealt out to blocks nevertheless."""
    monkeypatch.setattr(free, "apart", lambda var, body, cells: True)
    x = gd.tensor("x", ("n", 8))
    rows = replays(lambda: gd.function([x], gd.sum(x, axis=0), target="python")(np.ones((9, 8))))
    with pytest.raises(RaceError, match="blocks on"):
        stepped(rows[0], SHAPES[4], blocks=3)


def test_an_index_outside_of_an_array_is_found():
    replay = faulty()
    (order,) = (a for b, a in replay.given.items() if b.name == "order")
    order[0] = len(order)
    with pytest.raises(IndexError, match=r"x\d_all\["):
        stepped(replay, SHAPES[4])
