"""Teams of threads that run one program together.

The helpers are Python threads, started when first needed; between two runs they sleep, and while they
run they hold no lock of Python's. A run that finds them at work for another one is done by its own
thread alone: its bits are the same.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np

BROKEN = 2**62  # arrivals at a barrier: the team has broken up
REFUSED = 16  # the word that says so, in a cache line of its own
WORDS = 32

_limit: int | None = None


def threads() -> int:
    """The number of threads that a program may use: `GRAPHDL_THREADS`, else this process's cores."""
    global _limit
    if _limit is None:
        given = os.environ.get("GRAPHDL_THREADS")
        _limit = _whole(given, "GRAPHDL_THREADS") if given else _cores()
    return _limit


def set_threads(count: int | None) -> None:
    """Let programs use `count` threads from now on; None: all cores this process may use.

    Results have the same bits for any number. Raises ValueError for what is no whole number ≥ 1.
    """
    global _limit
    _limit = _cores() if count is None else _whole(count, "set_threads")


def _whole(count: Any, what: str) -> int:
    try:
        number = int(count) if isinstance(count, str) else count.__index__()
    except (ValueError, AttributeError):
        number = 0
    if isinstance(count, bool) or number < 1:
        raise ValueError(f"{what} takes a whole number of threads, 1 or more, got {count!r}")
    return number


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Helper:
    """A thread that does one thing after another, or sleeps."""

    def __init__(self) -> None:
        self.work: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        threading.Thread(target=self._run, name="graphdl helper", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.work.get()()


class _Helpers:
    """The helpers of this process; one run at a time has them."""

    def __init__(self) -> None:
        self.free = threading.Lock()
        self.all: list[_Helper] = []

    def first(self, count: int) -> list[_Helper]:
        while len(self.all) < count:
            self.all.append(_Helper())
        return self.all[:count]


_helpers = _Helpers()


def _after_fork() -> None:
    global _helpers
    _helpers = _Helpers()  # threads do not live on in a child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run(entry: Callable[..., int], words: Any, numbers: Sequence[Any], count: int) -> int:
    """entry(words, team, thread, threads, *numbers) by `count` threads; what each of them returns."""
    helpers = _helpers
    if count > 1 and helpers.free.acquire(blocking=False):
        try:
            return _together(helpers.first(count - 1), entry, words, numbers)
        finally:
            helpers.free.release()
    return entry(words, np.zeros(WORDS, np.int64), 0, 1, *numbers)


def _together(
    helpers: Sequence[_Helper], entry: Callable[..., int], words: Any, numbers: Sequence[Any]
) -> int:
    team, count = np.zeros(WORDS, np.int64), len(helpers) + 1
    failures: list[BaseException] = []

    def part(thread: int) -> Callable[[], None]:
        def work() -> None:
            try:
                entry(words, team, thread, count, *numbers)
            except BaseException as error:  # this one's place at the barriers stays empty
                failures.append(error)
                team[0] = BROKEN

        return work

    try:
        for thread, helper in enumerate(helpers, 1):
            helper.work.put(part(thread))
        status = entry(words, team, 0, count, *numbers)
    except BaseException:  # Ctrl-C before all had begun: nobody has passed the first barrier
        team[0] = BROKEN
        raise
    if failures:
        raise failures[0]
    return status
