"""Matrix products whose elements are each the scalar product of two rows: those of few rows or columns.

    out[i, j] = Σₖ a[i, k] · b[j, k]

A tile would leave most lanes of its registers empty where out is narrow. Here the lanes are k's: some
rows of a × some rows of b share what they load, and each sum adds its lanes up at the end. The sum of
an element does not depend on which others are formed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from codegen.vectors import BIT, INT, Writer

FUSED = ("contract",)  # a·b + c may be rounded once; nothing else is re-arranged


class ScalarProducts(Writer):
    """The function of scalar products, for one float type."""

    def scalar_products(self) -> Any:
        """(a, a_row, b, b_row, out, out_row, m, n, depth, add); `add`: onto what `out` holds."""
        p, n_ = self.element.as_pointer(), INT
        several = 4 if self.machine.registers >= 32 else 2
        kinds = (p, n_, p, n_, p, n_, n_, n_, n_, BIT)
        with self.function("scalar_products", *kinds) as made:
            a, a_row, b, b_row, out, out_row, m, n, depth, add = made.args
            for j, columns in self._in_groups(n, (4, 1)):
                for i, rows in self._in_groups(m, (several, 1)):
                    left, right = self._rows(a, a_row, i, rows), self._rows(b, b_row, j, columns)
                    place = self.at(out, self.builder.mul(i, out_row), j)
                    self._rectangle(left, right, place, out_row, depth, add)
        return made

    def _in_groups(self, count: Any, sizes: Sequence[int]) -> Any:
        """Loops over 0 … count, so many at a time: (the first, how many)."""
        done = INT(0)
        for size in sizes:
            stop = self.whole(count, size)
            with self.loop(done, stop, size) as (first, _):
                yield first, size
            done = stop

    def _rows(self, start: Any, distance: Any, first: Any, count: int) -> list[Any]:
        """Where `count` rows start."""
        build = self.builder
        return [self.at(start, build.mul(build.add(first, INT(r)), distance)) for r in range(count)]

    def _rectangle(
        self, left: list[Any], right: list[Any], place: Any, row: Any, depth: Any, add: Any
    ) -> None:
        """Every row of the left with every row of the right."""
        build, zero = self.builder, ir.Constant(self.vector, None)
        stop, sums = self.whole(depth, self.lanes), [zero] * (len(left) * len(right))
        for start, end, cut in ((INT(0), stop, False), (stop, depth, True)):
            with self.loop(start, end, self.lanes, carry=sums) as (k, totals):
                mask = self.first(build.sub(depth, k)) if cut else None
                others = [self.load(self.at(other, k), mask) for other in right]
                for i, mine in enumerate(self.load(self.at(one, k), mask) for one in left):
                    for j, other in enumerate(others, i * len(right)):
                        product = build.fmul(mine, other, flags=FUSED)
                        totals[j] = build.fadd(totals[j], product, flags=FUSED)
            sums = totals
        for i in range(len(left)):
            for j in range(len(right)):
                element = self.at(place, build.mul(row, INT(i)), INT(j))
                self._keep(self.total(sums[i * len(right) + j]), element, add)

    def _keep(self, total: Any, place: Any, add: Any) -> None:
        """total, or place + total, stored"""
        before = self.builder.select(add, self.scalar(place), ir.Constant(self.element, 0.0))
        self.builder.store(self.builder.fadd(before, total), place).align = self.bytes
