"""Formulas of SymPy as operations: the one place that talks to SymPy. Loaded at first need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def elementwise(name: str, formula: Callable[..., Any]) -> Callable[..., Any]:
    raise NotImplementedError
