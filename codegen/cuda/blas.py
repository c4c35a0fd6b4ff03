"""Products that are large enough for a library, and what it is told of them.

Our own kernels take the number of rows from the clock, and any size; a library is told all extents
when a launch is packed. So it is then, at known sizes, that a product goes one way or the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from codegen import ir, memory
from codegen.cuda.products import extents

if TYPE_CHECKING:
    from codegen.cuda.emit import Call

LARGE = 1024  # what an extent that is not known yet is taken for


class Least(NamedTuple):
    """From where on the library pays: rows, columns and terms each, and their product."""

    extent: int
    work: int


# Estimates, which no GPU has confirmed: our kernels have no tensor cores, and are near the library's
# where these do not help. An epilogue, which saves a matrix read and written, is lost.
LEAST = {
    "float32": Least(256, LARGE**3),
    "float64": Least(256, LARGE**3),
    "tf32": Least(128, 128**3),
    "bf16": Least(128, 128**3),
}


@dataclass(frozen=True)
class Product:
    """out (rows × columns) = a·b over so many terms, row by row in memory; a, b may lie transposed.

    arithmetic: "float32" and "float64" are exact up to the order of the sums; "tf32" and "bf16" round
    the float32 numbers of a and b to 10 and 7 bits after the point, and add up in float32.
    """

    rows: int
    columns: int
    terms: int
    ta: bool
    tb: bool
    arithmetic: str

    @property
    def dtype(self) -> str:
        return "float64" if self.arithmetic == "float64" else "float32"

    @property
    def shapes(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """a, b and out as they lie in memory."""
        a = (self.terms, self.rows) if self.ta else (self.rows, self.terms)
        b = (self.columns, self.terms) if self.tb else (self.terms, self.columns)
        return a, b, (self.rows, self.columns)

    def __str__(self) -> str:
        return f"a product of {self.rows} × {self.terms} by {self.terms} × {self.columns}"


def may_pay(item: ir.MatMul, precision: str, least: Mapping[str, Least] = LEAST) -> bool:
    """May it, as far as is known before there are sizes?"""
    sides = [int(e.value) if isinstance(e, ir.Const) else LARGE for e in extents(item)]
    arithmetic = _arithmetic(item, precision)
    return arithmetic in least and _is_enough(sides, least[arithmetic])


def product_of(call: Call, sizes: Mapping[str, int], precision: str) -> Product | None:
    """What a call multiplies at these sizes; None if it is no product of floats."""
    item = call.kernel.product
    if item is None or not item.out.dtype.startswith("float"):
        return None
    known = {**sizes, **call.sizes}
    rows, columns, terms = (memory.value(e, known) for e in extents(item))
    return Product(rows, columns, terms, item.ta, item.tb, _arithmetic(item, precision))


def _arithmetic(item: ir.MatMul, precision: str) -> str:
    return precision if item.out.dtype == "float32" else item.out.dtype


def operands(call: Call) -> tuple[ir.Buffer, ir.Buffer, ir.Buffer]:
    """a, b and out of a call that is a product: in a repeat those of its row."""
    item = call.kernel.product
    assert item is not None
    stands_for = dict(zip(call.kernel.buffers, call.buffers, strict=True))
    return stands_for[item.a], stands_for[item.b], stands_for[item.out]


def pays(product: Product, least: Mapping[str, Least] = LEAST) -> bool:
    """Is the library faster than our own kernel?"""
    sides = product.rows, product.columns, product.terms
    return _is_enough(sides, least[product.arithmetic])


def _is_enough(sides: Sequence[int], least: Least) -> bool:
    return min(sides) >= least.extent and math.prod(sides) >= least.work
