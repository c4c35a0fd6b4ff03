"""Matrix products as kernels: by tiles, the terms of a tile slab after slab in shared memory.

    out = a·b, out[row, column] = Σ a[row, term] · b[term, column]

A *slab* is some terms of the rows of a, and of the columns of b, that a tile needs. While one is
multiplied the next is on its way into registers; from there it goes where no thread reads any more, so
threads wait for each other once a slab.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from codegen import ir, memory
from codegen.cuda.function import Body
from codegen.cuda.printer import CudaPrinter, dealt_out
from codegen.cuda.tiles import PAD, Tile, best, cycles, cycles_by_elements

After = Callable[[str, int], list[str]]
"""What is done with an element that is finished: the name of its value, how deep to indent → lines.

`row` and `column` (int64) say where it stands. Each element comes once, to one thread.
"""
UNKNOWN = 128  # what a run-time number counts as, for the choice of a tile
SECTOR = 8  # terms that follow one another in memory: what GPUs read at once, of float32
THREADS = 512  # of a multiprocessor at least, in float32: none takes more than 128 registers


@dataclass(frozen=True)
class Side:
    """An operand, as lines of terms: the rows of a, the columns of b.

    across: lines lie side by side in memory; else terms do.
    length: lines of a tile. start: where its slabs begin in shared memory.
    first, end: the tile's first line, and how many the matrix has, as text.
    """

    name: str
    matrix: ir.Buffer
    across: bool
    length: int
    start: int
    first: str
    end: str


@dataclass(frozen=True)
class Share:
    """What a thread fetches of a side's slab: `count` elements, the first of them at (line, term), each
    so many lines and terms further on.
    """

    line: str
    term: str
    lines: int
    terms: int
    count: int


def extents(item: ir.MatMul) -> tuple[ir.Expr, ir.Expr, ir.Expr]:
    """Rows and columns of the result, and how many terms an element has."""
    return (*item.out.shape, item.a.shape[0 if item.ta else 1])  # type: ignore[return-value]


def tile_of(item: ir.MatMul, tiles: Sequence[Tile]) -> Tile:
    """The tile by which a product is made."""
    return best(tiles, *_counted(item), item.out.dtype)


def tile_in_block(item: ir.MatMul, tiles: Sequence[Tile]) -> Tile | None:
    """The tile by which one block makes a product; None where elements one by one are done sooner."""
    dtype, counted = item.out.dtype, _counted(item)
    tile = best(tiles, *counted, dtype, processors=1)
    by_tile = cycles(tile, *counted, np.dtype(dtype).itemsize, processors=1)
    return tile if by_tile < cycles_by_elements(*counted, scattered=item.tb) else None


def _counted(item: ir.MatMul) -> tuple[int, int, int]:
    sizes = defaultdict(lambda: UNKNOWN)
    return tuple(memory.value(e, sizes) for e in extents(item))  # type: ignore[return-value]


def product(
    printer: CudaPrinter, item: ir.MatMul, tiles: Sequence[Tile], after: After | None = None
) -> Body:
    """The kernel of a product.

    after: what is done with each element in place of storing it.
    """
    t, dtype = tile_of(item, tiles), item.out.dtype
    lines = [
        f"    shared = cuda.shared.array({t.room}, {dtype}, 16)",
        *by_tiles(printer, item, t, after, "cuda.blockIdx.x", "cuda.gridDim.x"),
    ]
    parts = zip(item.out.shape, (t.rows, t.columns), strict=True)
    together = THREADS * 4 // np.dtype(dtype).itemsize // t.threads  # a float64 takes two registers
    return Body(lines, tuple(parts), t.threads, max(1, together))


def by_tiles(
    printer: CudaPrinter, item: ir.MatMul, t: Tile, after: After | None, first: str, step: str
) -> list[str]:
    """The tiles of a product from the first one on, each so many further; `shared` is there."""
    dtype = item.out.dtype
    rows, columns, terms = (printer.part(e) for e in extents(item))
    sides = (
        Side("a", item.a, item.ta, t.rows, 0, "first_row", rows),
        Side("b", item.b, not item.tb, t.columns, t.start_of_b, "first_column", columns),
    )
    body = [
        f"        first_row = turn // across * {t.rows}",
        f"        first_column = turn % across * {t.columns}",
        f"        for i in range({t.high * t.wide}):",
        f"            sums[i] = {dtype}(0)",
        "        half = 0",
        f"        for first in range(0, {terms} + {t.inner}, {t.inner}):",
        *(line for side in sides for line in _fetch(printer, side, t, terms)),
        *_multiply(t),
        *(line for side in sides for line in _put(side, t)),
        "            cuda.syncthreads()",
        "            half = 1 - half",
        *_finish(rows, columns, t, after or _store(printer, item)),
    ]
    return [
        *_places(t, dtype, sides),
        f"    across = ({columns} + {t.columns - 1}) // {t.columns}",
        f"    work = ({rows} + {t.rows - 1}) // {t.rows} * across",
        *dealt_out(1, "turn", "work", body, first, step),
    ]


def finished(printer: CudaPrinter, item: ir.Fused) -> After:
    """What an epilogue does with an element."""

    def lines(value: str, depth: int) -> list[str]:
        known = {item.value: ir.Var(value, item.value.dtype)}
        kept = _store(printer, item.product)(value, depth) if item.kept else []
        return [*kept, *printer.body(ir.rename(item.body, known), depth)]

    return lines


def _store(printer: CudaPrinter, item: ir.MatMul) -> After:
    element = printer.element(item.out, (ir.Var("row", "int64"), ir.Var("column", "int64")))
    return lambda value, depth: [f"{'    ' * depth}{element} = {value}"]


# ------------------------------------------------------------------ what a thread has


def _places(t: Tile, dtype: str, sides: Sequence[Side]) -> list[str]:
    """Memory of the block and of the thread, and which elements are the thread's.

    Loops over arrays of the thread are short and of fixed length, so that compilers unroll them and
    keep the arrays in registers. That `lane` is not negative, and small, the mask tells them: it costs
    an instruction and saves some forty registers.
    """
    shares = [(s.name, _share(s, t)) for s in sides]
    own = {"sums": t.high * t.wide, "some_a": t.high, "some_b": t.wide}
    own |= {f"next_{name}": share.count for name, share in shares}
    return [
        *(f"    {name} = cuda.local.array({count}, {dtype})" for name, count in own.items()),
        f"    lane = int64(cuda.threadIdx.x) & {t.threads - 1}",
        f"    part = lane // {t.slice}",
        f"    top = lane % {t.slice} // {t.across} * {t.high}",
        f"    left = lane % {t.across} * {t.wide}",
        *(f"    line_{name} = {share.line}" for name, share in shares),
        *(f"    term_{name} = {share.term}" for name, share in shares),
    ]


def _share(side: Side, t: Tile) -> Share:
    """Neighbouring threads read what lies side by side in memory.

    Where that is terms, they read some of a line and go on to the next line: a warp then stores into
    all banks of shared memory, and not into some of them again and again.
    """
    count, some = side.length * t.inner // t.threads, min(SECTOR, t.inner)
    if side.across:
        line, term = f"lane % {side.length}", f"lane // {side.length}"
        return Share(line, term, 0, t.threads // side.length, count)
    if some * side.length <= t.threads:
        line = f"lane // {some} % {side.length}"
        term = f"lane // {some * side.length} * {some} + lane % {some}"
        return Share(line, term, 0, t.threads // side.length, count)
    return Share(f"lane // {t.inner}", f"lane % {t.inner}", t.threads // t.inner, 0, count)


def _on(first: str, each: int) -> str:
    """Where the i-th element of a share is."""
    return f"{first} + i * {each}" if each else first


# ------------------------------------------------------------------ slabs


def _fetch(printer: CudaPrinter, side: Side, t: Tile, terms: str) -> list[str]:
    """Into registers: a thread's share of the slab at `first`; 0 beyond the end."""
    name, share = side.name, _share(side, t)
    line, term = ir.Var("line", "int64"), ir.Var("term", "int64")
    element = printer.element(side.matrix, (term, line) if side.across else (line, term))
    return [
        f"            for i in range({share.count}):",
        f"                line = {_on(f'{side.first} + line_{name}', share.lines)}",
        f"                term = {_on(f'first + term_{name}', share.terms)}",
        f"                next_{name}[i] = {side.matrix.dtype}(0)",
        f"                if line < {side.end} and term < {terms}:",
        f"                    next_{name}[i] = {element}",
    ]


def _put(side: Side, t: Tile) -> list[str]:
    """From registers into the half of shared memory that is free."""
    name, share = side.name, _share(side, t)
    term, line = _on(f"term_{name}", share.terms), _on(f"line_{name}", share.lines)
    place = f"{side.start} + (half * {t.inner} + {term}) * {side.length + PAD} + {line}"
    return [
        f"            for i in range({share.count}):",
        f"                shared[uint64({place})] = next_{name}[i]",
    ]


def _multiply(t: Tile) -> list[str]:
    """sums[i, j] += a[top + i]·b[left + j] for each of the slice's terms of the slab before.

    Before the first slab there is none.
    """
    mine = t.inner // t.slices
    return [
        "            turns, done = min(first, " + f"{mine}), 0",
        "            while done < turns:",
        f"                k = (1 - half) * {t.inner} + part * {mine} + done",
        f"                for i in range({t.high}):",
        f"                    some_a[i] = shared[uint64(k * {t.rows + PAD} + top + i)]",
        f"                for j in range({t.wide}):",
        "                    some_b[j] = shared[",
        f"                        uint64({t.start_of_b} + k * {t.columns + PAD} + left + j)",
        "                    ]",
        f"                for i in range({t.high}):",
        f"                    for j in range({t.wide}):",
        f"                        sums[i * {t.wide} + j] += some_a[i] * some_b[j]",
        "                done += 1",
    ]


# ------------------------------------------------------------------ results


def _finish(rows: str, columns: str, t: Tile, after: After) -> list[str]:
    """What the slices have is laid out where the slabs were, a strip at a time, and added up in order.

    A row of threads then has a row of elements, and what comes after is written once.
    """
    size = t.strip * t.columns
    element = [
        f"                row = first_row + strip + spot // {t.columns}",
        f"                column = first_column + spot % {t.columns}",
        f"                if column < {columns}:",
        "                    value = shared[uint64(spot)]",
        f"                    for i in range(1, {t.slices}):",
        f"                        value += shared[uint64(i * {size} + spot)]",
        *after("value", 5),
    ]
    return [
        f"        for strip in range(0, {t.rows}, {t.strip}):",
        f"            if strip <= top < strip + {t.strip}:",
        f"                for i in range({t.high}):",
        f"                    for j in range({t.wide}):",
        f"                        k = part * {t.strip} + top - strip + i",
        f"                        shared[uint64(k * {t.columns} + left + j)] = "
        f"sums[i * {t.wide} + j]",
        "            cuda.syncthreads()",
        f"            end = min({t.strip}, {rows} - first_row - strip) * {t.columns}",
        *dealt_out(3, "spot", "end", element, "lane", str(t.threads)),
        "            cuda.syncthreads()",
    ]
