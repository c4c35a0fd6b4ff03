"""Matrices laid out anew on the stack, as tiles read them: stripes of a, panels of b.

A panel is DEPTH rows of b, two registers wide; a stripe as many rows of a as the highest tile has, its
columns one after the other. Rows far apart share the sets of a cache and drive each other out; in a
stripe a tile reads on and on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from llvmlite import ir

from codegen.vectors import INT, Machine, Writer

DEPTH = 256  # rows of a panel: 32 KiB with two wide registers in a row, which the first cache holds
BLOCK = 512 * 1024  # bytes of a that are laid out in stripes at a time: half of the second cache


class Operand(NamedTuple):
    """A matrix: where it starts, and the distances between its rows and between its columns."""

    start: Any
    row: Any
    column: Any = INT(1)


class Stripes(NamedTuple):
    """A matrix in stripes as high as the highest tile, and how far they, rows and columns lie apart."""

    start: Any
    stripe: Any
    row: Any
    column: Any


class Layouts(Writer):
    """The functions that lay a matrix out, for the elements of one float type."""

    def __init__(self, module: ir.Module, bits: int, machine: Machine) -> None:
        super().__init__(module, bits, machine)
        # the sums of a tile, a row of b and an element of a must fit into the registers
        self.heights = (8, 4, 2, 1) if machine.registers >= 32 else (4, 2, 1)
        self.width = 2 * self.lanes  # of a panel
        self.pointer = self.element.as_pointer()
        self.tall = BLOCK // (DEPTH * self.bytes)  # rows of a block of stripes

    # -------------------------------------------------- stripes of a

    def as_it_lies(self, start: Any, row: Any, column: Any) -> Stripes:
        """A matrix as it lies."""
        return Stripes(start, self.builder.mul(row, INT(self.heights[0])), row, column)

    def block(self) -> Stripes:
        """Room for a block of stripes, each off the cache's sets that the one before lies in."""
        high = self.heights[0]
        stripe = high * DEPTH + self.machine.register // self.bytes
        return Stripes(self.room(self.tall // high * stripe), INT(stripe), INT(1), INT(high))

    def row_of(self, stripes: Stripes, row: Any) -> Any:
        """Where a row begins."""
        build, high = self.builder, INT(self.heights[0])
        inside = build.mul(build.urem(row, high), stripes.row)
        return self.at(stripes.start, build.mul(build.udiv(row, high), stripes.stripe), inside)

    def lay_stripes(self, a: Any, a_row: Any, block: Stripes, tall: Any, deep: Any) -> None:
        """block[i, k] = a[k, i], pieces of rows that are a stripe's columns."""
        build, high = self.builder, self.heights[0]
        stop = self.whole(tall, high)
        with self.loop(INT(0), deep) as (k, _):
            row, column = self.at(a, build.mul(k, a_row)), build.mul(k, block.column)
            with self.loop(INT(0), stop, high) as (i, _):
                self.store(
                    self.load(self.at(row, i), lanes=high), self.at(self.row_of(block, i), column)
                )
            with self.loop(stop, tall) as (i, _):
                place = self.at(self.row_of(block, i), column)
                build.store(self.scalar(self.at(row, i)), place).align = self.bytes

    def lay_stripes_across(self, a: Any, a_row: Any, block: Stripes, tall: Any, deep: Any) -> None:
        """block[i, k] = a[i, k], a square of registers at a time, whose columns become pieces."""
        build, piece = self.builder, min(self.heights[0], self.lanes)
        with self.squares(a, a_row, tall, deep) as (i, k, square):
            for c, column in enumerate(square):
                at = build.mul(build.add(k, INT(c)), block.column)
                for p in range(0, self.lanes, piece):
                    place = self.at(self.row_of(block, build.add(i, INT(p))), at)
                    self.store(self.part(column, p, piece), place)

    # -------------------------------------------------- panels of b

    def lay_along(self, b: Any, b_row: Any, panel: Any, deep: Any, count: Any) -> None:
        """panel[k, j] = b[k, j]"""
        stop = self.whole(count, self.lanes)
        with self.loop(INT(0), deep) as (k, _):
            source = self.at(b, self.builder.mul(k, b_row))
            place = self.at(panel, self.builder.mul(k, INT(self.width)))
            with self.loop(INT(0), stop, self.lanes) as (j, _):
                self.store(self.load(self.at(source, j)), self.at(place, j))
            with self.loop(stop, count, self.lanes) as (j, _):
                mask = self.first(self.builder.sub(count, j))
                self.store(self.load(self.at(source, j), mask), self.at(place, j), mask)

    def lay_across(self, b: Any, b_row: Any, panel: Any, deep: Any, count: Any) -> None:
        """panel[k, j] = b[j, k]"""
        build = self.builder
        with self.squares(b, b_row, count, deep) as (j, k, square):
            for c, column in enumerate(square):
                at = build.mul(build.add(k, INT(c)), INT(self.width))
                self.store(column, self.at(panel, at, j))

    @contextlib.contextmanager
    def squares(self, source: Any, source_row: Any, rows: Any, columns: Any) -> Iterator[Any]:
        """Over squares as wide as a register: the first row, the first column, the square's columns.

        What a square has too many it fills with repetitions and zeros: there must be room for them.
        """
        build, last = self.builder, self.builder.sub(rows, INT(1))
        with (
            self.loop(INT(0), rows, self.lanes) as (i, _),
            self.loop(INT(0), columns, self.lanes) as (k, _),
        ):
            inside = self.first(build.sub(columns, k))
            chosen = [self.least(build.add(i, INT(r)), last) for r in range(self.lanes)]
            places = [self.at(source, build.mul(r, source_row), k) for r in chosen]
            yield i, k, self.transposed([self.load(place, inside) for place in places])
