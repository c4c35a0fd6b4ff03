"""Lowering of operations that compute: elementwise, reductions, products, indices, random draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from codegen import ir
from codegen.optimisations import on
from graphdl.core.graph import Node
from graphdl.lower import moves
from graphdl.lower.build import Builder, Index, wrap

WIDE = {"float32": "float64"}  # what sums of a dtype accumulate in


def equation(b: Builder, node: Node, out: ir.Buffer) -> str:
    """The node as a line of mathematics in the program's own names."""
    return f"{out.name} = {node.op.name}({', '.join(_word(b, i) for i in node.inputs)})"


def _word(b: Builder, node: Node) -> str:
    view = b.views.get(node)
    if view is not None and view.buffer is not None:
        return view.buffer.name
    if node.op.name in ("constant", "size") or not node.inputs:
        return "c"
    return f"{node.op.name}({', '.join(_word(b, i) for i in node.inputs)})"


def elementwise(b: Builder, node: Node) -> None:
    out = b.output(node)

    def body(index: Index) -> list[ir.Stmt]:
        args = tuple(b.element(i, index) for i in node.inputs)
        return [ir.Store(out, index, ir.Apply(node.op.name, args, node.dtype))]

    b.nest(out.shape, body, equation(b, node, out))


def iota(b: Builder, node: Node) -> None:
    out = b.output(node)
    b.nest(
        out.shape,
        lambda index: [ir.Store(out, index, ir.Apply("cast", (index[0],), node.dtype))],
        f"{out.name} = 0, 1, …",
    )


# ------------------------------------------------------------------ reductions

IDENTITY = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}
COMBINE = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}


def _identity(kind: str, dtype: str) -> ir.Const:
    value = IDENTITY[kind]
    if dtype.startswith("int") and np.isinf(value):
        info = np.iinfo(dtype)
        return ir.Const(info.min if value < 0 else info.max, dtype)
    return ir.Const(value if dtype.startswith("float") else int(value), dtype)


def reduction(b: Builder, node: Node) -> None:
    """Over attrs["axes"]."""
    kind, axes = node.op.name, set(node.attrs["axes"])
    _reduce(b, node, kind, axes)


def sum_to(b: Builder, node: Node) -> None:
    source, shape = b.shape(node.inputs[0]), b.shape(node)
    lead = len(source) - len(shape)
    ones = {k + lead for k, d in enumerate(shape) if d == ir.ONE}
    _reduce(b, node, "sum", set(range(lead)) | ones)


def _reduce(b: Builder, node: Node, kind: str, axes: set[int]) -> None:
    source = node.inputs[0]
    if all(b.shape(source)[k] == ir.ONE for k in axes):  # nothing to add up
        moves.same_elements(b, node)
        return
    out = b.output(node)
    wide = WIDE.get(node.dtype, node.dtype) if kind in ("sum", "prod") else node.dtype
    index, _ = b.loops(b.shape(source))
    kept = tuple(i for k, i in enumerate(index) if k not in axes)
    element = _cast(b.element(source, index), wide)
    reduce_into(
        b, out, index, b.shape(source), axes, kept, element, kind, wide, equation(b, node, out)
    )


def _cast(e: ir.Expr, dtype: str) -> ir.Expr:
    return e if e.dtype == dtype else ir.Apply("cast", (e,), dtype)


def reduce_into(
    b: Builder,
    out: ir.Buffer,
    index: Index,
    extents: tuple[ir.Expr, ...],
    axes: set[int],
    kept: Index,
    element: ir.Expr,
    kind: str,
    wide: str,
    note: str,
) -> None:
    """out[kept] = the reduction of `element` over the loops of `axes`, in row order.

    Where the reduced axes are the innermost ones the accumulator is a scalar; else it is a buffer
    that the whole nest adds to, so that memory is read in the order it lies.
    """
    loops = [
        (i, d, k in axes)
        for k, (i, d) in enumerate(zip(index, extents, strict=True))
        if i != ir.ZERO
    ]
    position = _store_index(out, kept)
    first_reduced = next((p for p, (_, _, r) in enumerate(loops) if r), len(loops))
    if all(r for _, _, r in loops[first_reduced:]):
        acc = b.var(wide, "s")
        inner = wrap([(i, d) for i, d, r in loops if r], [ir.Update(acc, COMBINE[kind], element)])  # type: ignore[misc]
        body = [
            ir.Let(acc, _identity(kind, wide)),
            *inner,
            ir.Store(out, position, _cast(acc, out.dtype)),
        ]
        b.add(wrap([(i, d) for i, d, r in loops if not r], body), note)  # type: ignore[misc]
        return
    target = out if wide == out.dtype else b.temp(out.shape, wide, "s")
    b.nest(
        target.shape, lambda at: [ir.Store(target, at, _identity(kind, wide))], f"{target.name} = 0"
    )
    update = ir.Store(target, position, element, COMBINE[kind])
    b.add(wrap([(i, d) for i, d, _ in loops], [update]), note)  # type: ignore[misc]
    if target is not out:
        b.nest(
            out.shape,
            lambda at: [ir.Store(out, at, _cast(ir.Load(target, at), out.dtype))],
            f"{out.name} = {target.name}",
        )


def _store_index(out: ir.Buffer, kept: Index) -> Index:
    """The kept loop variables spread over the output's axes; its axes of length 1 are 0."""
    real = iter([i for i in kept if i != ir.ZERO])
    return tuple(ir.ZERO if d == ir.ONE else next(real) for d in out.shape)


def arg_extreme(b: Builder, node: Node) -> None:
    """argmax, argmin: the first best element; the first NaN where there is one."""
    source, out, axis = node.inputs[0], b.output(node), node.attrs["axis"]
    kind = "max" if node.op.name == "argmax" else "min"
    start = _identity(kind, source.dtype)
    index, _ = b.loops(b.shape(source))
    shape = b.shape(source)
    if index[axis] == ir.ZERO:
        b.nest(out.shape, lambda at: [ir.Store(out, at, ir.Const(0, "int64"))])
        return
    best, at, back = b.var(source.dtype, "m"), b.var("int64", "k"), b.var()
    x = b.element(source, index)
    # a NaN is the best of its row; backwards, the last to be found is the first there is
    last = ir.minus(ir.minus(shape[axis], ir.ONE), back)
    y = b.element(source, tuple(last if k == axis else i for k, i in enumerate(index)))
    found = ir.Apply("eq", (y, best), "bool")
    if source.type.is_float:
        found = ir.Apply("or", (found, ir.Apply("ne", (y, y), "bool")), "bool")
    choose = ir.Update(at, "set", ir.Apply("where", (found, last, at), "int64"))
    kept = tuple(i for k, i in enumerate(index) if k != axis)
    body = [
        ir.Let(best, start),
        ir.Loop(index[axis], shape[axis], (ir.Update(best, COMBINE[kind], x),)),  # type: ignore[arg-type]
        ir.Let(at, ir.Const(0, "int64")),
        ir.Loop(back, shape[axis], (choose,)),
        ir.Store(out, kept, at),
    ]
    loops = [
        (i, d)
        for k, (i, d) in enumerate(zip(index, shape, strict=True))
        if k != axis and i != ir.ZERO
    ]
    b.add(wrap(loops, body), equation(b, node, out))  # type: ignore[arg-type]


def cumsum(b: Builder, node: Node) -> None:
    source, out, axis = node.inputs[0], b.output(node), node.attrs["axis"]
    shape = b.shape(source)
    index, _ = b.loops(shape)
    wide = WIDE.get(node.dtype, node.dtype)
    acc = b.var(wide, "s")
    add = ir.Update(acc, "add", _cast(b.element(source, index), wide))
    step = [add, ir.Store(out, index, _cast(acc, node.dtype))]
    along = [] if index[axis] == ir.ZERO else [(index[axis], shape[axis])]
    body = [ir.Let(acc, _identity("sum", wide)), *wrap(along, step)]  # type: ignore[arg-type]
    loops = [
        (i, d)
        for k, (i, d) in enumerate(zip(index, shape, strict=True))
        if k != axis and i != ir.ZERO
    ]
    b.add(wrap(loops, body), equation(b, node, out))  # type: ignore[arg-type]


# ------------------------------------------------------------------ matrix products


def matmul(b: Builder, node: Node) -> None:
    """A product of tiles for matrices; loops for batches and for thin products (one row or column)."""
    x, y = node.inputs
    rows, inner, columns = b.shape(x)[-2], b.shape(x)[-1], b.shape(y)[-1]
    thin = ir.ONE in (rows, inner, columns) and on("thin")
    if node.rank > 2 or thin:
        _loop_product(b, node, inner)
        return
    a, ta = _operand(b, x)
    c, tb = _operand(b, y)
    out = b.output(node)
    note = f"{out.name} = {a.name}{'ᵀ' * ta} @ {c.name}{'ᵀ' * tb}"
    b.items.append(ir.MatMul(a, c, out, ta, tb, note))


def _operand(b: Builder, node: Node) -> tuple[ir.Buffer, bool]:
    """A buffer and whether it is to be read transposed: a transpose costs no copy."""
    view = b.views.get(node)
    matrix = view is not None and view.buffer is not None and len(view.buffer.shape) == 2
    if matrix and view.permutation == (1, 0):
        return view.buffer, True
    return b.materialise(node), False


def _loop_product(b: Builder, node: Node, inner: ir.Expr) -> None:
    """out[…, i, j] = Σ_k x[…, i, k]·y[…, k, j]"""
    x, y = node.inputs
    out = b.output(node)
    index, _ = b.loops(out.shape)
    k = ir.ZERO if inner == ir.ONE else b.var()
    left, right = (*index[:-1], k), (*index[:-2], k, index[-1])
    product = ir.Apply("mul", (b.element(x, left), b.element(y, right)), node.dtype)
    if k == ir.ZERO:
        loops = [(i, d) for i, d in zip(index, out.shape, strict=True) if i != ir.ZERO]
        b.add(wrap(loops, [ir.Store(out, index, product)]), equation(b, node, out))  # type: ignore[arg-type]
        return
    # row order of the larger operand: k runs innermost unless the columns are the longer rows
    order = (*index[:-2], index[-2], k, index[-1]) if out.shape[-1] != ir.ONE else (*index[:-1], k)
    extent = {**dict(zip(index, out.shape, strict=True)), k: inner}
    if out.shape[-1] == ir.ONE and _reads_transposed(b, x):
        order = (*index[:-2], k, index[-2])
    loops_of = tuple(i for i in order if i != ir.ZERO)
    axes = {p for p, i in enumerate(loops_of) if i == k}
    kept = tuple(i for i in index if i != ir.ZERO)
    reduce_into(
        b, out, loops_of, tuple(extent[i] for i in loops_of), axes, kept, product, "sum",
        node.dtype, equation(b, node, out),
    )  # fmt: skip


def _reads_transposed(b: Builder, x: Node) -> bool:
    view = b.views.get(x)
    return (
        view is not None
        and view.permutation is not None
        and len(view.permutation) > 1
        and (list(view.permutation) != sorted(view.permutation))
    )


# ------------------------------------------------------------------ indices and random draws


def _within(b: Builder, index: ir.Expr, extent: ir.Expr) -> ir.Expr:
    """An index from data, held inside the axis: memory is safe whatever it says."""
    wide = _cast(index, "int64")
    last = ir.minus(extent, ir.ONE)
    return ir.Apply("clip", (wide, ir.ZERO, last), "int64")


def gather(b: Builder, node: Node) -> None:
    source, which = node.inputs
    out, axis, span = b.output(node), node.attrs["axis"], node.inputs[1].rank
    extent = b.shape(source)[axis]

    def body(index: Index) -> list[ir.Stmt]:
        at = _within(b, b.element(which, index[axis : axis + span]), extent)
        return [ir.Store(out, index, b.element(source, (*index[:axis], at, *index[axis + span :])))]

    b.nest(out.shape, body, equation(b, node, out))


def take_along(b: Builder, node: Node) -> None:
    source, which = node.inputs
    out, axis = b.output(node), node.attrs["axis"]
    extent = b.shape(source)[axis]

    def body(index: Index) -> list[ir.Stmt]:
        at = _within(b, b.element(which, index), extent)
        return [ir.Store(out, index, b.element(source, (*index[:axis], at, *index[axis + 1 :])))]

    b.nest(out.shape, body, equation(b, node, out))


def scatter(b: Builder, node: Node) -> None:
    """Sums at the places that indices name, in the order of the rows."""
    ct, which = node.inputs
    out, axis = b.output(node), node.attrs["axis"]
    scattered = node.op.name == "scatter_add"  # else each position has an index of its own
    span = which.rank if scattered else 1  # the axes of the source that the index stands for
    wide = WIDE.get(node.dtype, node.dtype)
    target = out if wide == node.dtype else b.temp(out.shape, wide, "s")
    b.nest(
        target.shape,
        lambda at: [ir.Store(target, at, _identity("sum", wide))],
        f"{target.name} = 0",
    )

    def body(index: Index) -> list[ir.Stmt]:
        source = index[axis : axis + span] if scattered else index
        at = _within(b, b.element(which, source), out.shape[axis])
        rest = index[axis + span :]
        value = _cast(b.element(ct, index), wide)
        return [ir.Store(target, (*index[:axis], at, *rest), value, "add")]

    b.nest(b.shape(ct), body, equation(b, node, out))
    if target is not out:
        b.nest(
            out.shape,
            lambda at: [ir.Store(out, at, _cast(ir.Load(target, at), node.dtype))],
            f"{out.name} = {target.name}",
        )


def argsort(b: Builder, node: Node) -> None:
    source = b.materialise(node.inputs[0])
    out = b.output(node)
    b.items.append(ir.ArgSort(source, out, equation(b, node, out)))


def random_draw(b: Builder, node: Node) -> None:
    """Value number i (in row order) of the node's stream, at this step."""
    out = b.output(node)
    kind = "uniform" if node.op.name == "random_uniform" else "normal"
    stream, own = ir.integer(b.streams[node]), node.attrs["seed"]
    seed = ir.Var("seed", "int64") if own is None else b.number(own, "int64")

    def body(index: Index) -> list[ir.Stmt]:
        element: ir.Expr = ir.ZERO
        for i, d in zip(index, out.shape, strict=True):
            element = ir.plus(ir.times(element, d), i)
        args = (seed, stream, ir.Var("step", "int64"), element)
        return [ir.Store(out, index, ir.Apply(f"{kind}{node.dtype[5:]}", args, node.dtype))]

    b.nest(out.shape, body, f"{out.name} = {kind}")


RULES: dict[str, Callable[[Builder, Node], None]] = {
    "iota": iota,
    "sum_to": sum_to,
    "argmax": arg_extreme,
    "argmin": arg_extreme,
    "cumsum": cumsum,
    "matmul": matmul,
    "gather": gather,
    "take_along": take_along,
    "scatter_add": scatter,
    "put_along": scatter,
    "argsort": argsort,
    "random_uniform": random_draw,
    "random_normal": random_draw,
    **dict.fromkeys(("sum", "prod", "max", "min"), reduction),
}
