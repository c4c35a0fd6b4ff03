"""What the lowering rules work with: views of buffers, loop nests, sizes as run-time numbers.

Moving elements costs nothing here: a transposed, sliced, flipped or broadcast node is a `View`, a
buffer with a rule from its own indices to those of the buffer. Only a kernel writes memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codegen import ir
from graphdl.core.graph import Graph, Node, Variable
from graphdl.core.sizes import Dim, Size

Index = tuple[ir.Expr, ...]


@dataclass(frozen=True, eq=False)
class View:
    """The elements of a node: buffer[at(index)], or source[at(index)] of a node kept in no buffer."""

    buffer: ir.Buffer | None
    shape: tuple[ir.Expr, ...]
    at: Callable[[Index], Index] = lambda index: index
    permutation: tuple[int, ...] | None = None  # where `at` only permutes or drops axes of length 1
    source: Node | None = None

    @property
    def plain(self) -> bool:
        """Is it the whole buffer, in order?"""
        in_order = self.permutation == tuple(range(len(self.shape)))
        return in_order and self.buffer is not None and self.shape == self.buffer.shape


def whole(buffer: ir.Buffer) -> View:
    return View(buffer, buffer.shape, permutation=tuple(range(len(buffer.shape))))


_PREFIX = {"matmul": "z", "relu": "h", "tanh": "h", "sigmoid": "p", "softmax": "p"}


class Builder:
    """Collects the items of a program while the nodes of a graph are lowered one by one."""

    def __init__(self, graph: Graph, batched: bool = False) -> None:
        self.graph, self.batched = graph, batched
        self.items: list[ir.Item] = []
        self.views: dict[Node, View] = {}
        self.sizes: dict[str, ir.Var] = {}
        self.scalars: dict[ir.Var, float] = {}
        self.constants: dict[ir.Buffer, np.ndarray] = {}
        self.labels: dict[ir.Buffer, str] = {}
        self.streams: dict[Node, int] = {}
        self._counts: dict[str, itertools.count] = {}

    # -------------------------------------------------- names and sizes

    def fresh(self, prefix: str) -> str:
        """prefix1, prefix2, …"""
        return f"{prefix}{next(self._counts.setdefault(prefix, itertools.count(1)))}"

    def var(self, dtype: str = "int64", prefix: str = "i") -> ir.Var:
        return ir.Var(self.fresh(prefix), dtype)

    def extent(self, d: Dim) -> ir.Expr:
        """A size as an expression of the program's run-time numbers."""
        d = self.graph.facts.resolve(d)
        if not isinstance(d, Size):
            return ir.integer(d)
        total: ir.Expr = ir.ZERO
        for names, k in d.terms:
            term: ir.Expr = ir.integer(k)
            for name in names:
                term = ir.times(term, self.size(name))
            total = ir.plus(total, term)
        return total

    def size(self, name: str) -> ir.Var:
        if name not in self.sizes:
            self.sizes[name] = ir.Var(f"n{len(self.sizes)}" if self.sizes else "n", "int64")
        return self.sizes[name]

    def shape(self, node: Node) -> tuple[ir.Expr, ...]:
        return tuple(map(self.extent, node.type.shape))

    # -------------------------------------------------- buffers

    def temp(self, shape: Sequence[ir.Expr], dtype: str, prefix: str = "t") -> ir.Buffer:
        return ir.Buffer(self.fresh(prefix), tuple(shape), dtype)

    def output(self, node: Node) -> ir.Buffer:
        """The buffer that a kernel for this node writes; from now on the node is read there."""
        role = "output" if node in self.graph.outputs and not self.batched else "temp"
        prefix = "out" if role == "output" else _PREFIX.get(node.op.name, "t")
        buffer = ir.Buffer(self.fresh(prefix), self.shape(node), node.dtype, role)
        self.views[node] = whole(buffer)
        return buffer

    def argument(self, node: Node, prefix: str, role: str) -> ir.Buffer:
        buffer = ir.Buffer(self.fresh(prefix), self.shape(node), node.dtype, role)
        self.views[node] = whole(buffer)
        self.labels[buffer] = str(node.attrs.get("name", ""))
        return buffer

    def variable(self, node: Variable) -> ir.Buffer:
        return self.argument(
            node, "W" if node.rank == 2 else "b" if node.rank == 1 else "v", "variable"
        )

    def materialise(self, node: Node) -> ir.Buffer:
        """The node's elements in a buffer of its own shape and order."""
        view = self.views.get(node)
        if view is not None and view.plain:
            return view.buffer  # type: ignore[return-value]
        if view is not None and view.buffer is not None and _drops_ones(view):
            return self.reshaped(view.buffer, view.shape)
        copy = self.temp(self.shape(node), node.dtype)
        self.nest(
            copy.shape, lambda index: [ir.Store(copy, index, self.element(node, index))], "copy"
        )
        self.views[node] = whole(copy)
        return copy

    def reshaped(self, buffer: ir.Buffer, shape: Sequence[ir.Expr]) -> ir.Buffer:
        """The same memory under another shape."""
        return ir.Buffer(self.fresh("r"), tuple(shape), buffer.dtype, buffer.role, buffer)

    # -------------------------------------------------- expressions

    def element(self, node: Node, index: Index) -> ir.Expr:
        """node[index] as an expression, the index aligned at the last axis and broadcast."""
        name = node.op.name
        if name == "constant" and node.rank == 0:
            return self.number(node.attrs["value"].item(), node.dtype)
        if name == "size":
            return ir.Apply("cast", (self.extent(node.attrs["size"]),), node.dtype)
        if node not in self.views:  # cheap enough to be computed where it is used
            args = tuple(self.element(i, index[len(index) - node.rank :]) for i in node.inputs)
            return ir.Apply(name, args, node.dtype)
        view = self.views[node]
        own = index[len(index) - len(view.shape) :]
        aligned = tuple(ir.ZERO if d == ir.ONE else i for i, d in zip(own, view.shape, strict=True))
        if view.buffer is None:
            return self.element(view.source, view.at(aligned))  # type: ignore[arg-type]
        return ir.Load(view.buffer, view.at(aligned))

    def number(self, value: float, dtype: str) -> ir.Expr:
        """A number: written out where it is structure (0, 1, 1/2, …), else an argument."""
        if isinstance(value, bool) or not _is_data(value):
            return ir.Const(value, dtype)
        for var, known in self.scalars.items():
            if known == value and var.dtype == dtype:
                return var
        var = self.var(dtype, "c")
        self.scalars[var] = value
        return var

    # -------------------------------------------------- kernels

    def loops(self, shape: Iterable[ir.Expr]) -> tuple[Index, list[tuple[ir.Var, ir.Expr]]]:
        """An index for each axis and the loops it takes; an axis of length 1 takes none."""
        index: list[ir.Expr] = []
        loops: list[tuple[ir.Var, ir.Expr]] = []
        for extent in shape:
            if extent == ir.ONE:
                index.append(ir.ZERO)
            else:
                index.append(self.var())
                loops.append((index[-1], extent))  # type: ignore[arg-type]
        return tuple(index), loops

    def nest(
        self,
        shape: Sequence[ir.Expr],
        body: Callable[[Index], Sequence[ir.Stmt]],
        note: str = "",
    ) -> None:
        """A kernel that runs `body` at each index of a shape, in row order."""
        index, loops = self.loops(shape)
        self.add(wrap(loops, body(index)), note)

    def add(self, body: Iterable[ir.Stmt], note: str = "") -> None:
        self.items.append(ir.Kernel(tuple(body), note))


def wrap(loops: Sequence[tuple[ir.Var, ir.Expr]], body: Iterable[ir.Stmt]) -> tuple[ir.Stmt, ...]:
    """The statements inside the loops, the first loop outermost."""
    inner = tuple(body)
    for var, extent in reversed(loops):
        inner = (ir.Loop(var, extent, inner),)
    return inner


def _drops_ones(view: View) -> bool:
    """Do view and buffer hold the same elements in the same order, up to axes of length 1?"""
    if view.permutation is None or view.buffer is None:
        return False
    kept = [i for i in view.permutation if i >= 0 and view.buffer.shape[i] != ir.ONE]
    real = [d for d in view.buffer.shape if d != ir.ONE]
    return kept == sorted(kept) and len(kept) == len(real)


def _is_data(value: float) -> bool:
    """Is the number a user's choice (a rate, a slope) rather than part of a formula?"""
    return np.isfinite(value) and not (float(value * 2).is_integer() and abs(value) <= 8)
