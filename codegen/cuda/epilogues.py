"""What is done with each element of a product stands in the product's kernel: its epilogue.

    z = x @ w                          for each element of x @ w, in a register: h = tanh(element + b)
    h[i, j] = tanh(z[i, j] + b[j])

The product's result is stored only where something else reads it. A launch is saved, and a matrix that
is written and read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from codegen import ir
from codegen.cuda.nests import nest_of
from codegen.optimisations import on
from codegen.passes.free import Cells, cells_of, touched, touched_by

IsOurs = Callable[[ir.MatMul], bool]
Slots = dict[ir.Buffer, tuple[ir.Buffer, ...]]  # what a slot stands for, row by row


def with_epilogues(program: ir.Program, is_ours: IsOurs = lambda product: True) -> ir.Program:
    """Products joined with the kernel that takes their result, where that is element by element.

    is_ours: does a kernel of ours multiply? A library takes no epilogue.
    """
    return Epilogues(program, is_ours).program() if on("epilogues") else program


class Epilogues:
    """The pairs of a program."""

    def __init__(self, program: ir.Program, is_ours: IsOurs) -> None:
        self._is_ours = is_ours
        self._program, self._cells = program, cells_of(program)
        self._readers: dict[ir.Buffer, set[ir.Item]] = {}
        for item, stands_for in _leaves(program.items):
            for b in ir.reads(item):
                for real in stands_for.get(b.root, (b.root,)):
                    self._readers.setdefault(real.root, set()).add(item)

    def program(self) -> ir.Program:
        return self._program.with_items(self._joined(self._program.items, {}))

    def _joined(self, items: Sequence[ir.Item], slots: Slots) -> Iterator[ir.Item]:
        """The items, kernels that have become epilogues in their product's place."""
        taken: set[ir.Item] = set()
        for at, item in enumerate(items):
            if isinstance(item, ir.Repeat):
                inner = self._joined(item.items, _slots(item))
                yield replace(item, items=tuple(inner))
                continue
            joins = isinstance(item, ir.MatMul) and self._is_ours(item)
            kernel = self._taker(item, items[at + 1 :], taken) if joins else None
            if kernel is not None:
                taken.add(kernel)
                yield self._fused(item, kernel, slots)  # type: ignore[arg-type]
            elif item not in taken:
                yield item

    def _taker(
        self, product: ir.Item, later: Sequence[ir.Item], taken: set[ir.Item]
    ) -> ir.Kernel | None:
        """The next item that touches the result, if it is a kernel that can stand in its place."""
        assert isinstance(product, ir.MatMul)
        between: list[ir.Item] = []
        for item in (i for i in later if i not in taken):
            if isinstance(item, (ir.Guard, ir.Repeat)):
                return None
            if any(product.out.root in part for part in touched_by(item, self._cells)):
                fits = _takes(item, product, self._cells) and not any(
                    _conflict(item, b, self._cells) for b in between
                )
                return item if fits else None  # type: ignore[return-value]
            between.append(item)
        return None

    def _fused(self, product: ir.MatMul, kernel: ir.Kernel, slots: Slots) -> ir.Fused:
        rows, columns = kernel.body[0], kernel.body[0].body[0]  # type: ignore[union-attr]
        assert isinstance(rows, ir.Loop) and isinstance(columns, ir.Loop)
        row, column = ir.Var("row", "int64"), ir.Var("column", "int64")
        value = ir.Var("value", product.out.dtype)

        def moved(e: ir.Expr) -> ir.Expr | None:
            if isinstance(e, ir.Load) and e.buffer is product.out:
                return value
            return {rows.var: row, columns.var: column}.get(e) if isinstance(e, ir.Var) else None

        body = tuple(ir.map_stmt(s, moved, {}) for s in columns.body)
        real = slots.get(product.out.root, (product.out.root,))
        kept = any(
            b.root.role != "temp" or self._readers.get(b.root, set()) - {kernel} for b in real
        )
        note = "\n".join(n for n in (product.note, kernel.note) if n)
        return ir.Fused(product, body, row, column, value, kept, note)


# ------------------------------------------------------------------ who may join


def _takes(item: ir.Item, product: ir.MatMul, cells: Cells) -> bool:
    """Does a kernel do something with each element of the result, and with nothing else of it?"""
    nest = nest_of(item.body, cells) if isinstance(item, ir.Kernel) else None
    if nest is None or len(nest.free) != 2 or len(nest.whole) != 1:
        return False
    element = tuple(loop.var for loop in nest.free)
    result = [e for e in ir.loads(nest.body) if e.buffer.root is product.out.root]
    written = touched(nest.body, cells)[1]
    operands = {cells.get(b.root, b.root) for b in (product.a, product.b, product.out)}
    return (
        tuple(loop.extent for loop in nest.free) == product.out.shape
        and nest.whole[0].var == element[0]  # type: ignore[union-attr]
        and nest.whole[0].body[0] is nest.free[1]  # type: ignore[union-attr]
        and not any(isinstance(s, ir.Loop) for s in nest.body)
        and all(e.buffer is product.out and e.index == element for e in result)
        and written.isdisjoint(operands)
    )


def _conflict(a: ir.Item, b: ir.Item, cells: Cells) -> bool:
    """May the two not change places?"""
    (reads, writes), (read, written) = touched_by(a, cells), touched_by(b, cells)
    return bool(writes & (read | written)) or bool(written & (reads | writes))


# ------------------------------------------------------------------ repeats


def _slots(repeat: ir.Repeat) -> Slots:
    return dict(zip(repeat.slots, zip(*repeat.table, strict=True), strict=True))


def _leaves(items: Iterable[ir.Item]) -> Iterator[tuple[ir.Item, Slots]]:
    """The items, those of repeats in their place."""
    for item in items:
        if isinstance(item, ir.Repeat):
            yield from ((inner, _slots(item)) for inner in item.items)
        else:
            yield item, {}
