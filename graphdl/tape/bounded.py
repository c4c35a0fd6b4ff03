"""A memory of what was made before, with an end to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any


class Bounded:
    """Things by key, made at first need; beyond `limit` the oldest are forgotten.

    A loop over the same structure finds everything again; a program that makes new variables all
    the time does not grow.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._known = limit, {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        found = self._known.get(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found

    def peek(self, key: Hashable) -> Any:
        return self._known.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        while len(self._known) >= self._limit:
            del self._known[next(iter(self._known))]
        self._known[key] = value
