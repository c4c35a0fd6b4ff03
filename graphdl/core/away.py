"""Variables whose value a device has: it comes home when the host asks for it.

A variable that leaves becomes an `Away`, of which `storage` is a property; so those that stay at home
cost nothing more than before.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import RLock

import numpy as np

from graphdl.core.graph import Variable

_slot = Variable.__dict__["storage"]
_away: weakref.WeakKeyDictionary[Variable, tuple[Callable[[], None], RLock]]
_away = weakref.WeakKeyDictionary()


class Away(Variable):
    """A variable whose value is on a device."""

    __slots__ = ()

    @property
    def storage(self) -> np.ndarray:  # type: ignore[override]
        """The value, brought home."""
        come_home(self)
        return place(self)


def place(variable: Variable) -> np.ndarray:
    """Where the value of a variable lies on the host, or will lie when it comes home."""
    return _slot.__get__(variable)


def leave(variable: Variable, fetch: Callable[[], None], lock: RLock) -> None:
    """The value is a device's from now on; `fetch()`, under the lock, writes it to its place."""
    _away[variable] = fetch, lock
    object.__setattr__(variable, "__class__", Away)


def come_home(variable: Variable) -> None:
    """The value is the host's from now on, which may change it at any time."""
    found = _away.get(variable)
    if found is None:
        return
    fetch, lock = found
    with lock:
        if _away.get(variable) is found:  # else another thread has been here
            fetch()
            object.__setattr__(variable, "__class__", Variable)
            del _away[variable]
