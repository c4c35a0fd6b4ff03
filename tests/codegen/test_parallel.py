"""Programs of teams: every item is split as declared, every barrier stands where one is needed."""

from itertools import product

import numpy as np
import pytest
from numba import njit

from codegen import ir, memory
from codegen.passes import optimise, parallel
from codegen.registers import flat
from codegen.sharing import share
from codegen.text import text
from tests.codegen.programs import ALL, FUNCTIONS, STEPS, StepCase, step_program
from tests.codegen.turns import teams_in_turns

CASES = [*FUNCTIONS[::3], *FUNCTIONS[-4:], *STEPS[::2]]


def name(case):
    return case.name


def equal(ours, theirs):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_any_order_of_threads_gives_the_same_bits(case, monkeypatch):
    alone = case.with_passes(ALL)
    for threads, backwards in ((2, False), (3, True)):
        with teams_in_turns(monkeypatch, threads, backwards):
            assert equal(case.with_passes(ALL), alone)


def test_without_barriers_some_order_gives_other_bits(monkeypatch):
    """The turns above do show a barrier that is missing."""
    case = StepCase(3, "adam")
    alone = case.with_passes(ALL)
    monkeypatch.setattr(parallel, "_waits", lambda *_: set())
    with teams_in_turns(monkeypatch, 3, backwards=True):
        assert not equal(case.with_passes(ALL), alone)


def team_of(depth, monkeypatch, optimizer="adam"):
    """The program of a training step for a team, split into single rows and columns."""
    with teams_in_turns(monkeypatch, 2):
        return parallel.parallel(optimise(step_program(depth, optimizer)))


def test_no_sum_is_split(monkeypatch):
    """A part is a part of a result: what one thread adds up is not continued by another."""
    program = team_of(3, monkeypatch)
    split = [i for i in flat(program.items) if isinstance(i, ir.Kernel) and _is_split(i)]
    assert len(split) > 5
    for item in split:
        part = next(s for s in ir.statements(item.body) if _starts_late(s))
        inside = {s.var for s in ir.statements(part.body) if isinstance(s, ir.Let)}
        updated = {s.var for s in ir.statements(part.body) if isinstance(s, ir.Update)}
        assert updated <= inside
        assert all(part.var in s.index for s in ir.stores(part.body))


def _is_split(item):
    return any(_starts_late(s) for s in ir.statements(item.body))


def _starts_late(s):
    return isinstance(s, ir.Loop) and s.start != ir.ZERO


def test_every_matrix_product_is_split(monkeypatch):
    products = [i for i in flat(team_of(3, monkeypatch).items) if isinstance(i, ir.MatMul)]
    assert products
    assert all(i.part is not None for i in products)


def test_memory_is_shared_only_across_barriers(monkeypatch):
    """What lives between the same two barriers has places of its own."""
    program = team_of(3, monkeypatch)
    sizes = {v.name: 8 for v in program.sizes} | {"total": 8}
    plan = memory.plan(program, sizes, frozenset(program.arguments))
    spans = memory.lifetimes(program)
    at_once = [(a, b) for a in spans for b in spans if a is not b and spans[a][0] == spans[b][0]]
    assert at_once
    for a, b in at_once:
        start, end = plan.offsets[a], plan.offsets[a] + memory.nbytes(a, sizes)
        other = plan.offsets[b]
        assert other + memory.nbytes(b, sizes) <= start or end <= other


def test_a_team_s_program_can_be_read(monkeypatch):
    shown = text(team_of(3, monkeypatch))
    for line in ("barrier  # a step begins", "this thread's rows", "n_by_1_first ≤ i", "alone  #"):
        assert line in shown


@pytest.mark.parametrize("depth", [4, 12])
def test_depth_adds_no_items(depth, monkeypatch):
    """Barriers inside a repeat serve all its rows."""
    assert len(team_of(depth, monkeypatch).items) == len(team_of(5, monkeypatch).items)


@pytest.mark.parametrize("grain", [1, 3, 16])
@pytest.mark.parametrize("threads", [1, 2, 3, 5, 8])
def test_shares_are_whole_blocks_that_cover_an_extent_once(threads, grain):
    for extent in [*range(70), 1000]:
        parts = [share(k, threads, extent, grain) for k in range(threads)]
        assert [i for first, last in parts for i in range(first, last)] == list(range(extent))
        assert all(first % grain == 0 or first == extent for first, _ in parts)


def test_compiled_shares_are_the_same():
    compiled = njit(lambda *numbers: share(*numbers))
    for numbers in product((0, 1, 4), (1, 2, 5), (0, 1, 7, 64, 1000), (1, 3, 16)):
        assert compiled(*numbers) == share(*numbers)


def test_blocks_of_several_rows(monkeypatch):
    """What is left over belongs to the last block, and to one thread."""
    case = StepCase(3, "adam")
    alone = case.with_passes(ALL)
    for threads in (2, 3):
        with teams_in_turns(monkeypatch, threads, grain=3):
            assert equal(case.with_passes(ALL), alone)
