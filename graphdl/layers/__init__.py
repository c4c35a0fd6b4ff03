"""Layers: `Layer` to subclass, and the ones every network needs."""

from graphdl.layers.base import Layer
from graphdl.layers.core import Activation, Dense, Flatten, Input

__all__ = ["Activation", "Dense", "Flatten", "Input", "Layer"]
