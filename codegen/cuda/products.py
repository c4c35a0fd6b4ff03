"""Matrix products as kernels: by tiles in shared memory where they are large, else by elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codegen import ir
from codegen.cuda.function import Body
from codegen.cuda.printer import CudaPrinter, dealt_out

After = Callable[[str, int], list[str]]
"""What is done with an element that is finished: the name of its value, how deep to indent → lines.

`row` and `column` (int64) say where it stands. Each element comes once, to one thread.
"""


@dataclass(frozen=True)
class Tile:
    """A block makes rows × columns of the result, `inner` terms at a time; a thread high × wide."""

    rows: int
    columns: int
    inner: int
    high: int
    wide: int
    aligned: str  # what asks for shared memory at whole vectors; the simulator does not know it

    @property
    def threads(self) -> int:
        return self.rows // self.high * (self.columns // self.wide)


def extents(item: ir.MatMul) -> tuple[ir.Expr, ir.Expr, ir.Expr]:
    """Rows and columns of the result, and how many terms an element has."""
    return (*item.out.shape, item.a.shape[0 if item.ta else 1])  # type: ignore[return-value]


def product(
    printer: CudaPrinter, item: ir.MatMul, tile: Tile, lanes: int, after: After | None = None
) -> Body:
    """Tiles where each axis fills at least half of one; a run-time number is taken to do so.

    after: what is done with each element in place of storing it.
    """
    after = after or _store(printer, item)
    rows, columns, inner = extents(item)
    sides = zip((rows, columns, inner), (tile.rows, tile.columns, tile.inner), strict=True)
    if all(not isinstance(e, ir.Const) or 2 * int(e.value) >= side for e, side in sides):
        return _by_tiles(printer, item, tile, after)
    return _by_elements(printer, item, lanes, after)


def _store(printer: CudaPrinter, item: ir.MatMul) -> After:
    element = printer.element(item.out, (ir.Var("row", "int64"), ir.Var("column", "int64")))
    return lambda value, depth: [f"{'    ' * depth}{element} = {value}"]


def finished(printer: CudaPrinter, item: ir.Fused) -> After:
    """What an epilogue does with an element."""

    def lines(value: str, depth: int) -> list[str]:
        known = {item.value: ir.Var(value, item.value.dtype)}
        kept = _store(printer, item.product)(value, depth) if item.kept else []
        return [*kept, *printer.body(ir.rename(item.body, known), depth)]

    return lines


def _by_elements(printer: CudaPrinter, item: ir.MatMul, lanes: int, after: After) -> Body:
    rows, columns, inner = extents(item)
    row, column, k = (ir.Var(n, "int64") for n in ("row", "column", "k"))
    a = printer.element(item.a, (k, row) if item.ta else (row, k))
    b = printer.element(item.b, (column, k) if item.tb else (k, column))
    work = ir.times(rows, columns)
    wide = printer.part(columns)
    body = [
        f"        row = turn // {wide}",
        f"        column = turn - row * {wide}",
        f"        value = {item.out.dtype}(0)",
        f"        for k in range({printer.bare(inner)}):",
        f"            value += {a} * {b}",
        *after("value", 2),
    ]
    lines = dealt_out(1, "turn", printer.bare(work), body)
    return Body(lines, ((work, lanes),), lanes)


def _by_tiles(printer: CudaPrinter, item: ir.MatMul, tile: Tile, after: After) -> Body:
    """out = a·b: a block holds a slice of its rows of a and columns of b in shared memory.

    Rows of the shared arrays are padded by 4, so that threads which store one column of a slice do
    not all meet in the same bank.
    """
    rows, columns, inner = (printer.part(e) for e in extents(item))
    dtype, t = item.out.dtype, tile
    lines = [
        f"    some_a = cuda.shared.array({t.inner * (t.rows + 4)}, {dtype}{t.aligned})",
        f"    some_b = cuda.shared.array({t.inner * (t.columns + 4)}, {dtype}{t.aligned})",
        f"    whole = cuda.shared.array({t.rows * t.columns}, {dtype}{t.aligned})",
        "    lane = cuda.threadIdx.x",
        f"    top = lane // {t.columns // t.wide} * {t.high}",
        f"    left = lane % {t.columns // t.wide} * {t.wide}",
        f"    across = ({columns} + {t.columns - 1}) // {t.columns}",
        f"    work = ({rows} + {t.rows - 1}) // {t.rows} * across",
    ]
    body = [
        f"        first_row = turn // across * {t.rows}",
        f"        first_column = turn % across * {t.columns}",
        *(f"        v{i}_{j} = {dtype}(0)" for i in range(t.high) for j in range(t.wide)),
        f"        for first_k in range(0, {inner}, {t.inner}):",
        *_fetch(printer, "a", item.a, item.ta, (rows, inner), tile),
        *_fetch(printer, "b", item.b, not item.tb, (columns, inner), tile),
        "            cuda.syncthreads()",
        f"            for k in range({t.inner}):",
        f"                at_a = uint64(k * {t.rows + 4} + top)",
        f"                at_b = uint64(k * {t.columns + 4} + left)",
        *(f"                a_{i} = some_a[at_a + uint64({i})]" for i in range(t.high)),
        *(f"                b_{j} = some_b[at_b + uint64({j})]" for j in range(t.wide)),
        *(
            f"                v{i}_{j} += a_{i} * b_{j}"
            for i in range(t.high)
            for j in range(t.wide)
        ),
        "            cuda.syncthreads()",
        *_finish(rows, columns, tile, after),
    ]
    lines += dealt_out(1, "turn", "work", body, "cuda.blockIdx.x", "cuda.gridDim.x")
    parts = zip(item.out.shape, (t.rows, t.columns), strict=True)
    return Body(lines, tuple(parts), t.threads)


def _fetch(
    printer: CudaPrinter, side: str, matrix: ir.Buffer, across: bool, ends: tuple[str, str], t: Tile
) -> list[str]:
    """Into shared memory: the rows of a, or the columns of b, of a tile; 0 beyond the end.

    across: terms follow one another down the columns of the matrix, so a row of threads reads along
    its rows; else along the terms.
    """
    length = t.rows if side == "a" else t.columns
    first = "first_row" if side == "a" else "first_column"
    line, term = ir.Var("line", "int64"), ir.Var("term", "int64")
    element = printer.element(matrix, (term, line) if across else (line, term))
    along = (
        [f"                own_k = spot // {length}", f"                own = spot % {length}"]
        if across
        else [
            f"                own = spot // {t.inner}",
            f"                own_k = spot % {t.inner}",
        ]
    )
    body = [
        *along,
        f"                line = {first} + own",
        "                term = first_k + own_k",
        f"                value = {matrix.dtype}(0)",
        f"                if line < {ends[0]} and term < {ends[1]}:",
        f"                    value = {element}",
        f"                some_{side}[uint64(own_k * {length + 4} + own)] = value",
    ]
    return dealt_out(3, "spot", str(length * t.inner), body, "lane", str(t.threads))


def _finish(rows: str, columns: str, t: Tile, after: After) -> list[str]:
    """The tile is laid out in shared memory, so that a row of threads has a row of elements."""
    body = [
        f"            row = first_row + spot // {t.columns}",
        f"            column = first_column + spot % {t.columns}",
        f"            if row < {rows} and column < {columns}:",
        "                value = whole[uint64(spot)]",
        *after("value", 4),
    ]
    return [
        *(
            f"        whole[uint64((top + {i}) * {t.columns} + left + {j})] = v{i}_{j}"
            for i in range(t.high)
            for j in range(t.wide)
        ),
        "        cuda.syncthreads()",
        *dealt_out(2, "spot", str(t.rows * t.columns), body, "lane", str(t.threads)),
        "        cuda.syncthreads()",
    ]
