"""Launches wait for those that they meet in memory: any order that heeds it gives the same bits."""

import itertools

import numpy as np
import pytest

from codegen import ir
from codegen.cuda.clock import FIELDS
from codegen.cuda.dependencies import Range, Touched, longest_path, touched, waits
from codegen.cuda.interface import Pointer
from codegen.cuda.launch import Launch
from codegen.cuda.simulated import latest_first
from codegen.optimisations import without

MEMORY = 24  # cells of a program's memory
PROGRAMS = range(60)


def drawn(seed, count=12):
    """Launches on ranges of all sizes, that lie in one another or overlap."""
    draw = np.random.default_rng(seed)

    def ranges(most):
        found = (sorted(draw.integers(0, MEMORY + 1, 2)) for _ in range(draw.integers(0, most)))
        return tuple(Range(int(a), int(b)) for a, b in found)

    return [Touched(ranges(3), ranges(3)) for _ in range(count)]


def run(launches, order):
    """What each launch has seen, and the memory it leaves: each cell tells all that led to it."""
    memory, seen = list(range(MEMORY)), {}
    for k in order:
        t = launches[k]
        cells = [c for r in (*t.reads, *t.writes) for c in range(*r)]
        seen[k] = hash((k, *(memory[c] for c in cells)))
        for c in (c for r in t.writes for c in range(*r)):
            memory[c] = hash((seen[k], c))
    return seen, memory


def meet(a, b):
    """Does one of two launches write what the other one touches?"""
    pairs = [
        *itertools.product(a.writes, (*b.reads, *b.writes)),
        *itertools.product(a.reads, b.writes),
    ]
    return any(max(x.start, y.start) < min(x.stop, y.stop) for x, y in pairs)


def paths(waits):
    """For each launch all that are done when it begins."""
    before = []
    for earlier in waits:
        before.append(set(earlier).union(*(before[k] for k in earlier)))
    return before


def early(waits, first):
    """An order in which one launch comes as soon as it may."""
    needed = sorted({first, *paths(waits)[first]})
    return [*needed, *(k for k in range(len(waits)) if k not in needed)]


def any_order(waits, draw):
    """One of all orders in which nobody comes before those it waits for."""
    order: list[int] = []
    while len(order) < len(waits):
        ready = [k for k, w in enumerate(waits) if k not in order and set(w) <= set(order)]
        order.append(int(draw.choice(ready)))
    return order


@pytest.mark.parametrize("seed", PROGRAMS)
def test_any_order_that_heeds_the_edges_gives_the_same(seed):
    launches, draw = drawn(seed), np.random.default_rng(seed)
    found = waits(launches)
    wanted = run(launches, range(len(launches)))
    assert run(launches, latest_first(found)) == wanted
    for _ in range(5):
        assert run(launches, any_order(found, draw)) == wanted


@pytest.mark.parametrize("seed", PROGRAMS)
def test_no_edge_is_one_too_many(seed):
    """Without it there is an order that gives something else."""
    launches = drawn(seed)
    found, wanted = waits(launches), run(launches, range(len(launches)))
    for k, earlier in enumerate(found):
        for j in earlier:
            less = [*found]
            less[k] = tuple(i for i in earlier if i != j)
            assert run(launches, early(less, k)) != wanted


@pytest.mark.parametrize("seed", PROGRAMS)
def test_those_who_meet_are_joined_by_a_path(seed):
    launches = drawn(seed)
    before = paths(waits(launches))
    for j, k in itertools.combinations(range(len(launches)), 2):
        assert j in before[k] or not meet(launches[j], launches[k])


def test_the_edges_are_few():
    """Writers wait for the one before; those who only read, not for one another."""
    one, other = Range(0, 8), Range(8, 16)
    write, read = Touched((), (one,)), Touched((one,), ())
    assert waits([write, write, write]) == [(), (0,), (1,)]
    assert waits([write, read, read, write]) == [(), (0,), (0,), (1, 2)]
    assert waits([write, Touched((other,), ())]) == [(), ()]
    assert waits([write, Touched((), (Range(7, 9),)), Touched((other,), ())]) == [(), (0,), (1,)]


def test_without_branches_each_waits_for_the_one_before():
    apart = [Touched((), (Range(k, k + 1),)) for k in range(4)]
    assert waits(apart) == [()] * 4 and longest_path(waits(apart)) == 1
    with without("branches"):
        assert waits(apart) == [(), (0,), (1,), (2,)] and longest_path(waits(apart)) == 4


def test_an_order_takes_the_latest_that_may_come():
    assert list(latest_first([(), (), (1,), ()])) == [3, 1, 2, 0]


def test_the_fields_of_the_clock_are_memory_one_by_one():
    clock, array = Pointer(1024, "int64", len(FIELDS)), Pointer(4096, "float32", 6)
    b = ir.Buffer("b", (ir.integer(6),), "float32")
    made = Launch("kernel", 1, 1, (b,), (), (True,), ("now", "status"), ("status",))
    now, status = (1024 + 8 * FIELDS[f] for f in ("now", "status"))
    assert touched(made, [clock, array]) == Touched(
        (Range(now, now + 8),), (Range(status, status + 8), Range(4096, 4096 + 24))
    )
