"""Every operation there is, by name: what tests and documentation iterate over."""

from __future__ import annotations

from graphdl.core.op import Op
from graphdl.ops import (
    activations,
    arithmetic,
    build,
    control,
    entropy,
    functions,
    index,
    linalg,
    piecewise,
    random,
    reduce,
    shape,
    surprisal,
)

_FAMILIES = (
    build, arithmetic, functions, activations, piecewise, reduce, shape, linalg, index, entropy,
    surprisal,
    control, random,
)  # fmt: skip


def all_ops() -> dict[str, Op]:
    """The operations by name, family after family, each in the order of its declaration."""
    found: dict[str, Op] = {}
    for family in _FAMILIES:
        for value in vars(family).values():
            if isinstance(value, Op) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two operations are called {value.name!r}")
    return found
