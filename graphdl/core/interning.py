"""The table of all living nodes by what they are made of: the same makings, the same object.

Nodes are held by weak references without callbacks. A callback would run Python code while an object
is being freed, and there Python reports an exception and drops it: a Ctrl-C that came just then would
be lost. So the dead are swept out by the insertion that finds the table full, and room is made for
twice as many as are then alive: a bounded number of dead entries, at a constant cost a node.

A key holds no object of its node's: a dead entry keeps nothing large alive until it is swept.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np

LEAST_ROOM = 4096  # entries
_LONG = 64  # bytes: arrays above it are known by a digest


N = TypeVar("N")


def key_of(op: object, inputs: tuple[Any, ...], attrs: Mapping[str, Any]) -> tuple:
    """What a node is made of: op and inputs by identity, attributes by type and bits.

    Identities may be taken for the objects: while the node lives, it holds them all.
    """
    return (id(op), tuple(map(id, inputs)), tuple((k, _bits(v)) for k, v in attrs.items()))


def _bits(value: Any) -> Any:
    """A key that tells 0.0 from -0.0 and 1 from True and 1.0."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, _content(value.tobytes()))
    if isinstance(value, (float, np.generic)):
        return (kind, value.hex() if isinstance(value, float) else value.tobytes())
    if isinstance(value, (tuple, list)):
        return tuple(map(_bits, value))
    if kind.__eq__ is object.__eq__:  # a layer, a function: equal to itself alone
        return (kind, id(value))
    return (kind, value)


def _content(data: bytes) -> bytes:
    return data if len(data) <= _LONG else hashlib.sha256(data).digest()


class Table(Generic[N]):
    """Key -> the living object that was put under it first."""

    def __init__(self) -> None:
        self._refs: dict[tuple, weakref.ref[N]] = {}
        self._room = LEAST_ROOM

    def __len__(self) -> int:
        """The number of entries, the dead that are not swept yet included."""
        return len(self._refs)

    def get(self, key: tuple) -> N | None:
        ref = self._refs.get(key)
        return None if ref is None else ref()

    def add(self, key: tuple, made: N) -> N:
        """Put it in the table; returns the one that is there where another thread was first."""
        if len(self._refs) >= self._room:
            self._sweep()
        ref = weakref.ref(made)
        first = self._refs.setdefault(key, ref)
        found = first()
        if found is None:  # a dead entry with the same identities
            self._refs[key] = ref
            return made
        return found

    def _sweep(self) -> None:
        """Remove the dead. Each step leaves the table whole: Ctrl-C may come between any two."""
        for key, ref in self._refs.copy().items():
            if ref() is None:
                removed = self._refs.pop(key, ref)
                if removed() is not None:  # another thread has just made this node anew
                    self._refs.setdefault(key, removed)
        self._room = max(LEAST_ROOM, 2 * len(self._refs))
