"""Programs as text: golden, and the same in every process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from codegen.executable import Executable
from codegen.passes import optimise
from codegen.text import text
from tests.codegen.programs import program_of, step_program

LOWERED = """\
sizes n
numbers c1: float32
input x1: float32[n, 3]
variable W1: float32[3, 2]
output out1: float32[]
temp z1: float32[n, 2]
temp h1: float32[n, 2]
temp t1: float32[3, 2]

1. matmul  # z1 = x1 @ W1
    z1 = x1 @ W1

2. kernel  # h1 = relu(z1)
    for i1 < n:
        for i2 < 2:
            h1[i1, i2] = relu(z1[i1, i2])

3. kernel  # out1 = sum(h1)
    s1: float64 = 0.0
    for i3 < n:
        for i4 < 2:
            s1 += float64(h1[i3, i4])
    out1[] = float32(s1)

4. kernel  # t1 = mul(c, W1)
    for i5 < 3:
        for i6 < 2:
            t1[i5, i6] = c1 * W1[i5, i6]

5. kernel  # W1 ← new value
    for i7 < 3:
        for i8 < 2:
            W1[i7, i8] = t1[i7, i8]"""

OPTIMISED = """\
sizes n
numbers c1: float32
input x1: float32[n, 3]
variable W1: float32[3, 2]
output out1: float32[]
temp z1: float32[n, 2]

1. matmul  # z1 = x1 @ W1
    z1 = x1 @ W1

2. kernel  # h1 = relu(z1)
           # out1 = sum(h1)
    s1: float64 = 0.0
    for i1 < n:
        for i2 < 2:
            e1: float32 = relu(z1[i1, i2])
            s1 += float64(e1)
    e2: float32 = float32(s1)
    out1[] = e2

3. kernel  # t1 = mul(c, W1)
           # W1 ← new value
    for i5 < 3:
        for i6 < 2:
            e3: float32 = c1 * W1[i5, i6]
            W1[i5, i6] = e3"""


def small():
    x = gd.tensor("x", ("n", 3))
    W = gd.Variable(np.ones((3, 2)), name="W")
    return program_of([x], [gd.sum(gd.relu(x @ W))], {W: 0.3 * W})


def test_golden_text():
    program = small()
    assert text(program) == LOWERED
    assert text(optimise(program)) == OPTIMISED


def test_a_program_shows_itself_as_text():
    x = gd.tensor("x", ("n",))
    program = gd.function([x], gd.square(x), target="python").program
    assert str(program) == text(program)


def test_packs_and_repeats_are_shown():
    shown = text(optimise(step_program(5)))
    assert "batches of n rows: x1 of x1_all, x2 of x2_all\n" in shown
    whole = "variable all_W1: float32[100] = W1 | b1 | W2 | b2 | W3 | b3 | W4 | b4 | W5 | b5 | W6\n"
    assert whole in shown
    assert "repeat  # 4 times\n    z1_r1, b1_r1, h1_r1, " in shown
    assert "\n      z2, b2, h2, " in shown
    assert "guard\n    finite: " in shown


@pytest.mark.parametrize("depth", [1, 5])
def test_a_second_model_of_equal_structure_has_the_same_source(depth):
    first, second = (optimise(step_program(depth)) for _ in range(2))
    assert text(first) == text(second)
    assert Executable(first).source == Executable(second).source


PRINT = """
from codegen.executable import Executable
from codegen.passes import optimise
from tests.codegen.programs import step_program
for case in ((5, "adam", 0.01), (2, "clipped", 0.0)):
    program = optimise(step_program(*case))
    print(program, Executable(program).source)
"""


def test_source_is_the_same_under_any_hash_seed():
    found = set()
    for seed in ("0", "1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", PRINT], capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        found.add(hashlib.sha256(run.stdout).hexdigest())
        assert len(run.stdout) > 10_000
    assert len(found) == 1
