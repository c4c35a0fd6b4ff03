"""Large products in the simulator: NumPy's, with operands as tensor cores round them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codegen.cuda.blas import Product
from codegen.cuda.dependencies import Touched, behind
from codegen.cuda.interface import Pointer

DROPPED = {"tf32": 13, "bf16": 16}  # of the 23 bits after the point of a float32


@dataclass(frozen=True)
class Multiplication:
    """A product of matrices that lie in the device's memory."""

    product: Product
    places: tuple[Pointer, Pointer, Pointer]  # of a, b and out

    @property
    def touched(self) -> Touched:
        a, b, out = map(behind, self.places)
        return Touched((a, b), (out,))

    def run(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        """On the elements behind the three places; there may be more of them, for a full batch."""
        p, given = self.product, zip((a, b, out), self.product.shapes, strict=True)
        a, b, out = (m[: s[0] * s[1]].reshape(s) for m, s in given)
        a, b = rounded(a, p.arithmetic), rounded(b, p.arithmetic)
        np.matmul(a.T if p.ta else a, b.T if p.tb else b, out=out)


class SimulatedBlas:
    """Stands in for the library: the same calls, no memory of its own."""

    needed = 0

    def prepare(self, product: Product, a: Pointer, b: Pointer, out: Pointer) -> Multiplication:
        return Multiplication(product, (a, b, out))


def rounded(values: np.ndarray, arithmetic: str) -> np.ndarray:
    """To the nearest number of so many bits, of two that are as near the even one."""
    if arithmetic not in DROPPED:
        return values
    drop, bits = np.uint32(DROPPED[arithmetic]), values.view(np.uint32)
    one = np.uint32(1)
    half = (one << (drop - one)) - one + ((bits >> drop) & one)
    near = ((bits + half) >> drop << drop).view(np.float32)
    return np.where(np.isfinite(values), near, values)
