"""Variables whose value a device has: it comes home when the host asks for it.

A variable that leaves becomes an `Away`, of which `storage` is a property; so those that stay at home
cost nothing more than before.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

import numpy as np

from graphdl.core.graph import Variable

_slot = Variable.__dict__["storage"]
_fetches: weakref.WeakKeyDictionary[Variable, Callable[[], None]] = weakref.WeakKeyDictionary()
_lock = threading.RLock()


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


def leave(variable: Variable, fetch: Callable[[], None]) -> None:
    """The value is a device's from now on; `fetch()` writes it to the variable's place."""
    with _lock:
        _fetches[variable] = fetch
        object.__setattr__(variable, "__class__", Away)


def come_home(variable: Variable) -> None:
    """The value is the host's from now on, which may change it at any time."""
    with _lock:
        fetch = _fetches.get(variable)
        if fetch is not None:
            fetch()
            object.__setattr__(variable, "__class__", Variable)
            del _fetches[variable]
