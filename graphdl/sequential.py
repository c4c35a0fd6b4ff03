"""`Sequential`: layers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node
from graphdl.layers.base import Layer
from graphdl.layers.trace import _trace
from graphdl.model import Model


class Sequential(Model):
    """Layers one after the other. The first item may be gd.layers.Input(shape=…)."""

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers_in_order: list[Layer] = []
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise GraphError(f"Sequential takes a list of layers, got {type(layers).__name__}")
        for item in layers or ():
            self._append(item)
        if self._symbols and self.layers_in_order:
            self._finish()

    def add(self, layer: Any) -> None:
        """Append a layer."""
        self._append(layer)
        if self._symbols and self.layers_in_order:
            self._finish()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Node):
            if self.layers_in_order or self._symbols or layer.op.name != "tensor":
                raise GraphError("Input stands first in a Sequential, once")
            self._symbols = [layer]
            return
        if not isinstance(layer, Layer):
            raise GraphError(f"a Sequential holds layers, got {type(layer).__name__} {layer!r:.60}")
        if layer in self.layers_in_order:
            raise GraphError(f"the layer {layer.name!r} is used twice; make a second one")
        self.layers_in_order.append(layer)
        self._layers.append(layer)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not self.layers_in_order:
            raise GraphError(f"{self.name!r} has no layers; add one before using it")
        trace, number, node = _trace.get(), 0, inputs
        for layer in self.layers_in_order:
            outer = trace.suffix if trace else ""
            if trace is not None and outer:
                number += 1
                trace.suffix = str(number) if outer == "·" else ""
            node = layer(node)
            if trace is not None:
                if trace.suffix and layer is not self.layers_in_order[-1]:
                    node = node.named(f"h{trace.suffix}")
                trace.suffix = outer
        return node
