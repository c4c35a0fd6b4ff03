"""Optimizers: each is its update equations, written as nodes and compiled into the step."""

from __future__ import annotations

from typing import Any

from graphdl.optimizers import schedules
from graphdl.optimizers.adam import Adam, Adamax, AdamW, Nadam
from graphdl.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from graphdl.optimizers.base import Optimizer
from graphdl.optimizers.momentum import SGD, Lion
from graphdl.registry import lookup

RMSProp = RMSprop  # as the paper spells it

KNOWN = {
    "sgd": SGD, "adam": Adam, "adamw": AdamW, "adamax": Adamax, "nadam": Nadam,
    "adadelta": Adadelta, "adagrad": Adagrad, "rmsprop": RMSprop, "ftrl": Ftrl, "lion": Lion,
}  # fmt: skip

__all__ = [
    "KNOWN", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam",
    "Optimizer", "RMSProp", "RMSprop", "get", "schedules",
]  # fmt: skip


def get(optimizer: Any) -> Optimizer:
    """An optimizer from its name or its class."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer()  # type: ignore[call-arg]
    return lookup("optimizer", optimizer, KNOWN)()
