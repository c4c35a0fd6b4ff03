"""Matrix products from tiles of the result that are held in vector registers.

    out[i, j] = Σₖ a[i, k] · b[k, j]

A tile is some rows × one or two registers of columns. For each k a piece of a row of b is loaded, and
every element of a column of a is multiplied into it. Sums run in the order of k, whatever the tile:
a row of a·b has the same bits in any batch. A transposed b, or one whose rows lie far apart, is first
laid out in panels of its columns, on the stack; only a·bᵀ of very few rows sums in another order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from codegen.scalar_products import FUSED, ScalarProducts
from codegen.vectors import BIT, INT, Machine

DEPTH = 256  # rows of a panel: 32 KiB with two wide registers in a row, which the first cache holds
NEAR = 1 << 20  # bytes of b that the second cache holds: its rows need no panel
BLOCK = 128  # rows of a transposed a that are laid out upright at a time: 128 KiB
FEW = 64  # rows of a that make a panel worth its while
SINGLE = 4  # below so many rows, a·bᵀ is made of scalar products
DEEP = 1024  # rows of a narrow b that are laid across at a time
WIDE = 8  # registers of columns of a narrow result's transpose
DTYPES = {"float32": 32, "float64": 64}  # and their bits


def names(dtype: str) -> tuple[str, str]:
    """What the functions for a·b and a·bᵀ are called."""
    return f"graphdl_multiply_{dtype}", f"graphdl_multiply_transposed_{dtype}"


class Operand(NamedTuple):
    """A matrix: where it starts, and the distances between its rows and between its columns."""

    start: Any
    row: Any
    column: Any = INT(1)


def module(dtype: str, machine: Machine) -> ir.Module:
    """The functions (a, a_row, a_column, b, out, width, m, n, depth) for one dtype, by their `names`.

    a, b, out: addresses; a_row, a_column: the distances between rows and between columns of a; out is
    m × n, or that part of a matrix whose rows have `width` elements; b has `depth` rows, or columns
    where it is transposed. b and out lie in row order, b in rows as long as those of out.
    """
    made = ir.Module("products")
    _Products(made, DTYPES[dtype], machine).write(*names(dtype))
    return made


class _Products(ScalarProducts):
    """The functions of one float type."""

    def __init__(self, made: ir.Module, bits: int, machine: Machine) -> None:
        super().__init__(made, bits, machine)
        # the sums of a tile, a row of b and an element of a must fit into the registers
        self.heights = (8, 4, 2, 1) if machine.registers >= 32 else (4, 2, 1)
        self.pointer, self.narrow = self.element.as_pointer(), self.lanes // 4

    def write(self, product: str, transposed: str) -> None:
        p, n = self.pointer, INT
        operands = (p, n, n, p, n, p, n)  # a, a_row, a_column, b, b_row, out, out_row
        self.columns = {
            (vectors, cut): self._column_of_tiles(operands, vectors, cut)
            for vectors, cut in ((2, False), (1, False), (1, True))
        }
        self.sweep = self._sweep(operands)
        self.dots = self.scalar_products()
        self.rows_of_a, self.columns_of_a = self._rows_of_a(), self._columns_of_a()
        self._multiply(product, self._panels("panels", transposed=False))
        self._multiply_transposed(transposed, self._panels("panels_transposed", transposed=True))

    # -------------------------------------------------- tiles

    def _tile(self, rows: int, vectors: int, mask: Any, a: Operand, b: Operand, out: Operand,
              depth: Any, add: Any) -> None:  # fmt: skip
        """One tile; `add`: onto what `out` holds."""
        build, cells = self.builder, [(r, v) for r in range(rows) for v in range(vectors)]
        sources = [self.at(a.start, build.mul(a.row, INT(r))) for r in range(rows)]
        places = {
            (r, v): self.at(out.start, build.mul(out.row, INT(r)), INT(v * self.lanes))
            for r, v in cells
        }
        zero = ir.Constant(self.vector, None)
        with self.either(add) as (more, fresh):
            with more:
                before = {cell: self.load(places[cell], mask) for cell in cells}
                held = build.block
            with fresh:
                empty = build.block
        sums = {}
        for cell in cells:
            sums[cell] = build.phi(self.vector)
            sums[cell].add_incoming(before[cell], held)
            sums[cell].add_incoming(zero, empty)
        with self.loop(INT(0), depth, carry=[sums[c] for c in cells]) as (k, totals):
            row = build.mul(k, b.row)
            b_now = [
                self.load(self.at(b.start, row, INT(v * self.lanes)), mask) for v in range(vectors)
            ]
            for r in range(rows):
                a_now = self.spread(self.scalar(self.at(sources[r], build.mul(k, a.column))))
                for v in range(vectors):
                    product = build.fmul(a_now, b_now[v], flags=FUSED)
                    at = r * vectors + v
                    totals[at] = build.fadd(totals[at], product, flags=FUSED)
        for cell, total in zip(cells, totals, strict=True):
            self.store(total, places[cell], mask)

    def _column_of_tiles(self, operands: tuple, vectors: int, cut: bool) -> Any:
        """All rows, as many at a time as fit; `cut`: only the first `left` columns count."""
        name = f"column_{'cut' if cut else vectors}"
        with self.function(name, *operands, INT, INT, BIT, INT) as made:
            a, a_row, a_column, b, b_row, out, out_row, m, depth, add, left = made.args
            mask = self.first(left) if cut else None
            done = INT(0)
            for rows in self.heights:
                count = self.builder.sub(m, self.builder.urem(self.builder.sub(m, done), INT(rows)))
                with self.loop(done, count, rows) as (i, _):
                    self._tile(
                        rows, vectors, mask,
                        Operand(self.at(a, self.builder.mul(i, a_row)), a_row, a_column),
                        Operand(b, b_row),
                        Operand(self.at(out, self.builder.mul(i, out_row)), out_row),
                        depth, add,
                    )  # fmt: skip
                done = count
        return made

    def _sweep(self, operands: tuple) -> Any:
        """All columns: two registers at a time, then one, then what is left of one."""
        with self.function("sweep", *operands, INT, INT, INT, BIT) as made:
            a, a_row, a_column, b, b_row, out, out_row, m, n, depth, add = made.args
            done = INT(0)
            for vectors in (2, 1):
                stop = self.whole(n, vectors * self.lanes)
                with self.loop(done, stop, vectors * self.lanes) as (j, _):
                    self.builder.call(
                        self.columns[vectors, False],
                        [a, a_row, a_column, self.at(b, j), b_row, self.at(out, j), out_row, m,
                         depth, add, INT(0)],
                    )  # fmt: skip
                done = stop
            with self.loop(done, n, self.lanes) as (j, _):
                self.builder.call(
                    self.columns[1, True],
                    [a, a_row, a_column, self.at(b, j), b_row, self.at(out, j), out_row, m,
                     depth, add, self.builder.sub(n, j)],
                )  # fmt: skip
        return made

    # -------------------------------------------------- panels

    def _panels(self, name: str, transposed: bool) -> Any:
        """The product by panels of b: two registers of its columns, DEPTH of its rows.

        Where a is transposed, BLOCK of its rows are laid out upright first.
        """
        p, build_int, width = self.pointer, INT, 2 * self.lanes
        kinds = (p, build_int, build_int, p, build_int, p, *[build_int] * 4)
        with self.function(name, *kinds) as made:
            a, a_row, a_column, b, b_row, out, out_row, m, n, depth = made.args
            build = self.builder
            panel, block = self.room(DEPTH * width), self.room(BLOCK * DEPTH)
            lying = build.icmp_signed("!=", a_column, INT(1))
            step = build.select(lying, INT(BLOCK), m)
            with self.loop(INT(0), depth, DEPTH) as (k, _), self.loop(INT(0), m, step) as (i, _):
                deep, tall = (
                    self.least(INT(DEPTH), build.sub(depth, k)),
                    self.least(step, build.sub(m, i)),
                )
                rows = Operand(
                    self.at(a, build.mul(i, a_row), build.mul(k, a_column)), a_row, a_column
                )
                with self.when(lying):
                    self._lay_across(rows.start, a_column, block, DEPTH, tall, deep)
                upright = Operand(block, INT(DEPTH))
                chosen = [build.select(lying, x, y) for x, y in zip(upright, rows, strict=True)]
                again = build.icmp_signed(">", k, INT(0))
                with self.loop(INT(0), n, width) as (j, _):
                    count = self.least(INT(width), build.sub(n, j))
                    if transposed:
                        self._lay_across(
                            self.at(b, build.mul(j, b_row), k), b_row, panel, width, deep, count
                        )
                    else:
                        self._lay_along(
                            self.at(b, build.mul(k, b_row), j), b_row, panel, deep, count
                        )
                    place = self.at(out, build.mul(i, out_row), j)
                    build.call(
                        self.sweep,
                        [chosen[0], chosen[1], chosen[2], panel, INT(width), place, out_row, tall,
                         count, deep, again],
                    )  # fmt: skip
        return made

    def _lay_along(self, b: Any, b_row: Any, panel: Any, deep: Any, count: Any) -> None:
        """panel[k, j] = b[k, j]"""
        width = 2 * self.lanes
        with self.loop(INT(0), deep) as (k, _):
            source = self.at(b, self.builder.mul(k, b_row))
            place = self.at(panel, self.builder.mul(k, INT(width)))
            stop = self.whole(count, self.lanes)
            with self.loop(INT(0), stop, self.lanes) as (j, _):
                self.store(self.load(self.at(source, j)), self.at(place, j))
            with self.loop(stop, count, self.lanes) as (j, _):
                mask = self.first(self.builder.sub(count, j))
                self.store(self.load(self.at(source, j), mask), self.at(place, j), mask)

    def _lay_across(
        self, source: Any, source_row: Any, out: Any, width: Any, rows: Any, columns: Any,
        exactly: bool = False,
    ) -> None:  # fmt: skip
        """out[i, j] = source[j, i], a square of registers at a time.

        What a square has too many it fills with repetitions and zeros, if not `exactly`: `out` has
        room for them.
        """
        build, last = self.builder, self.builder.sub(columns, INT(1))
        out_row = INT(width) if isinstance(width, int) else width
        with (
            self.loop(INT(0), columns, self.lanes) as (j, _),
            self.loop(INT(0), rows, self.lanes) as (i, _),
        ):
            inside = self.first(build.sub(rows, i))
            square = []
            for r in range(self.lanes):
                row = build.mul(self.least(build.add(j, INT(r)), last), source_row)
                square.append(self.load(self.at(source, row, i), inside))
            place = self.at(out, build.mul(i, out_row), j)
            for r, row in enumerate(self.transposed(square)):
                kept = build.icmp_signed("<", build.add(i, INT(r)), rows)
                columns_left = build.select(kept, build.sub(columns, j), INT(0))
                mask = self.first(columns_left) if exactly else None
                self.store(row, self.at(place, build.mul(out_row, INT(r))), mask)

    # -------------------------------------------------- products

    def _multiply(self, name: str, panels: Any) -> None:
        """a·b: straight from b where it is near, or has to serve few rows."""
        p, n_ = self.pointer, INT
        with self.function(name, p, n_, n_, p, p, *[n_] * 4, local=False) as made:
            a, a_row, a_column, b, out, width, m, n, depth = made.args
            build = self.builder
            lying = build.icmp_signed("!=", a_column, INT(1))
            columns = build.add(n, build.select(lying, m, INT(0)))
            size = build.mul(build.mul(columns, depth), INT(self.bytes))
            limit = build.select(lying, INT(NEAR // 4 * 3), INT(NEAR))
            far = build.and_(
                build.icmp_signed(">", size, limit), build.icmp_signed(">=", m, INT(FEW))
            )
            shallow = build.icmp_signed("<", depth, INT(self.lanes))
            narrow = build.and_(
                build.icmp_signed("<=", width, INT(self.narrow)),
                build.or_(lying, build.not_(shallow)),
            )
            with self.either(narrow) as (thin, broad):
                with thin, self.either(lying) as (across, upright):
                    with across:
                        build.call(self.columns_of_a, [a, a_column, b, out, width, m, n, depth])
                    with upright:
                        build.call(self.rows_of_a, [a, a_row, b, out, width, m, n, depth])
                with broad, self.either(far) as (apart, straight):
                    with apart:
                        build.call(panels, [a, a_row, a_column, b, width, out, width, m, n, depth])
                    with straight:
                        build.call(
                            self.sweep,
                            [a, a_row, a_column, b, width, out, width, m, n, depth, BIT(0)],
                        )  # fmt: skip

    def _multiply_transposed(self, name: str, panels: Any) -> None:
        """a·bᵀ: by panels, or where it has few rows or columns by scalar products of rows."""
        p, n_ = self.pointer, INT
        with self.function(name, p, n_, n_, p, p, *[n_] * 4, local=False) as made:
            a, a_row, a_column, b, out, width, m, n, depth = made.args
            build = self.builder
            few = build.or_(
                build.icmp_signed("<", m, INT(SINGLE)),
                build.icmp_signed("<=", width, INT(self.narrow)),
            )
            few = build.and_(few, build.icmp_signed("==", a_column, INT(1)))
            with self.either(few) as (single, many):
                with single:
                    build.call(
                        self.dots, [a, a_row, b, depth, out, width, m, n, depth, BIT(0)]
                    )  # fmt: skip
                with many:
                    build.call(panels, [a, a_row, a_column, b, depth, out, width, m, n, depth])

    # -------------------------------------------------- narrow products

    def _rows_of_a(self) -> Any:
        """a·b of few columns: b is laid across, then rows are multiplied with rows."""
        p, n_ = self.pointer, INT
        with self.function("rows_of_a", p, n_, p, p, *[n_] * 4) as made:
            a, a_row, b, out, width, m, n, depth = made.args
            build = self.builder
            panel = self.room(self.lanes * DEEP)
            with self.either(build.icmp_signed("==", width, INT(1))) as (single, several):
                with single:
                    build.call(self.dots, [a, a_row, b, depth, out, width, m, n, depth, BIT(0)])
                with several, self.loop(INT(0), depth, DEEP) as (k, _):
                    deep = self.least(INT(DEEP), build.sub(depth, k))
                    self._lay_across(self.at(b, build.mul(k, width)), width, panel, DEEP, n, deep)
                    build.call(
                        self.dots,
                        [self.at(a, k), a_row, panel, INT(DEEP), out, width, m, n, deep,
                         build.icmp_signed(">", k, INT(0))],
                    )  # fmt: skip
        return made

    def _columns_of_a(self) -> Any:
        """aᵀ·b of few columns: (bᵀ·a)ᵀ, the same sums, whose rows are long."""
        p, n_ = self.pointer, INT
        with self.function("columns_of_a", p, n_, p, p, *[n_] * 4) as made:
            a, a_column, b, out, width, m, n, depth = made.args
            build, piece = self.builder, WIDE * self.lanes
            panel = self.room(self.lanes * piece)
            with self.either(build.icmp_signed("==", width, INT(1))) as (single, several):
                with single:
                    build.call(
                        self.sweep,
                        [b, INT(1), width, a, a_column, out, m, n, m, depth, BIT(0)],
                    )  # fmt: skip
                with several, self.loop(INT(0), m, piece) as (i, _):
                    count = self.least(INT(piece), build.sub(m, i))
                    build.call(
                        self.sweep,
                        [b, INT(1), width, self.at(a, i), a_column, panel, INT(piece), n, count,
                         depth, BIT(0)],
                    )  # fmt: skip
                    place = self.at(out, build.mul(i, width))
                    self._lay_across(panel, INT(piece), place, width, count, n, exactly=True)
        return made
