"""How far LLVM is to go with a program: as far as its level 2, where Numba asks for 3.

At level 3 it unrolls loops of up to some thirty turns before it looks whether they can be vectorised,
and what is unrolled seldom can: the sixteen units of a layer become sixteen times the same in scalars.
At level 2 only shorter ones go that way, which gain by it. A step of 30-16-1 takes 0.82 of the time, of
30-24-1 0.77; others are as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from numba import config
from numba.core.compiler_lock import global_compiler_lock

from codegen.optimisations import on

LEVEL = 2


def conditions() -> str:
    """What machine code depends on here, besides its source and Numba's settings."""
    return f"level {LEVEL if on('rolled') else config.OPT}"


@contextmanager
def our_level() -> Iterator[None]:
    """What is compiled in here, and nothing in another thread; who asks for less gets less."""
    with global_compiler_lock:
        before = config.OPT
        if on("rolled") and before > LEVEL:
            config.OPT = type(before)(LEVEL)
        try:
            yield
        finally:
            config.OPT = before
