"""The numbers of a model by their names in a file, and what must hold before they are taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdl.core.errors import ModelFileError
from graphdl.core.graph import Variable

PREFIX = "optimizer/"


def weights_of(model: Any) -> dict[str, Variable]:
    """The weights by name: "dense/kernel", …"""
    return _once([(w.name, w) for w in model.weights])


def optimizer_state(model: Any) -> dict[str, Variable]:
    """Every variable of the optimizer: "optimizer/iterations", "optimizer/m/dense/kernel", …"""
    optimizer = model.optimizer
    if optimizer is None:
        return {}
    slots = {id(v) for of_one in optimizer.slots.values() for v in of_one.values()}
    found = [(f"{PREFIX}{v.name}", v) for v in optimizer.variables if id(v) not in slots]
    for weight in model.weights:
        for slot, variable in optimizer.slots.get(weight, {}).items():
            found.append((f"{PREFIX}{slot}/{weight.name}", variable))
    return _once(found)


def state_of(model: Any) -> dict[str, Variable]:
    """Weights and optimizer state together."""
    return _once([*weights_of(model).items(), *optimizer_state(model).items()])


def _once(pairs: list[tuple[str, Variable]]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for name, variable in pairs:
        if name in found:
            raise ModelFileError(
                f"two arrays of the model are called {name!r}, and a file holds one of each name; "
                "rename one (add_weight(…, name=…), or the layer)"
            )
        found[name] = variable
    return found


def check(entries: Mapping[str, Any], variables: Mapping[str, Variable], what: str) -> None:
    """Refuse names, shapes or dtypes that differ; `entries` have `shape` and `dtype`."""
    missing = [n for n in variables if n not in entries]
    unexpected = [n for n in entries if n not in variables]
    words = [("it lacks", missing), ("it also has", unexpected)]
    problems = [f"{word} {_listed(names)}" for word, names in words if names]
    for name in [n for n in variables if n in entries]:
        held, wanted = entries[name], variables[name]
        if held.shape != wanted.storage.shape or held.dtype != np.dtype(wanted.dtype):
            problems.append(
                f"{name!r} is {held.dtype.name} of shape {held.shape}, the model has "
                f"{wanted.dtype} of shape {wanted.storage.shape}"
            )
    if problems:
        raise ModelFileError(f"{what} does not fit the model: {'; '.join(problems[:6])}")


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(n) for n in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def assign(arrays: Mapping[str, np.ndarray], variables: Mapping[str, Variable]) -> None:
    """Take over the arrays, which were checked."""
    for name, array in arrays.items():
        variables[name].storage[...] = array
