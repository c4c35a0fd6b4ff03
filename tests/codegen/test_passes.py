"""Passes change how a program computes, never what: each alone, all, none, compiled or not."""

import numpy as np
import pytest

from codegen import ir
from codegen.passes import PASSES, optimise
from tests.codegen.programs import ALL, CASES, FUNCTIONS, StepCase, step_program

COMPILED = [c for c in CASES if c.name in ("random-4", "attention", "adam", "momentum-1")]
EXACT = (
    "flatten",
    "contract",
    "pack",
    "hoist",
    "repeat",
    "resize",
)  # they move values, they do not change arithmetic


def name(case):
    return case.name


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def close(ours, theirs, tolerance):
    for a, b in zip(ours, theirs, strict=True):
        size = max(1.0, float(np.max(np.abs(b), initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * size)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_passes_agree(case):
    plain = case.with_passes(())
    for one in EXACT:
        same(case.with_passes((one,)), plain)
    same(case.with_passes(EXACT), plain)
    tolerance = 1e-12 if plain[0].dtype == np.float64 and case in FUNCTIONS else 1e-6
    fused = case.with_passes(("fuse",))
    close(fused, plain, tolerance)
    same(case.with_passes(ALL), fused)


@pytest.mark.parametrize("case", COMPILED, ids=name)
def test_compiled_programs_agree(case):
    """Sums may be added up in another order there, one multiplied and added in one rounding."""
    close(case.with_passes(ALL, "cpu"), case.with_passes(()), 2e-6)


@pytest.mark.parametrize("layers", [3, 4, 5, 6])
def test_repeated_layers_are_unrolled_ones(layers):
    """They compute the same bits, and the program does not grow with them."""
    program = optimise(step_program(layers + 1))
    repeats = [i for i in program.items if isinstance(i, ir.Repeat)]
    assert {len(r.table) for r in repeats} == {layers}
    assert len(program.items) == len(optimise(step_program(layers + 2)).items)
    case, unrolled = StepCase(layers + 1, "adam"), [p for p in PASSES if p != "repeat"]
    same(case.with_passes(ALL), case.with_passes(unrolled))
