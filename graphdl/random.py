"""Random nodes: new draws at every step, the same for the same seed."""

from graphdl.ops.random import bernoulli, normal, uniform

__all__ = ["bernoulli", "normal", "uniform"]
