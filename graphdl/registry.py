"""Names that stand for objects: "relu", "adam", "glorot_uniform"."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any


def lookup(kind: str, name: Any, known: Mapping[str, Any]) -> Any:
    """The object that `name` stands for; raises ValueError that lists what there is."""
    if not isinstance(name, str):
        raise TypeError(
            f"{kind}: expected a name or an object, got {type(name).__name__} {name!r:.60}"
        )
    key = name.strip()
    folded = {k.lower(): v for k, v in known.items()}
    if key.lower() in folded:
        return folded[key.lower()]
    names = sorted(k for k in known if k.islower()) or sorted(known)
    near = difflib.get_close_matches(key.lower(), names, 1)
    hint = f": did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {kind} {name!r}{hint} Known are {', '.join(names)}")


def number(
    what: str,
    value: Any,
    low: float = 0.0,
    high: float = float("inf"),
    check: Callable[[float], bool] | None = None,
) -> float:
    """A finite number within [low, high]; raises ValueError or TypeError otherwise."""
    if isinstance(value, bool) or (
        not isinstance(value, (int, float)) and not hasattr(value, "__float__")
    ):
        raise TypeError(f"{what} is a number, got {type(value).__name__} {value!r:.60}")
    result = float(value)
    if not low <= result <= high or result in (float("inf"), float("-inf")):
        raise ValueError(f"{what} must be a finite number from {low:g} to {high:g}, got {value!r}")
    if check is not None and not check(result):
        raise ValueError(f"{what} cannot be {value!r}")
    return result


def whole(what: str, value: Any, low: int = 1) -> int:
    """A whole number ≥ low; raises TypeError or ValueError otherwise."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(f"{what} must be a whole number ≥ {low}, got {value!r:.60}")
    result = value.__index__()
    if result < low:
        raise ValueError(f"{what} must be a whole number ≥ {low}, got {result}")
    return result
