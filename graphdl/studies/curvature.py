"""The curvature of J: its Hessian's eigenvalues, and the largest step that gradient descent bears.

On J = ½ wᵀHw a step of rate η multiplies the part of w along an eigenvector by 1 − ηλ; it shrinks
exactly where |1 − ηλ| < 1. So gradient descent is stable for η < 2/λmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdl.core.graph import Node
from graphdl.differentiate.forward import hvp
from graphdl.ops.build import tensor
from graphdl.studies import picture
from graphdl.studies.objective import Objective, objective

EXACT = 400  # weights: up to here every column of the Hessian is computed


@dataclass(frozen=True)
class Curvature:
    """`eigenvalues` of the Hessian in rising order: all of them, or (`exact` False) the largest."""

    eigenvalues: np.ndarray
    hessian: np.ndarray | None

    @property
    def exact(self) -> bool:
        return self.hessian is not None

    @property
    def largest(self) -> float:
        """λmax"""
        return float(self.eigenvalues[-1])

    @property
    def limit(self) -> float:
        """2/λmax, the rate above which gradient descent runs away; infinite where J does not curve."""
        return 2 / self.largest if self.largest > 0 else float("inf")

    def __str__(self) -> str:
        how = "exact Hessian" if self.exact else "Lanczos on Hessian-vector products"
        return f"λmax = {self.largest:.6g}, so 2/λmax = {self.limit:.6g} ({how})"

    def plot(self, ax: Any = None) -> Any:
        """The eigenvalues from the largest to the smallest; those below 0 are squares."""
        ax = picture.axes(ax)
        place, values = np.arange(1, len(self.eigenvalues) + 1), self.eigenvalues[::-1]
        for k, (rows, name) in enumerate(((values >= 0, "upward"), (values < 0, "downward"))):
            if rows.any():
                style = {"color": picture.COLOURS[k], "marker": picture.MARKERS[k]}
                ax.plot(place[rows], values[rows], linestyle="", label=name, **style)
        largest = float(np.abs(values).max())
        ax.set_yscale("symlog", linthresh=max(1e-2 * largest, 1e-12))
        return picture.finish(ax, "eigenvalue number", "curvature λ", f"2/λmax = {self.limit:.4g}")


def curvature(
    subject: Any, x: Any = None, y: Any = None, *, wrt: Any = None,
    data: Mapping[Node, Any] | None = None, target: str | None = None,
) -> Curvature:  # fmt: skip
    """Eigenvalues of the Hessian of a model's loss on (x, y), or of a scalar node, as it stands.

    One compiled Hessian-vector product gives its columns, one a weight; above 400 weights the
    largest eigenvalue alone is found, by Lanczos iteration on the same product.
    """
    return curvature_of(objective(subject, x, y, wrt=wrt, data=data, target=target))


def curvature_of(j: Objective) -> Curvature:
    product = hessian_product(j)
    if j.size > EXACT:
        return Curvature(_lanczos(product, j.size), None)
    h = np.stack([product(e) for e in np.eye(j.size)])
    h = (h + h.T) / 2  # equal but for rounding
    return Curvature(np.linalg.eigvalsh(h), h)


def hessian_product(j: Objective) -> Any:
    """v ↦ H·v, compiled; v lists the elements of all weights one after the other."""
    directions = [tensor(f"v{k}", w.storage.shape, w.dtype) for k, w in enumerate(j.weights)]
    run = j.compile(directions, hvp(j.loss, list(j.weights), directions))

    def product(v: np.ndarray) -> np.ndarray:
        found = run(*split(np.asarray(v, np.float64), j))
        return np.concatenate([np.ravel(a) for a in found]).astype(np.float64)

    return product


def split(flat: np.ndarray, j: Objective) -> list[np.ndarray]:
    """A flat vector as one array for each weight."""
    ends = np.cumsum([w.storage.size for w in j.weights])[:-1]
    return [
        part.reshape(w.storage.shape)
        for part, w in zip(np.split(flat, ends), j.weights, strict=True)
    ]


def _lanczos(product: Any, size: int) -> np.ndarray:
    """The largest eigenvalue of H, from the products v ↦ H·v.

    Of T = Q·H·Qᵀ, where the rows of Q are an orthonormal basis of v, H·v, H²·v, …: T has three
    diagonals, and the basis grows until the eigenvalue's residual is below its millionth part.
    """
    start = np.random.default_rng(0).normal(size=size)  # the same in every run
    q = (start / np.linalg.norm(start))[np.newaxis]
    t = np.zeros((1, 1))
    while True:
        new = product(q[-1])
        t[-1, -1] = q[-1] @ new
        for _ in range(2):  # once would leave what rounding adds
            new = new - (q @ new) @ q
        values, vectors = np.linalg.eigh(t)
        rest = np.linalg.norm(new)
        if rest * abs(vectors[-1, -1]) <= 1e-6 * np.abs(values).max() or len(q) == size:
            return values[-1:]
        t = np.pad(t, (0, 1))
        t[-1, -2] = t[-2, -1] = rest
        q = np.vstack([q, new / rest])
