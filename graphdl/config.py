"""What holds for the whole process: the seed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_seed: int | None = None
_times_set = 0


def set_seed(seed: int) -> None:
    """Seed everything random from now on: initial weights, shuffles, random nodes."""
    global _seed, _times_set, _turns
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 2**63:
        raise ValueError(f"set_seed takes a whole number from 0 to 2**63 - 1, got {seed!r}")
    _seed = seed.__index__()
    _times_set += 1
    _counter.clear()
    _turns = 0


_counter: list[None] = []
_turns = 0


def seed() -> int:
    """The process's seed; drawn from the system's entropy where none was set."""
    global _seed
    if _seed is None:
        _seed = int.from_bytes(os.urandom(7), "little")
    return _seed


def times_set() -> int:
    """How often `set_seed` was called: what was seeded before the last call has had its time."""
    return _times_set


def next_stream() -> int:
    """A stream number that was not given since the seed was set: 1, 2, …"""
    _counter.append(None)
    return len(_counter)


def next_turn() -> int:
    """The number of recordings made since the seed was set: the time of a turn's random draws."""
    global _turns
    _turns += 1
    return _turns - 1


@contextmanager
def seeded(number: int | None) -> Iterator[None]:
    """Inside, the seed is `number`; afterwards seed and streams go on as if nothing had been drawn."""
    global _seed, _times_set, _turns
    before = _seed, _times_set, _turns, len(_counter)
    if number is not None:
        set_seed(number)
    try:
        yield
    finally:
        if number is not None:
            _seed, _times_set, _turns, count = before
            _counter[:] = [None] * count
