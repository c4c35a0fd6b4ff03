"""Layers: `Layer` to subclass, and those of Keras that dense networks use."""

from graphdl.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from graphdl.layers.base import Layer
from graphdl.layers.core import Activation, Dense, Identity, Input
from graphdl.layers.embedding import Embedding
from graphdl.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from graphdl.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from graphdl.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
)
from graphdl.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from graphdl.layers.scaling import Normalization, Rescaling

__all__ = [
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
    "BatchNormalization", "Concatenate", "Dense", "Dot", "Dropout", "ELU", "Embedding", "Flatten",
    "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "Input", "Layer",
    "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU",
    "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Softmax",
    "SpatialDropout1D", "Subtract", "UnitNormalization",
]  # fmt: skip
