"""Teams whose threads run one at a time: programs of teams, un-jitted, in every order that matters.

Between two barriers the threads of a team may run in any order. Here they take turns, in one order
before a barrier and in the other after it. Where a barrier is missing, somebody reads too early, or
finds overwritten what was still needed, and the bits differ.
"""

from __future__ import annotations

import contextlib
import threading

import numpy as np

from codegen.executable import Executable
from codegen.passes import parallel, shares
from graphdl.compile import Compiled


class Turns:
    """Which thread may run now."""

    def __init__(self, threads: int, backwards: bool) -> None:
        self.orders = [list(range(threads)), list(range(threads))[::-1]]
        if backwards:
            self.orders.reverse()
        self.phase, self.at = 0, 0
        self.changed = threading.Condition()
        self.me = threading.local()
        self.barriers = 0

    def begin(self, thread: int) -> None:
        self.me.thread = thread
        with self.changed:
            self.changed.wait_for(lambda: self.now == thread)

    @property
    def now(self) -> int:
        return self.orders[self.phase % 2][self.at]

    def wait(self, team: np.ndarray, threads: int) -> bool:
        """In place of the barrier: the next one's turn, and back when all have come here."""
        with self.changed:
            phase = self.phase
            self.end()
            self.changed.wait_for(lambda: self.phase > phase and self.now == self.me.thread)
        return False

    def end(self) -> None:
        with self.changed:
            self.at += 1
            if self.at == len(self.orders[0]):
                self.phase, self.at = self.phase + 1, 0
            self.changed.notify_all()


def rows_exactly(a, b, out, first, last):
    out[first:last] = (a @ b)[first:last]  # NumPy's own parts may have other bits


def columns_exactly(a, b, out, first, last):
    out[:, first:last] = (a @ b)[:, first:last]


def run_in_turns(entry, words, numbers, threads, backwards):
    """What each thread's call of `entry` returned: the same for all."""
    turns, team, statuses = Turns(threads, backwards), np.zeros(32, np.int64), []
    names = {"multiply_rows": rows_exactly, "multiply_columns": columns_exactly}
    entry.__globals__.update(names, wait=turns.wait)

    def work(thread):
        turns.begin(thread)
        with np.errstate(all="ignore"):
            try:
                statuses.append(entry(words, team, thread, threads, *numbers))
            finally:
                turns.end()

    helpers = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
    for h in helpers:
        h.start()
    for h in helpers:
        h.join()
    assert len(statuses) == threads, "a thread of the team has failed"
    assert len(set(statuses)) == 1
    return statuses[0]


@contextlib.contextmanager
def teams_in_turns(monkeypatch, threads, backwards=False, grain=1):
    """Inside, un-jitted programs are programs of teams, in blocks of `grain` rows and columns."""
    with monkeypatch.context() as patch:
        for name in ("WIDE", "TALL", "VECTORS"):
            patch.setattr(shares, name, grain)
        patch.setattr(parallel, "WIDE", grain)
        patch.setattr(parallel, "LONG", 2)
        patch.setattr(Compiled, "at", lambda self, sizes: self.by_team)

        def once(self, words, numbers, count):
            if self.program.shares is None:
                return int(self._entry(words, *numbers))
            return run_in_turns(self._entry, words, numbers, threads, backwards)

        patch.setattr(Executable, "_once", once)
        yield
