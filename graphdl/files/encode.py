"""Objects as JSON: a class by its name with its arguments, a function by its name.

Plain values stand for themselves; everything else is an object with one telling key:

    {"tuple": […]}  {"dict": [[key, value], …]}  {"float": "inf"}  {"size": [[["n"], 1]]}
    {"array": base64, "dtype": …, "shape": …}    {"function": name, "of": family}
    {"type": name, "of": family}                 {"class": name, "of": family, "config": {…}}

A family is one of graphdl's ("layers", "losses", …) or "custom". Layers are numbered ("id"), so that
one which is used twice is written once and then referred to: {"shared": id}.
"""

from __future__ import annotations

import base64
import functools
import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphdl.configuration import arguments
from graphdl.core.errors import ModelFileError
from graphdl.core.graph import Node, Variable
from graphdl.core.sizes import Size
from graphdl.core.types import Type
from graphdl.files import known
from graphdl.files.network import encode_inputs, encode_network, is_network
from graphdl.layers.base import Layer


def config_of(value: Any) -> Any:
    """`value` (a layer, an optimizer, …, a plain value) as JSON; `from_config` makes it again."""
    return Encoder().encode(value, type(value).__name__)


class Encoder:
    """Remembers the layers it has met. `what` names a value in errors."""

    def __init__(self) -> None:
        self._ids: dict[Layer, int] = {}

    def encode(self, value: Any, what: str) -> Any:
        """The value as JSON; raises ModelFileError that names what cannot be written."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float, np.number, np.bool_)):
            return _number(value)
        if isinstance(value, Layer):
            return self._layer(value, what)
        for kind, method in self._METHODS:
            if isinstance(value, kind):
                return method(self, value, what)
        return self._function(value, what) if _is_function(value) else self._object(value, what)

    # -------------------------------------------------- plain values

    def _list(self, value: list, what: str) -> Any:
        return [self.encode(v, what) for v in value]

    def _tuple(self, value: tuple, what: str) -> Any:
        return {"tuple": self._list(list(value), what)}

    def _dict(self, value: dict, what: str) -> Any:
        return {"dict": [self._list(list(pair), what) for pair in value.items()]}

    def _array(self, value: np.ndarray, what: str) -> Any:
        if value.dtype.kind not in "fiub":
            raise ModelFileError(f"{what} is an array of {value.dtype}; only numbers are written")
        plain = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        text = base64.b64encode(plain.tobytes()).decode("ascii")
        return {"array": text, "dtype": value.dtype.name, "shape": list(value.shape)}

    def _size(self, value: Size, what: str) -> Any:
        return {"size": [[list(names), k] for names, k in value.terms]}

    def _variable(self, value: Variable, what: str) -> Any:
        """A number that a program may change, such as a learning rate, by its value."""
        if value.storage.ndim:
            raise ModelFileError(f"{what} is the Variable {value.name!r}; weights are no arguments")
        return _number(value.storage[()])

    def _node(self, value: Node, what: str) -> Any:
        raise ModelFileError(f"{what} is an expression of nodes, which is no argument for a file")

    def tensor_type(self, value: Type, what: str) -> Any:
        """A shape and a dtype."""
        return {"shape": self._list(list(value.shape), what), "dtype": value.dtype}

    # -------------------------------------------------- names

    def _dtype(self, value: np.dtype, what: str) -> Any:
        return value.name

    def _type(self, value: type, what: str) -> Any:
        if issubclass(value, np.generic):
            return np.dtype(value).name
        family, name = known.find(value) or ("custom", value.__name__)
        return {"type": name, "of": family}

    def _function(self, value: Any, what: str) -> Any:
        found = known.find(value)
        name = getattr(value, "__name__", None)
        if found is None and not ((str(name).isidentifier() and name) or _is_formula(value)):
            raise ModelFileError(
                f"{what} is {name or value!r:.60}, a function without a name of its own: code is "
                "never written to a file. Define it with `def name(…)`, then open the file with "
                "load_model(path, custom_objects={'name': name})"
            )
        family, name = found or ("custom", name)
        return {"function": name, "of": family}

    # -------------------------------------------------- objects

    def _object(self, value: Any, what: str) -> Any:
        cls = type(value)
        family, name = known.find(cls) or ("custom", cls.__name__)
        if family == "custom" and cls.__module__ == "builtins":
            raise ModelFileError(f"{what} is a {name}, which cannot be written to a file")
        return {"class": name, "of": family, "config": self.config(value)}

    def config(self, value: Any) -> dict[str, Any]:
        """The constructor's arguments as JSON, by `get_config` where the class has it."""
        own = getattr(value, "get_config", None)
        found = own() if own is not None else arguments(value)
        if not isinstance(found, dict) or not all(isinstance(k, str) for k in found):
            raise ModelFileError(
                f"{type(value).__name__}.get_config() must return the constructor's arguments in a "
                f"dict, got {found!r:.60}"
            )
        kind = type(value).__name__
        return {k: self.encode(v, f"the argument {k!r} of {kind}") for k, v in found.items()}

    def _layer(self, value: Layer, what: str) -> Any:
        """A layer with its name (None: counted), and what its weights were made for."""
        if value in self._ids:
            return {"shared": self._ids[value]}
        number = self._ids[value] = len(self._ids)
        if is_network(value):
            made: dict[str, Any] = {"class": type(value).__name__, "of": "models"}
            made["config"] = encode_network(value, self)
        else:
            made = self._object(value, what)
        return made | {
            "id": number,
            "name": value._given_name,
            "dtype": value.dtype,
            "built": self._built(value, what),
            "trainable": [inner.trainable for inner in within(value)],
        }

    def _built(self, layer: Layer, what: str) -> Any:
        """The types of the inputs that its weights were made for; null where they are not made."""
        symbols = getattr(layer, "_symbols", None)
        if symbols:
            return {"inputs": encode_inputs(symbols, self)}
        types = layer.called_on
        if types is None:
            return None
        listed = types if isinstance(types, list) else [types]
        return {
            "called_on": [self.tensor_type(t, what) for t in listed],
            "many": isinstance(types, list),
        }

    _METHODS: tuple[tuple[type, Any], ...] = (
        (list, _list), (tuple, _tuple), (dict, _dict), (np.ndarray, _array), (Size, _size),
        (Variable, _variable), (Node, _node), (np.dtype, _dtype), (type, _type),
    )  # fmt: skip


def within(layer: Layer) -> Iterator[Layer]:
    """The layer itself and all inside it, each before those that it holds."""
    yield layer
    for inner in layer.sublayers:
        yield from within(inner)


def _number(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return {"float": str(plain)}
    return plain


def _is_function(value: Any) -> bool:
    """A function or a method, unlike an object that can be called."""
    return inspect.isroutine(value) or isinstance(value, (functools.partial, np.ufunc))


def _is_formula(value: Any) -> bool:
    return getattr(value, "__module__", "") == "graphdl.ops.formula"
