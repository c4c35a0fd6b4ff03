"""A formula that was read: a tree of parts, each knowing the place it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """One operation of a formula. `kind` says which, `value` what beside its arguments it holds.

    number: the value · name: the printed name · quotient: ("J", "z2") for ∂J/∂z2
    add sub mul div pow matmul and or: two arguments · neg not transpose column abs: one
    compare: value is the sign · call: value is a `Call`, any number of arguments
    """

    kind: str
    args: tuple[Part, ...] = ()
    value: Any = None
    start: int = 0
    end: int = 0

    def walk(self) -> Iterator[Part]:
        """All parts, arguments first. With a stack, not by recursion: a long sum is deep."""
        stack: list[tuple[Part, bool]] = [(self, False)]
        while stack:
            part, done = stack.pop()
            if done or not part.args:
                yield part
            else:
                stack.append((part, True))
                stack.extend((a, False) for a in reversed(part.args))


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its plain spelling, how many primes it bears, its options (axis, keepdims)."""

    name: str
    primes: int = 0
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Formula:
    """A whole answer: its definitions (t = …) in order, then the formula itself."""

    source: str
    definitions: tuple[tuple[str, Part], ...]
    body: Part
