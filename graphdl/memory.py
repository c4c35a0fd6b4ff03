"""Sizes are refused before memory is touched."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphdl.core.errors import MemoryBudgetError

SHARE = 0.8  # of the memory that is free


def available() -> int:
    """Bytes that may still be used: the system's and the container's limit, whichever is less."""
    limits = (
        [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    )
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        group = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        if group.isdigit():
            limits.append(int(group))
    except OSError:
        pass
    return min(limits, default=2**63)


# what may still be asked for inside `at_most`
_left: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("left", default=None)


@contextlib.contextmanager
def at_most(nbytes: int, giver: str) -> Iterator[None]:
    """Inside, what is required may not take more than the `nbytes` that `giver` has, together."""
    token = _left.set([nbytes, giver])
    try:
        yield
    finally:
        _left.reset(token)


def require(what: str, nbytes: int) -> None:
    """Raise MemoryBudgetError when `nbytes` is more than this machine can give."""
    left = _left.get()
    if left is not None:
        if nbytes > left[0]:
            raise MemoryBudgetError(
                f"{what} needs {nbytes:,} bytes, {left[1]} has {left[0]:,} left"
            )
        left[0] -= nbytes
    if nbytes < 2**28:  # a quarter of a GiB is never worth asking the system
        return
    budget = int(SHARE * available())
    if nbytes > budget:
        raise MemoryBudgetError(
            f"{what} needs {nbytes / 2**30:,.1f} GiB; {budget / 2**30:,.1f} GiB may be used on this "
            "machine. Use smaller sizes, a smaller batch or float32"
        )
