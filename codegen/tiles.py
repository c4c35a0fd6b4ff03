"""Matrix products from tiles of the result that are held in vector registers.

    out[i, j] = Σₖ a[i, k] · b[k, j]

A tile is some rows × one or two registers of columns. For each k a piece of a row of b is loaded, and
every element of a column of a is multiplied into it. Sums run in the order of k, whatever the tile:
a row of a·b has the same bits in any batch. A transposed b, or one whose rows lie far apart, is first
laid out in panels of its columns, on the stack, and so is an a in stripes as high as a tile, where many
tiles read it; only narrow results (`codegen.narrow`) and a·bᵀ of very few rows sum in another order.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from codegen.layouts import DEPTH, Operand, Stripes
from codegen.narrow import FUSED, NarrowProducts
from codegen.vectors import BIT, INT, Machine

NEAR = 1 << 20  # bytes of b that the second cache holds: its rows need no panel
FEW = 64  # rows of a that make a panel worth its while
MANY = 512  # columns of b that make stripes worth theirs
SINGLE = 4  # below so many rows, a·bᵀ is made of scalar products
DTYPES = {"float32": 32, "float64": 64}  # and their bits


def names(dtype: str) -> tuple[str, str]:
    """What the functions for a·b and a·bᵀ are called."""
    return f"graphdl_multiply_{dtype}", f"graphdl_multiply_transposed_{dtype}"


def module(dtype: str, machine: Machine) -> ir.Module:
    """The functions (a, a_row, a_column, b, out, width, m, n, depth) for one dtype, by their `names`.

    a, b, out: addresses; a_row, a_column: the distances between rows and between columns of a; out is
    m × n, or that part of a matrix whose rows have `width` elements; b has `depth` rows, or columns
    where it is transposed. b and out lie in row order, b in rows as long as those of out.
    """
    made = ir.Module("products")
    _Products(made, DTYPES[dtype], machine).write(*names(dtype))
    return made


class _Products(NarrowProducts):
    """The functions of one float type."""

    def write(self, product: str, transposed: str) -> None:
        p, n = self.pointer, INT
        operands = (p, n, n, n, p, n, p, n)  # the stripes of a; b, b_row, out, out_row
        self.columns = {
            (vectors, cut): self._column_of_tiles(operands, vectors, cut)
            for vectors, cut in ((2, False), (1, False), (1, True))
        }
        self.sweep = self._sweep(operands)
        dots = self.scalar_products()
        thin = self.rows_of_a(dots), self.columns_of_a()
        self._multiply(product, self._panels("panels", transposed=False), *thin)
        across = self._panels("panels_transposed", transposed=True)
        self._multiply_transposed(transposed, across, dots)

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
            *a, b, b_row, out, out_row, m, depth, add, left = made.args
            stripes = Stripes(*a)
            mask = self.first(left) if cut else None
            done = INT(0)
            for rows in self.heights:
                count = self.builder.sub(m, self.builder.urem(self.builder.sub(m, done), INT(rows)))
                with self.loop(done, count, rows) as (i, _):
                    self._tile(
                        rows, vectors, mask,
                        Operand(self.row_of(stripes, i), stripes.row, stripes.column),
                        Operand(b, b_row),
                        Operand(self.at(out, self.builder.mul(i, out_row)), out_row),
                        depth, add,
                    )  # fmt: skip
                done = count
        return made

    def _sweep(self, operands: tuple) -> Any:
        """All columns: two registers at a time, then one, then what is left of one."""
        with self.function("sweep", *operands, INT, INT, INT, BIT) as made:
            *a, b, b_row, out, out_row, m, n, depth, add = made.args
            done = INT(0)
            for vectors in (2, 1):
                stop = self.whole(n, vectors * self.lanes)
                with self.loop(done, stop, vectors * self.lanes) as (j, _):
                    self.builder.call(
                        self.columns[vectors, False],
                        [*a, self.at(b, j), b_row, self.at(out, j), out_row, m, depth, add, INT(0)],
                    )  # fmt: skip
                done = stop
            with self.loop(done, n, self.lanes) as (j, _):
                self.builder.call(
                    self.columns[1, True],
                    [*a, self.at(b, j), b_row, self.at(out, j), out_row, m, depth, add,
                     self.builder.sub(n, j)],
                )  # fmt: skip
        return made

    # -------------------------------------------------- panels

    def _panels(self, name: str, transposed: bool) -> Any:
        """The product by panels of b: two registers of its columns, DEPTH of its rows.

        Where a is transposed, or read by many tiles, blocks of its rows are laid out in stripes first.
        """
        p, number = self.pointer, INT
        kinds = (p, number, number, p, number, p, *[number] * 4)
        with self.function(name, *kinds) as made:
            a, a_row, a_column, b, b_row, out, out_row, m, n, depth = made.args
            build = self.builder
            panel, block = self.room(DEPTH * self.width), self.block()
            lying = build.icmp_signed("!=", a_column, INT(1))
            apart = build.or_(lying, build.icmp_signed(">=", n, INT(MANY)))
            step = build.select(apart, INT(self.tall), m)
            with self.loop(INT(0), depth, DEPTH) as (k, _), self.loop(INT(0), m, step) as (i, _):
                deep, tall = (
                    self.least(INT(DEPTH), build.sub(depth, k)),
                    self.least(step, build.sub(m, i)),
                )
                start = self.at(a, build.mul(i, a_row), build.mul(k, a_column))
                as_it_lies = self.as_it_lies(start, a_row, a_column)
                with self.when(apart), self.either(lying) as (across, along):
                    with across:
                        self.lay_stripes(start, a_column, block, tall, deep)
                    with along:
                        self.lay_stripes_across(start, a_row, block, tall, deep)
                chosen = [build.select(apart, x, y) for x, y in zip(block, as_it_lies, strict=True)]
                again = build.icmp_signed(">", k, INT(0))
                with self.loop(INT(0), n, self.width) as (j, _):
                    count = self.least(INT(self.width), build.sub(n, j))
                    if transposed:
                        source = self.at(b, build.mul(j, b_row), k)
                        self.lay_across(source, b_row, panel, deep, count)
                    else:
                        source = self.at(b, build.mul(k, b_row), j)
                        self.lay_along(source, b_row, panel, deep, count)
                    place = self.at(out, build.mul(i, out_row), j)
                    build.call(
                        self.sweep,
                        [*chosen, panel, INT(self.width), place, out_row, tall, count, deep, again],
                    )  # fmt: skip
        return made

    # -------------------------------------------------- products

    def _multiply(self, name: str, panels: Any, rows_of_a: Any, columns_of_a: Any) -> None:
        """a·b: straight from b where it is near, or has to serve few rows."""
        p, n_ = self.pointer, INT
        with self.function(name, p, n_, n_, p, p, *[n_] * 4, local=False) as made:
            a, a_row, a_column, b, out, width, m, n, depth = made.args
            build = self.builder
            lying = build.icmp_signed("!=", a_column, INT(1))
            columns = build.add(n, build.select(lying, m, INT(0)))
            size = build.mul(build.mul(columns, depth), INT(self.bytes))
            limit = build.select(lying, INT(NEAR // 4), INT(NEAR))
            far = build.and_(
                build.icmp_signed(">", size, limit), build.icmp_signed(">=", m, INT(FEW))
            )
            narrow = build.icmp_signed("<=", width, INT(self.narrow))
            deep = build.icmp_signed(">=", depth, INT(self.lanes))
            across, upright = (
                build.and_(narrow, lying),
                build.and_(build.and_(narrow, deep), build.not_(lying)),
            )
            with self.either(across) as (thin, others):
                with thin:
                    build.call(columns_of_a, [a, a_column, b, out, width, m, n, depth])
                with others, self.either(upright) as (slim, broad):
                    with slim:
                        build.call(rows_of_a, [a, a_row, b, out, width, m, n, depth])
                    with broad, self.either(far) as (apart, straight):
                        with apart:
                            build.call(
                                panels, [a, a_row, a_column, b, width, out, width, m, n, depth]
                            )  # fmt: skip
                        with straight:
                            build.call(
                                self.sweep,
                                [*self.as_it_lies(a, a_row, a_column), b, width, out, width, m, n,
                                 depth, BIT(0)],
                            )  # fmt: skip

    def _multiply_transposed(self, name: str, panels: Any, dots: Any) -> None:
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
                    build.call(dots, [a, a_row, b, depth, out, width, m, n, depth, BIT(0)])
                with many:
                    build.call(panels, [a, a_row, a_column, b, depth, out, width, m, n, depth])
