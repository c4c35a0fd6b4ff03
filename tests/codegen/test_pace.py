"""The clock decides between one thread and many; nothing here measures time."""

import pytest

from codegen import pace, team
from codegen.pace import Pace


@pytest.fixture(autouse=True)
def four_threads():
    team.set_threads(4)
    yield
    team.set_threads(None)


def work(p, seconds):
    """So much work, in the way that is usual now, at the speed that it has."""
    p.note(p._usual, seconds / p._seconds[p._usual], seconds)


def predicted(threads):
    return {1: 8e-4, 2: 5e-4, 3: 4e-4, 4: 6e-4}[threads]


def three_win(p, seconds=6e-3):
    """One thread, then a trial of three."""
    p.plan(1)
    p.note(1, 10, 8e-3)
    p.plan(10)
    p.note(3, 10, seconds)


def test_one_thread_first_then_as_many_as_the_model_says():
    p = Pace(predicted)
    assert p.plan(1) == [(1, 1)]
    p.note(1, 1, 8e-4)
    assert p.plan(50) == [(3, 3), (3, 3), (3, 3), (1, 41)]
    p.note(3, 3, 9e-3)  # helpers asleep, caches cold: the best one counts
    p.note(3, 3, 1.2e-3)
    p.note(3, 3, 1.5e-3)
    assert p.plan(50) == [(3, 50)]


def test_a_long_step_is_run_by_many_at_once():
    p = Pace(lambda threads: 1e-2 / threads)
    assert p.plan(2) == [(4, 2)]
    p.note(4, 2, 6e-3)
    assert p.plan(10) == [(1, 1), (4, 9)]


def test_the_faster_way_goes_on_and_the_other_is_tried_again():
    p = Pace(predicted)
    three_win(p)
    assert p.plan(100) == [(3, 100)]
    work(p, pace.AGAIN + 1)
    assert p.plan(100) == [(1, 4), (1, 4), (1, 4), (3, 88)]


def test_a_loser_is_tried_less_and_less_often():
    p, waits = Pace(predicted), []
    p.plan(1)
    p.note(1, 10, 8e-3)
    for _ in range(9):
        p.plan(1000)
        p.note(3, 1, 9e-3)
        waits.append(0.0)
        while p.plan(1000) == [(1, 1000)]:
            work(p, 0.02)
            waits[-1] += 0.02
    assert waits == sorted(waits)
    assert waits[0] <= 2 * pace.AGAIN + 0.02
    assert waits[-1] == pytest.approx(pace.LONGEST, abs=0.1)


def test_a_clear_winner_is_seldom_asked_again():
    p = Pace(predicted)
    three_win(p, 4e-3)
    p.plan(100)
    work(p, pace.SELDOM - 1)
    assert p.plan(100) == [(3, 100)]
    for _ in range(3):
        p.note(3, 10, 4e-2)
    assert p.plan(100) == [(1, 100)]
    work(p, 2 * pace.AGAIN)
    assert p.plan(100)[0][0] == 3


def test_a_core_that_is_taken_sends_the_work_back_to_one_thread():
    p = Pace(predicted)
    three_win(p)
    p.plan(100)
    for _ in range(3):
        p.note(3, 10, 4e-2)  # another program has come
    assert p.plan(100)[-1][0] == 1


def test_little_work_wakes_nobody():
    p = Pace(lambda threads: 1e-5 / threads)
    p.plan(1)
    p.note(1, 1, 1e-5)
    assert p.plan(5) == [(1, 5)]
    assert p.plan(500)[0][0] == 4


def test_another_limit_starts_afresh():
    p = Pace(predicted)
    p.plan(1)
    p.note(1, 1, 8e-4)
    team.set_threads(1)
    assert p.plan(1000) == [(1, 1000)]
