"""Losses of distributions and counts: the Kullback–Leibler divergence, Poisson's likelihood."""

from __future__ import annotations

from typing import Any

from graphdl.core.graph import Node
from graphdl.losses.base import Plain, same_form
from graphdl.losses.targets import NOT_NEGATIVE, PROBABILITIES
from graphdl.ops.arithmetic import clip, log
from graphdl.ops.build import like, public
from graphdl.ops.entropy import EPSILON
from graphdl.ops.reduce import mean
from graphdl.ops.reduce import sum as sum_
from graphdl.ops.surprisal import surprisal


@public
def kl_divergence(y_true: Any, y_pred: Any) -> Node:
    """Σ y·log(y/ŷ) over the last axis, both clipped to [ε, 1], ε = 1e-7."""
    y, p = same_form(y_true, y_pred)
    y = clip(y, like(y, EPSILON), like(y, 1.0))
    return sum_(y * (log(y) + surprisal(p)), -1)


@public
def poisson(y_true: Any, y_pred: Any) -> Node:
    """The mean over the last axis of ŷ − y·log(ŷ + ε), ε = 1e-7; ŷ is a rate, 0 or more."""
    y, p = same_form(y_true, y_pred)
    return mean(p - y * log(p + like(p, EPSILON)), -1)


class KLDivergence(Plain):
    """Σ y·log(y/ŷ)"""

    domain = PROBABILITIES

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return kl_divergence(y_true, y_pred)


class Poisson(Plain):
    """The mean of ŷ − y·log ŷ."""

    domain = NOT_NEGATIVE

    def call(self, y_true: Any, y_pred: Any) -> Node:
        return poisson(y_true, y_pred)
