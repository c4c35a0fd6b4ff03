"""Kernels become machine code without a GPU: few registers, none spilled, no float64 unasked.

Needs numba-cuda and nvJitLink (`pip install --group cuda`); without them the tests are skipped.
Registers are those of PTX assembled by nvJitLink; whole-program assembly needs fewer.
"""

import dataclasses
import os
from importlib.util import find_spec

import numpy as np
import pytest

import graphdl as gd
from codegen.cuda import one_block
from codegen.cuda.cubin import asks_for_float64, compiled
from codegen.cuda.emit import emit, emit_in_one_block
from codegen.cuda.kernels import GPU
from tests.differential.oracle import Case
from tests.ops.cases import OPS, cases

NEEDED = {"numba_cuda": "numba-cuda", "cuda": "cuda-bindings"}
MISSING = [package for module, package in NEEDED.items() if find_spec(module) is None]
if MISSING:
    pytest.skip(f"not installed: {', '.join(MISSING)}", allow_module_level=True)
if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

L = gd.layers
REGISTERS = 128  # of a thread, so that two blocks of 256 threads share a multiprocessor
HOPPER, AMPERE = (9, 0), (8, 0)


def check(program, capability=HOPPER, known=None, way=emit):
    """Compile the kernels that are not known yet; returns how many there were."""
    emitted = way(program, "program", GPU)
    known = set() if known is None else known
    new = [k for k in emitted.kernels if k.lines[1:] not in known]
    known |= {k.lines[1:] for k in new}
    for made in compiled(dataclasses.replace(emitted, kernels=tuple(new)), capability, "program"):
        text = "\n".join(made.kernel.lines)
        assert made.code[:4] == b"\x7fELF"
        assert made.registers <= REGISTERS, text
        assert (made.stack, made.spilled) == (0, 0), text
        assert asks_for_float64(made.kernel) or not made.doubles, text
    return len(new)


def step(layers, loss, optimizer, classes=1):
    """The program of a training step."""
    draw = np.random.default_rng(0)
    model = gd.Sequential(layers)
    model.compile(optimizer, loss, ["accuracy"], target="python")
    x = draw.standard_normal((4, layers[0].shape[-1]), dtype=np.float32)
    model.fit(x, draw.integers(0, max(2, classes), 4), batch_size=4, epochs=1, verbose=0)
    return next(iter(model._runners.values())).compiled.executable.program


def lecture(optimizer="adam"):
    layers = [L.Input((30,)), L.Dense(16, "relu"), L.Dropout(0.25), L.Dense(1, "sigmoid")]
    return step(layers, "binary_crossentropy", optimizer)


@pytest.mark.parametrize("capability", [HOPPER, AMPERE], ids=str)
def test_the_step_of_the_lecture(capability):
    assert check(lecture(), capability) > 5


@pytest.mark.parametrize("capability", [HOPPER, AMPERE], ids=str)
def test_all_steps_of_the_lecture_in_one_block(capability):
    program = lecture()
    assert one_block.fits(program)
    assert check(program, capability, way=emit_in_one_block) == 1


def test_a_step_with_products_by_tiles():
    layers = [L.Input((784,)), L.Dense(128, "relu"), L.Dense(64, "tanh"), L.Dense(10, "softmax")]
    program = step(layers, "sparse_categorical_crossentropy", "adam", 10)
    emitted = emit(program, "program", GPU)
    assert sum(any("some_a" in line for line in k.lines) for k in emitted.kernels) >= 3
    check(program)


def test_tiles_read_shared_memory_by_whole_vectors():
    x, w = gd.tensor("x", ("n", 128)), gd.Variable(np.zeros((128, 128), np.float32))
    program = gd.function([x], x @ w, target="python").program
    (tile,) = compiled(emit(program, "program", GPU), HOPPER, "program")
    assert tile.ptx.count("ld.shared.v4.f32") == tile.ptx.count("ld.shared") > 0


def test_equal_layers_are_compiled_once():
    layers = [L.Input((64,)), *(L.Dense(64, "tanh") for _ in range(8)), L.Dense(1)]
    program = step(layers, "mse", "sgd")
    emitted = emit(program, "program", GPU)
    assert len(emitted.kernels) < len(emitted.calls) - 16
    check(program)


@pytest.mark.slow
@pytest.mark.parametrize("name", gd.optimizers.KNOWN)
def test_every_optimizer(name):
    program = lecture(name)
    check(program)
    check(program, way=emit_in_one_block)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("kind", ["graph", "network"])
def test_a_random_program(kind, seed):
    built = Case(kind, seed).built("float32")
    check(gd.function(built.symbols, built.outputs, target="python").program)


@pytest.mark.slow
def test_every_operation_and_its_derivatives():
    known = set()
    for op in OPS.values():
        for case in cases(op, "float32"):
            for nodes in ([case.node], [d for _, d in case.derivatives()]):
                if nodes:
                    check(gd.function(case.inputs, nodes, target="python").program, HOPPER, known)
    assert len(known) > 500
