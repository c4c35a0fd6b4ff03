"""Objects from JSON: what `encode` wrote, made again by calling constructors.

Only the classes and functions of graphdl's families are found by name, and what the user passes as
custom objects. Nothing is imported, nothing evaluated.
"""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphdl.core.errors import ModelFileError
from graphdl.core.graph import rename
from graphdl.core.sizes import Size
from graphdl.core.types import FLOATS, dtype_name, floatx, set_floatx
from graphdl.files import known
from graphdl.files.encode import within
from graphdl.files.networks import build, decode_network
from graphdl.layers.base import Layer

FLOAT_WORDS = ("inf", "-inf", "nan")


def from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that `config_of` described; custom_objects: your own classes by their names."""
    return Decoder(custom_objects).decode(config)


class Decoder:
    """Remembers the layers it has made."""

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        if custom_objects is not None and not isinstance(custom_objects, Mapping):
            raise TypeError(
                "custom_objects maps names to your classes and functions, such as "
                f"{{'MyLayer': MyLayer}}; got {custom_objects!r:.60}"
            )
        self.custom = dict(custom_objects or {})
        self._layers: dict[int, Layer] = {}

    def decode(self, value: Any) -> Any:
        """The value that the JSON stands for; raises ModelFileError on what is none."""
        if isinstance(value, list):
            return [self.decode(v) for v in value]
        if not isinstance(value, dict):
            return value
        for key, method in self._METHODS.items():
            if key in value:
                return method(self, value)
        raise ModelFileError(f"a value with the keys {', '.join(value)!r:.60} is not known")

    # -------------------------------------------------- plain values

    def _tuple(self, value: dict) -> tuple:
        return tuple(self.decode(v) for v in value["tuple"])

    def _dict(self, value: dict) -> dict:
        return {self.decode(k): self.decode(v) for k, v in value["dict"]}

    def _float(self, value: dict) -> float:
        if value["float"] not in FLOAT_WORDS:
            raise ModelFileError(f"a number called {value['float']!r:.60} is not known")
        return float(value["float"])

    def _array(self, value: dict) -> np.ndarray:
        dtype = np.dtype(dtype_name(value["dtype"])).newbyteorder("<")
        data = base64.b64decode(value["array"], validate=True)
        if math.prod(value["shape"]) * dtype.itemsize != len(data):
            raise ModelFileError(f"an array of shape {value['shape']} has {len(data)} bytes")
        return np.frombuffer(data, dtype).reshape(value["shape"]).astype(value["dtype"])

    def _size(self, value: dict) -> Size:
        terms = tuple((tuple(map(str, names)), int(k)) for names, k in value["size"])
        return Size(terms)

    # -------------------------------------------------- names

    def named(self, value: dict, key: str) -> Any:
        """The class or function that a value names."""
        name, family = value[key], value.get("of")
        if not isinstance(name, str) or not isinstance(family, str):
            raise ModelFileError(f"{name!r:.60} in {family!r:.60} is no name of a {key}")
        if family == "custom":
            return self._custom(name, key)
        if family not in (*known.FAMILIES, "operations") or name not in known.by_name(family):
            raise ModelFileError(
                f"graphdl has no {name!r:.60} in {family!r:.60}; perhaps the file was written by a "
                "newer version: upgrade graphdl"
            )
        return known.by_name(family)[name]

    def _custom(self, name: str, key: str) -> Any:
        if name not in self.custom:
            word = "function" if key == "function" else "class"
            raise ModelFileError(
                f"the file needs your own {word} {name!r:.60}, which is not part of graphdl. Pass it: "
                f"custom_objects={{{name!r:.60}: …}}"
            )
        found = self.custom[name]
        if not callable(found) or (key != "function") != isinstance(found, type):
            raise TypeError(f"custom_objects[{name!r}] is {found!r:.60}, expected a {key}")
        return found

    def _type(self, value: dict) -> type:
        return self.named(value, "type")

    def _function(self, value: dict) -> Any:
        found = self.named(value, "function")
        if isinstance(found, type):
            raise ModelFileError(f"{value['function']!r} is a class, not a function")
        return found

    # -------------------------------------------------- objects

    def _object(self, value: dict) -> Any:
        if "id" in value:
            return self._layer(value)
        return self._made(self.named(value, "class"), value)

    def _made(self, cls: Any, value: dict) -> Any:
        config = {k: self.decode(v) for k, v in value["config"].items()}
        if not isinstance(cls, type):
            raise ModelFileError(f"{value['class']!r} is a function, not a class")
        make = getattr(cls, "from_config", None)
        return make(config) if make is not None else cls(**config)

    def _layer(self, value: dict) -> Layer:
        """A layer under its name, with its weights made where they were."""
        with floats_of(value["dtype"]):
            if value["of"] == "models":
                layer = decode_network(value["class"], value["config"], self)
            else:
                layer = self._made(self.named(value, "class"), value)
        if not isinstance(layer, Layer):
            raise ModelFileError(f"{value['class']!r} is not a layer")
        if value["id"] in self._layers:
            raise ModelFileError(f"two layers have the number {value['id']}")
        self._layers[value["id"]] = layer
        _give_name(layer, value["name"])
        if value["built"] is not None:
            build(layer, value["built"], self)
        for inner, trainable in zip(within(layer), value["trainable"], strict=True):
            inner.trainable = bool(trainable)
        return layer

    def _shared(self, value: dict) -> Layer:
        if value["shared"] not in self._layers:
            raise ModelFileError(f"no layer has the number {value['shared']!r:.60}")
        return self._layers[value["shared"]]

    _METHODS = {  # noqa: RUF012
        "tuple": _tuple, "dict": _dict, "float": _float, "array": _array, "size": _size,
        "function": _function, "type": _type, "class": _object, "shared": _shared,
    }  # fmt: skip


def _give_name(layer: Layer, name: str | None) -> None:
    """The name that the user gave, or none: then it is counted again within the model."""
    if name is not None and (not isinstance(name, str) or not name):
        raise ModelFileError(f"a layer is called {name!r:.60}")
    layer._given_name = name
    if name is not None:
        layer.name = name
    for weight in layer._weights:
        rename(weight, f"{layer.name}/{weight.name.rpartition('/')[2]}")


@contextlib.contextmanager
def floats_of(dtype: str) -> Iterator[None]:
    """Numbers without a dtype are of this one inside, as they were when the model was made."""
    before = floatx()
    if dtype in FLOATS:
        set_floatx(dtype)
    try:
        yield
    finally:
        set_floatx(before)
