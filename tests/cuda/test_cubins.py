"""Kernels become machine code without a GPU: few registers, none spilled, no float64 unasked.

Needs numba-cuda and nvJitLink (`pip install --group cuda`); without them the tests are skipped.
Registers are those of PTX assembled by nvJitLink; whole-program assembly needs fewer.
"""

import dataclasses
import os
import re
from importlib.util import find_spec

import numpy as np
import pytest

import graphdl as gd
from codegen import cache, ir
from codegen.cuda import one_block, tiles
from codegen.cuda.cubin import compiled, written
from codegen.cuda.emit import emit
from codegen.cuda.kernels import GPU, Shape
from codegen.cuda.products import tile_of
from graphdl.device import compile_glance
from tests.cuda import collected
from tests.cuda.machine_code import (
    AMPERE,
    HOPPER,
    OF_A_PRODUCT,
    OF_AN_OPERATION,
    check,
    hold,
    key,
    ways,
)  # fmt: skip
from tests.ops.cases import OPS

NEEDED = {"numba_cuda": "numba-cuda", "cuda": "cuda-bindings"}
MISSING = [package for module, package in NEEDED.items() if find_spec(module) is None]
if MISSING:
    pytest.skip(f"not installed: {', '.join(MISSING)}", allow_module_level=True)
if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

L = gd.layers
PARTS = 8  # into which operations are dealt out, so that two processes take as long


def step(layers, optimizer, classes):
    """The program of a training step."""
    draw = np.random.default_rng(0)
    model = gd.Sequential(layers)
    loss = "sparse_categorical_crossentropy" if classes > 1 else "mse"
    model.compile(optimizer, loss, ["accuracy"], target="python")
    x = draw.standard_normal((4, layers[0].shape[-1]), dtype=np.float32)
    model.fit(x, draw.integers(0, max(2, classes), 4), batch_size=4, epochs=1, verbose=0)
    return next(iter(model._runners.values())).compiled.executable.program


def lecture():
    return collected.network(30, 16)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("part", range(PARTS))
def test_every_operation_and_its_derivatives(part, dtype):
    with collected.programs() as found:
        for name in list(OPS)[part::PARTS]:
            collected.run_operation(name, dtype)
    assert check(found, OF_AN_OPERATION[dtype]) > 50


def test_normal_draws():
    """They take a cosine of the library, in float64."""
    noisy = lambda: [L.Input((6,)), L.GaussianNoise(0.1), L.Dense(1, activation="sigmoid")]  # noqa: E731
    with collected.programs() as found:
        collected.trained("python", "sgd", noisy, epochs=1)
    assert check(found) > 3


def test_the_glance_at_data_on_the_device():
    made = [compile_glance(dtype, "python") for dtype in ("float32", "float64", "int32", "int64")]
    assert check([c.executable.program for c in made]) >= 8


@pytest.mark.parametrize("name", collected.OPTIMIZERS)
def test_training_evaluation_and_prediction_with_every_optimizer(name):
    with collected.programs() as found:
        collected.trained("python", collected.OPTIMIZERS[name], lecture)
    assert all(map(one_block.fits, found)) and len(found) == 3
    assert check(found) > 10


@pytest.mark.parametrize("seed", collected.GRAPHS)
def test_a_random_graph_and_its_gradient(seed):
    with collected.programs() as found:
        collected.run_random("graph", seed, "float32")
    assert check(found) > 0


@pytest.mark.parametrize("seed", collected.NETWORKS)
def test_a_random_network_and_its_gradient(seed):
    with collected.programs() as found:
        collected.run_random("network", seed, "float32")
    assert check(found) > 0


@pytest.mark.parametrize("path", collected.EXAMPLES, ids=lambda path: path.stem)
def test_every_program_of_an_example(path, tmp_path, monkeypatch):
    if "gd.datasets.load_" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    with collected.programs() as found:
        collected.run_example(path, tmp_path, monkeypatch)
    check(found)


def test_a_step_with_products_by_different_tiles():
    layers = [L.Input((784,)), L.Dense(128, "relu"), L.Dense(64, "tanh"), L.Dense(10, "softmax")]
    program = step(layers, "adam", 10)
    products = [i for i in program.items if isinstance(i, ir.MatMul)]
    assert len({tile_of(i, tiles.GPU) for i in products}) >= 3
    check([program])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tile", tiles.GPU, ids=lambda t: f"{t.rows}x{t.columns}")
def test_every_tile_and_every_way_to_read_operands(tile, dtype):
    """Sums stay in registers; shared memory is read by whole vectors, as rarely as a tile promises."""
    if not tile.suits(dtype):
        pytest.skip("too large for this dtype")
    for program in transposed(dtype):
        emitted = emit(program, "program", Shape(256, (tile,)))
        (made,) = (m for m in compiled(emitted, [HOPPER], "program") if "ld.shared" in m.ptx)
        hold(made, OF_A_PRODUCT[dtype])
        numbers = 16 // np.dtype(dtype).itemsize
        bits = dtype[-2:]
        products = made.ptx.count(f"fma.rn.f{bits}")
        reads = made.ptx.count(f"ld.shared.v{numbers}.f{bits}") * numbers
        assert products * (tile.high + tile.wide) == reads * tile.high * tile.wide > 0


def transposed(dtype):
    """x @ w, xᵀ @ d, d @ wᵀ: x and d of a run-time number of rows."""
    x, d = gd.tensor("x", ("n", 784), dtype), gd.tensor("d", ("n", 512), dtype)
    w = gd.Variable(np.zeros((784, 512), dtype), dtype=dtype)
    for out in (x @ w, gd.transpose(x) @ d, d @ gd.transpose(w)):
        yield gd.function([x, d], out, target="python").program


def test_equal_layers_are_compiled_once():
    layers = [L.Input((64,)), *(L.Dense(64, "tanh") for _ in range(8)), L.Dense(1)]
    program = step(layers, "sgd", 1)
    emitted = emit(program, "program", GPU)
    assert len(emitted.kernels) < len(emitted.calls) - 16
    check([program])


def test_small_equal_layers_are_one_kernel_with_each_item_once():
    with collected.programs() as found:
        for depth in (8, 16):
            hidden = [L.Dense(16, "tanh") for _ in range(depth)]
            step([L.Input((16,)), *hidden, L.Dense(1)], "adam", 1)
    kernels = [k for p in found for e in ways(p) if e.once for k in e.kernels]
    assert len(kernels) == 2 and len({len(k.lines) for k in kernels}) == 1
    check(found[:1])


def test_both_capabilities_have_the_same_ptx():
    """What is written for the older one and assembled for both is what the newer one would get."""
    emitted = emit(step([L.Input((8,)), L.Dense(8, "tanh"), L.Dense(1)], "adam", 1), "step", GPU)
    module = cache.load(emitted.source, "step", jit=None)
    for kernel in emitted.kernels:
        function = getattr(module, kernel.name)
        older, newer = (written(function, kernel, c, "ptx").decode() for c in (AMPERE, HOPPER))
        assert ".target sm_80" in older and ".target sm_90" in newer
        plain = (
            re.sub(r"\.target.*|\b_(?:ZN|cudapy)\w+", "", ptx) for ptx in (older, newer)
        )  # names count up
        assert len(set(plain)) == 1


def test_kernels_that_differ_by_names_only_are_the_same():
    x, y = gd.tensor("x", ("n", 3)), gd.tensor("y", ("rows", 3))
    first, second, other = (
        emit(gd.function([a], f(a), target="python").program, "program", GPU).kernels[0]
        for a, f in ((x, gd.exp), (y, gd.exp), (y, gd.tanh))
    )
    renamed = dataclasses.replace(first, name="another")
    assert key(first) == key(second) == key(renamed) != key(other)
