"""Matrix products of few rows or columns, where a tile would leave most lanes of its registers empty.

a·bᵀ, and a·b once b is laid across, are scalar products of rows: the lanes are k's, some rows of a and
some of b share what they load, and each sum adds its lanes up at the end. The sum of an element does
not depend on which others are formed beside it. aᵀ·b is formed as (bᵀ·a)ᵀ, whose rows are long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llvmlite import ir

from codegen.layouts import Layouts
from codegen.vectors import BIT, INT, Machine

FUSED = ("contract",)  # a·b + c may be rounded once; nothing else is re-arranged
LONG = 1024  # rows of b, or columns of a, that are laid out at a time


class NarrowProducts(Layouts):
    """Their functions, for one float type."""

    sweep: Any  # the function that makes a product from tiles

    def __init__(self, module: ir.Module, bits: int, machine: Machine) -> None:
        super().__init__(module, bits, machine)
        self.narrow = self.lanes // 4  # columns that are few

    def rows_of_a(self, scalar_products: Any) -> Any:
        """a·b of few columns, as scalar products: b is laid across if it is more than one column."""
        p, n_ = self.pointer, INT
        with self.function("rows_of_a", p, n_, p, p, *[n_] * 4) as made:
            a, a_row, b, out, width, m, n, depth = made.args
            build, across = self.builder, self.room(self.narrow * LONG + self.lanes)
            with self.either(build.icmp_signed("==", width, INT(1))) as (single, several):
                with single:
                    build.call(
                        scalar_products, [a, a_row, b, depth, out, width, m, n, depth, BIT(0)]
                    )
                with several, self.loop(INT(0), depth, LONG) as (k, _):
                    deep = self.least(INT(LONG), build.sub(depth, k))
                    with self.squares(self.at(b, build.mul(k, width)), width, deep, n) as square:
                        for c, column in enumerate(square[2][: self.narrow]):
                            self.store(column, self.at(across, square[0], INT(c * LONG)))
                    build.call(
                        scalar_products,
                        [self.at(a, k), a_row, across, INT(LONG), out, width, m, n, deep,
                         build.icmp_signed(">", k, INT(0))],
                    )  # fmt: skip
        return made

    def columns_of_a(self) -> Any:
        """aᵀ·b of few columns as (bᵀ·a)ᵀ: the same sums."""
        p, n_ = self.pointer, INT
        with self.function("columns_of_a", p, n_, p, p, *[n_] * 4) as made:
            a, a_row, b, out, width, m, n, depth = made.args
            build, across = self.builder, self.room(self.narrow * LONG + self.lanes)
            b_across = self.as_it_lies(b, INT(1), width)
            with self.either(build.icmp_signed("==", width, INT(1))) as (single, several):
                with single:
                    build.call(
                        self.sweep, [*b_across, a, a_row, out, m, n, m, depth, BIT(0)]
                    )  # fmt: skip
                with several, self.loop(INT(0), m, LONG) as (i, _):
                    count = self.least(INT(LONG), build.sub(m, i))
                    build.call(
                        self.sweep,
                        [*b_across, self.at(a, i), a_row, across, INT(LONG), n, count, depth, BIT(0)],
                    )  # fmt: skip
                    self._put_across(across, self.at(out, build.mul(i, width)), width, n, count)
        return made

    def _put_across(self, source: Any, out: Any, out_row: Any, rows: Any, columns: Any) -> None:
        """out[k, i] = source[i, k], the rows of out shorter than a register."""
        build = self.builder
        with self.squares(source, INT(LONG), rows, columns) as (_, k, square):
            for c, column in enumerate(square):
                at = build.add(k, INT(c))
                there = build.icmp_signed("<", at, columns)
                mask = self.first(build.select(there, rows, INT(0)))
                self.store(column, self.at(out, build.mul(at, out_row)), mask)

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

    def _in_groups(self, count: Any, sizes: Sequence[int]) -> Iterator[tuple[Any, int]]:
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
