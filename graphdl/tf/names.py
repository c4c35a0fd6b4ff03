"""Names of TensorFlow's for what graphdl has, and what is said where there is none."""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import graphdl as gd
from graphdl.core.errors import SlideWarning
from graphdl.core.graph import Node, Variable, walk
from graphdl.core.interpret import interpret
from graphdl.core.tensor import Tensor, recording
from graphdl.layers.base import _trace
from graphdl.ops.build import constant_op, variable_op


def tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose values at once are tensors (`.numpy()`), those of variables too."""

    @functools.wraps(function)
    def lifted(*args: Any, **kwargs: Any) -> Any:
        return _lift(function(*args, **kwargs))

    lifted.original = function  # type: ignore[attr-defined]
    return lifted


def _lift(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(map(_lift, result))
    if isinstance(result, Node) and not isinstance(result, Variable) and _has_a_value(result):
        return Tensor(interpret([result], {})[0])
    return Tensor(result) if isinstance(result, (np.ndarray, np.generic)) else result


def _has_a_value(node: Node) -> bool:
    """Does it depend on variables alone, outside of a tape and of a layer's `call`?"""
    free = recording.get() is None and _trace.get() is None
    return free and all(n.inputs or n.op in _KNOWN for n in walk([node]))


_KNOWN = (constant_op, variable_op)


def meant(written: str, right: str) -> None:
    """Warn of a slip whose intent is clear."""
    warnings.warn(f"{written}: {right}", SlideWarning, stacklevel=3)


class Names:
    """A namespace such as `tf.nn`: what is stated, then what a module of graphdl has.

    lifted: functions of the module give tensors. slips: name -> (the right name, what to say).
    """

    def __init__(
        self,
        path: str,
        stated: Mapping[str, Any] | None = None,
        module: Any = None,
        lifted: bool = False,
        slips: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._path, self._stated, self._module = path, dict(stated or {}), module
        self._lifted, self._slips = lifted, dict(slips or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._stated:
            return self._stated[name]
        if name in self._slips:
            right, why = self._slips[name]
            meant(f"{self._path}.{name}", why)
            return getattr(self, right)
        if name not in self._offered():
            raise unknown(self._path, name, {n: self._found(n) for n in dir(self)})
        found = self._found(name)
        self._stated[name] = found
        return found

    def _found(self, name: str) -> Any:
        if name in self._stated:
            return self._stated[name]
        found: Any = getattr(self._module, self._slips.get(name, (name, ""))[0], None)
        return found if isinstance(found, type) or not self._lifted else tensors(found)

    def _offered(self) -> list[str]:
        """What the module has of its own, not what it has imported."""
        if self._module is None:
            return []
        home = self._module.__name__
        own = (
            n for n, v in vars(self._module).items()
            if callable(v) and str(getattr(v, "__module__", "")).startswith(home)
        )  # fmt: skip
        names = getattr(self._module, "__all__", own)
        return [n for n in names if not n.startswith("_")]

    def __dir__(self) -> list[str]:
        return sorted({*self._stated, *self._slips, *self._offered()})

    def __repr__(self) -> str:
        return f"<names of {self._path} in graphdl>"


def unknown(path: str, name: str, known: Mapping[str, Any]) -> AttributeError:
    """The error for a name that there is not: the nearest one, and how graphdl writes it."""
    text = f"graphdl.tf has no {path}.{name}"
    if name in gd.__all__:
        return AttributeError(f"{text}; in graphdl it is gd.{name}")
    by_fold = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), by_fold, 1, 0.5)
    if not near:
        return AttributeError(f"{text}; dir({path}) lists what there is")
    nearest = by_fold[near[0]]
    written = _in_graphdl(known[nearest])
    return AttributeError(f"{text}; the nearest is {path}.{nearest}{written}")


def _in_graphdl(value: Any) -> str:
    """How graphdl itself writes what a name stands for."""
    value = getattr(value, "original", value)
    if isinstance(value, Names):
        return f" (in graphdl: {value._path.replace('tf.keras', 'gd')})" if value._module else ""
    places = {"gd": gd} | {f"gd.{n}": getattr(gd, n) for n in _MODULES}
    for place, module in places.items():
        for name, found in vars(module).items():
            if found is value and not name.startswith("_"):
                return f" (in graphdl: {place}.{name})"
    name = getattr(value, "__name__", "")
    return f" (in graphdl: gd.{name})" if name in gd.__all__ else ""


_MODULES = (
    "activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics",
    "optimizers", "random", "regularizers",
)  # fmt: skip
