"""A rule of the random graphs: what may be applied to values that are at hand.

A rule is a formula over a library `m` (graphdl, or PyTorch under graphdl's names) and a chooser,
which looks at the values and returns the formula's attributes, or None where it does not apply.
`kinks` are expressions of the operands that must stay away from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rule:
    """formula(m, *operands, **attrs) over `arity` operands; see the top of the file."""

    name: str
    arity: int
    formula: Callable[..., Any]
    choose: Callable[..., dict | None] = lambda random, *xs: {}
    kinks: Callable[..., list] = lambda *xs, **attrs: []


def broadcastable(random, *xs) -> dict | None:
    try:
        np.broadcast_shapes(*(x.shape for x in xs))
    except ValueError:
        return None
    return {}
