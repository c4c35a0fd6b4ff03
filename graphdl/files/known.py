"""The classes and functions that a file may name: those of graphdl's own families, nothing else.

Nothing is imported by a name from a file. Whatever else a model is made of, its user passes as
`custom_objects`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from graphdl import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from graphdl.ops import activations as ops_activations
from graphdl.ops import arithmetic, functions, reduce

FAMILIES: dict[str, ModuleType] = {
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "initializers": initializers,
    "regularizers": regularizers,
    "constraints": constraints,
    "schedules": schedules,
    "activations": activations,
}
_OPERATIONS = (functions, ops_activations, arithmetic, reduce)


@functools.cache
def by_name(family: str) -> dict[str, Any]:
    """What a family holds, by name: its classes by their own, its functions as they are called."""
    if family == "operations":
        return {n: v for m in _OPERATIONS for n, v in _own_functions(m, "graphdl.ops")}
    module = FAMILIES[family]
    known = getattr(module, "KNOWN", {})
    own = [v for v in vars(module).values() if isinstance(v, type) and _is_of(v, module.__name__)]
    classes = {v.__name__: v for v in [*known.values(), *own] if isinstance(v, type)}
    named = {n: v for n, v in known.items() if not isinstance(v, type)}
    return classes | named | dict(_own_functions(module))


def _own_functions(module: ModuleType, home: str | None = None) -> Iterator[tuple[str, Any]]:
    """The public functions of nodes (or of numbers) that the module declares."""
    for name, value in vars(module).items():
        public = callable(value) and hasattr(value, "__wrapped__") and not name.startswith("_")
        if public and not isinstance(value, type) and _is_of(value, home or module.__name__):
            yield name, value


def _is_of(value: Any, home: str) -> bool:
    return f"{value.__module__}.".startswith(f"{home}.")


@functools.cache
def _names() -> dict[int, tuple[str, str]]:
    """The family and name of each known object, by identity; a first name counts."""
    found: dict[int, tuple[str, str]] = {}
    for family in (*FAMILIES, "operations"):
        for name, value in by_name(family).items():
            found.setdefault(id(value), (family, name))
    return found


def find(value: Any) -> tuple[str, str] | None:
    """(family, name) of a class or function of graphdl, None for any other."""
    return _names().get(id(value))
