"""What holds for the whole process: the seed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_seed: int | None = None


def set_seed(seed: int) -> None:
    """Seed everything random from now on: initial weights, shuffles, random nodes."""
    global _seed
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 2**63:
        raise ValueError(f"set_seed takes a whole number from 0 to 2**63 - 1, got {seed!r}")
    _seed = seed.__index__()
    _counter.clear()


_counter: list[None] = []


def seed() -> int:
    """The process's seed; drawn from the system's entropy where none was set."""
    global _seed
    if _seed is None:
        _seed = int.from_bytes(os.urandom(7), "little")
    return _seed


def next_stream() -> int:
    """A stream number that was not given since the seed was set: 1, 2, …"""
    _counter.append(None)
    return len(_counter)


@contextmanager
def seeded(number: int | None) -> Iterator[None]:
    """Inside, the seed is `number`; afterwards seed and streams go on as if nothing had been drawn."""
    global _seed
    before = _seed, len(_counter)
    if number is not None:
        _seed = number
        _counter.clear()
    try:
        yield
    finally:
        if number is not None:
            _seed = before[0]
            _counter[:] = [None] * before[1]
