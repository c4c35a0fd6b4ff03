"""What holds for the whole process: the seed."""

from __future__ import annotations

import os

_seed: int | None = None


def set_seed(seed: int) -> None:
    """Seed everything random from now on: initial weights, shuffles, random nodes."""
    global _seed, _turns
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 2**63:
        raise ValueError(f"set_seed takes a whole number from 0 to 2**63 - 1, got {seed!r}")
    _seed = seed.__index__()
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


def next_stream() -> int:
    """A stream number that was not given since the seed was set: 1, 2, …"""
    _counter.append(None)
    return len(_counter)


def next_turn() -> int:
    """The number of recordings made since the seed was set: the time of a turn's random draws."""
    global _turns
    _turns += 1
    return _turns - 1
