"""The products of a program that a library does, once their sizes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from codegen import ir
from codegen.cuda.blas import Product, may_pay, operands, pays, product_of
from codegen.cuda.current import blas
from codegen.cuda.emit import Call
from codegen.cuda.interface import Blas, Device, Pointer


class LargeProducts:
    """Says for each call of a program whether the library does it, and then prepares it."""

    def __init__(self, device: Device, precision: str) -> None:
        self.precision, self._device = precision, device

    @cached_property
    def _blas(self) -> Blas | None:
        return blas(self._device)

    def is_ours(self, item: ir.MatMul) -> bool:
        """Is it our own kernel's at any size?"""
        return not may_pay(item, self.precision) or self._blas is None

    def of(self, call: Call, sizes: Mapping[str, int]) -> Product | None:
        """The product that this call is, if the library does it."""
        product = product_of(call, sizes, self.precision)
        return product if product and pays(product) and self._blas else None

    def are_in(self, calls: Sequence[Call], sizes: Mapping[str, int]) -> bool:
        return any(self.of(c, sizes) for c in calls)

    def workspace(self, calls: Sequence[Call], sizes: Mapping[str, int]) -> int:
        """Bytes that the library still has to take for itself."""
        return self._blas.needed if self.are_in(calls, sizes) and self._blas else 0

    def prepare(
        self, call: Call, sizes: Mapping[str, int], pointers: Mapping[ir.Buffer, Pointer]
    ) -> Any | None:
        """The call as a launch of the library; None where our own kernel does it."""
        product = self.of(call, sizes)
        if product is None or self._blas is None:
            return None
        return self._blas.prepare(product, *(pointers[b] for b in operands(call)))

    def report(self, calls: Sequence[Call], sizes: Mapping[str, int]) -> str:
        """The precision of products, and how many the library does at these sizes."""
        number = sum(self.of(c, sizes) is not None for c in calls)
        return f"matmul_precision {self.precision}, {number} products by the library"
