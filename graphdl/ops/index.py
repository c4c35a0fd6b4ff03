"""Positions and indices: arange, gather, one-hot, sorting, cumulative sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, apply
from graphdl.core.notation import Written, latex_call, latex_text
from graphdl.core.op import Inference, Op, Sample
from graphdl.core.types import Type, as_axis, as_shape, dtype_name
from graphdl.ops.arithmetic import equal
from graphdl.ops.build import cast, constant, operands, public
from graphdl.ops.shape import broadcast_to, expand_dims, flip_op, getitem, transpose

iota_op = Op(
    name="iota",
    infer=lambda rule, size, dtype: Type((size,), dtype),
    reference=lambda size, dtype: np.arange(size, dtype=dtype),
    vjp=lambda n, ct: (),
    text=lambda _, __, attrs: Written(f"arange({attrs['size']})"),
    latex=lambda _, __, attrs: latex_call("arange", [Written(latex_text(str(attrs["size"])))], {}),
    samples=(
        Sample((), {"size": 5, "dtype": "int64"}),
        Sample((), {"size": 0, "dtype": "float32"}),
    ),
)


def _whole(rule: Inference, indices: Type) -> None:
    if indices.dtype not in ("int32", "int64"):
        raise rule.fail(f"indices are whole numbers, got {indices.dtype}; use gd.cast")


def _gather_infer(rule: Inference, a: Type, indices: Type, axis: int) -> Type:
    _whole(rule, indices)
    return a.with_shape((*a.shape[:axis], *indices.shape, *a.shape[axis + 1 :]))


def _checked(indices: np.ndarray, extent: int) -> np.ndarray:
    bad = (indices < 0) | (indices >= extent)
    if bad.any():
        raise IndexError(f"index {indices[bad].flat[0]} is outside an axis of {extent} elements")
    return indices


def _scatter(ct: np.ndarray, indices: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    out = np.zeros(shape, np.float64)
    rows = np.moveaxis(out, axis, 0)
    span = tuple(range(axis, axis + indices.ndim))
    np.add.at(rows, indices, np.moveaxis(ct, span, tuple(range(indices.ndim))))
    return out.astype(ct.dtype)


gather_op = Op(
    name="gather",
    infer=_gather_infer,
    reference=lambda a, indices, axis: np.take(a, _checked(indices, a.shape[axis]), axis),
    vjp=lambda n, ct: [
        apply(scatter_op, ct, n.inputs[1], shape=n.inputs[0].type.shape, axis=n.attrs["axis"]),
        None,
    ],
    samples=(
        Sample(((4, 3), (5,)), {"axis": 0}, dtypes=("float", "int64"), low_high=(0, 4)),
        Sample(((4, 3), (2, 2)), {"axis": 1}, dtypes=("float", "int64"), low_high=(0, 3)),
        Sample(((4, 3), ()), {"axis": 1}, dtypes=("float", "int64"), low_high=(0, 3)),
    ),
    why_not="an index has no derivative",
)

scatter_op = Op(
    name="scatter_add",
    infer=lambda rule, ct, indices, shape, axis: Type(tuple(shape), ct.dtype),
    reference=_scatter,
    vjp=lambda n, ct: [apply(gather_op, ct, n.inputs[1], axis=n.attrs["axis"]), None],
    samples=(
        Sample(
            ((5, 3), (5,)),
            {"shape": (4, 3), "axis": 0},
            dtypes=("float", "int64"),
            low_high=(0, 4),
        ),
        Sample(
            ((4, 3), ()),
            {"shape": (4, 5, 3), "axis": 1},
            dtypes=("float", "int64"),
            low_high=(0, 5),
        ),
    ),
    why_not="an index has no derivative",
)


def _along_infer(rule: Inference, a: Type, indices: Type, axis: int) -> Type:
    _whole(rule, indices)
    if a.rank != indices.rank:
        raise rule.fail(f"the indices {indices} need as many axes as {a}")
    for i, (d, e) in enumerate(zip(a.shape, indices.shape, strict=True)):
        if i != axis:
            rule.equate(d, e)
    return a.with_shape(indices.shape)


def _put_along(ct: np.ndarray, indices: np.ndarray, extent: int, axis: int) -> np.ndarray:
    shape = (*ct.shape[:axis], extent, *ct.shape[axis + 1 :])
    out, where = np.zeros(shape, np.float64), list(np.indices(ct.shape))
    where[axis] = indices
    np.add.at(out, tuple(where), ct)
    return out.astype(ct.dtype)


take_along_op = Op(
    name="take_along",
    infer=_along_infer,
    reference=lambda a, indices, axis: np.take_along_axis(
        a, _checked(indices, a.shape[axis]), axis
    ),
    vjp=lambda n, ct: [
        apply(
            put_along_op,
            ct,
            n.inputs[1],
            extent=n.inputs[0].type.shape[n.attrs["axis"]],
            axis=n.attrs["axis"],
        ),
        None,
    ],
    samples=(
        Sample(((4, 3), (4, 2)), {"axis": 1}, dtypes=("float", "int64"), low_high=(0, 3)),
        Sample(((4, 3), (2, 3)), {"axis": 0}, dtypes=("float", "int64"), low_high=(0, 4)),
    ),
    why_not="an index has no derivative",
)

put_along_op = Op(
    name="put_along",
    infer=lambda rule, ct, indices, extent, axis: ct.with_shape(
        (*ct.shape[:axis], extent, *ct.shape[axis + 1 :])
    ),
    reference=_put_along,
    vjp=lambda n, ct: [apply(take_along_op, ct, n.inputs[1], axis=n.attrs["axis"]), None],
    samples=(
        Sample(
            ((4, 2), (4, 2)),
            {"extent": 3, "axis": 1},
            dtypes=("float", "int64"),
            low_high=(0, 3),
        ),
    ),
    why_not="an index has no derivative",
)

argsort_op = Op(
    name="argsort",
    infer=lambda rule, a: Type(a.shape, "int64"),
    reference=lambda a: np.argsort(a, -1, kind="stable"),
    samples=(Sample(((4, 5),)), Sample(((6,),)), Sample(((2, 0),))),
    why_not="an order has no derivative",
)


def _cumsum(a: np.ndarray, axis: int) -> np.ndarray:
    wide = a.astype(np.float64) if a.dtype.kind == "f" else a
    return np.cumsum(wide, axis).astype(a.dtype)


cumsum_op = Op(
    name="cumsum",
    infer=lambda rule, a, axis: a,
    reference=_cumsum,
    vjp=lambda n, ct: [_reversed_cumsum(ct, n.attrs["axis"])],
    samples=(Sample(((4, 3),), {"axis": 0}), Sample(((4, 3),), {"axis": 1})),
)


def _reversed_cumsum(ct: Node, axis: int) -> Node:
    back = apply(flip_op, ct, axes=(axis,))
    return apply(flip_op, apply(cumsum_op, back, axis=axis), axes=(axis,))


# ------------------------------------------------------------------ the functions of the face


def _filled(shape: Any, value: float, dtype: str | None) -> Node:
    return broadcast_to(constant(value, dtype_name(dtype)), as_shape(shape))


def zeros(shape: Any, dtype: str | None = None) -> Node:
    """A tensor of zeros; sizes may be named."""
    return _filled(shape, 0.0, dtype)


def ones(shape: Any, dtype: str | None = None) -> Node:
    """A tensor of ones; sizes may be named."""
    return _filled(shape, 1.0, dtype)


def arange(size: Any, dtype: str = "int64") -> Node:
    """0, 1, …, size - 1."""
    return apply(iota_op, size=as_shape(size)[0], dtype=dtype_name(dtype))


def eye(rows: Any, columns: Any = None, dtype: str | None = None) -> Node:
    """1 on the diagonal, 0 elsewhere."""
    columns = rows if columns is None else columns
    same = equal(expand_dims(arange(rows), 1), expand_dims(arange(columns), 0))
    return cast(same, dtype_name(dtype))


@public
def gather(a: Any, indices: Any, axis: int = 0) -> Node:
    """The slices of `a` along an axis that the indices name."""
    node, which = operands(a)[0], operands(indices)[0]
    return apply(gather_op, node, which, axis=as_axis(axis, node.rank, "gather"))


@public
def take_along(a: Any, indices: Any, axis: int = -1) -> Node:
    """For each position, the element of `a` at the index along an axis."""
    node, which = operands(a)[0], operands(indices)[0]
    return apply(take_along_op, node, which, axis=as_axis(axis, node.rank, "take_along"))


def _one_hot_infer(rule: Inference, y: Type, depth: int, dtype: str) -> Type:
    if y.dtype not in ("int32", "int64"):
        raise rule.fail(f"one_hot takes whole numbers, got {y.dtype}; use gd.cast")
    return Type((*y.shape, depth), dtype)


def _one_hot_body(y: Node, depth: int, dtype: str) -> Node:
    """1 where the class is y"""
    return cast(equal(expand_dims(y, y.rank), arange(depth, y.dtype)), dtype)


one_hot_op = Op(
    name="one_hot",
    infer=_one_hot_infer,
    reference=lambda y, depth, dtype: (y[..., None] == np.arange(depth)).astype(dtype),
    vjp=lambda node, ct: [None],
    body=_one_hot_body,
    text=lambda _, args, attrs: Written(f"one_hot({args[0].text}, {attrs['depth']})"),
    latex=lambda _, args, attrs: latex_call(
        "onehot", [args[0], Written(latex_text(str(attrs["depth"])))], {}
    ),
    samples=(
        Sample(((4,),), {"depth": 3, "dtype": "float64"}, dtypes=("int64",), low_high=(0, 3)),
    ),
    why_not="a class has no derivative",
)


@public
def one_hot(indices: Any, depth: int, dtype: str | None = None) -> Node:
    """1 at the index, 0 elsewhere, along a new last axis of length `depth`."""
    which = operands(indices)[0]
    return apply(one_hot_op, which, depth=as_shape((depth,))[0], dtype=dtype_name(dtype))


@public
def argsort(a: Any, axis: int = -1) -> Node:
    """The indices that sort along an axis, smallest first; ties keep their order; NaN last."""
    node = operands(a)[0]
    k = as_axis(axis, node.rank, "argsort")
    return _on_last(node, k, lambda last: apply(argsort_op, last))


@public
def sort(a: Any, axis: int = -1) -> Node:
    """Sorted along an axis, smallest first."""
    node = operands(a)[0]
    k = as_axis(axis, node.rank, "sort")
    return apply(take_along_op, node, argsort(node, k), axis=k)


@public
def top_k(a: Any, k: int) -> tuple[Node, Node]:
    """The k largest along the last axis, largest first, and their indices."""
    node = operands(a)[0]
    last = node.shape[-1] if node.rank else 1
    if isinstance(k, bool) or not hasattr(k, "__index__") or k < 0:
        raise ShapeError(f"top_k: k is a whole number ≥ 0, got {k!r}")
    if not node.rank or (isinstance(last, int) and k > last):
        raise ShapeError(f"top_k: there are no {k} elements along the last axis of {node.type}")
    order = getitem(argsort(-node), (Ellipsis, slice(0, k)))
    return apply(take_along_op, node, order, axis=node.rank - 1), order


@public
def cumsum(a: Any, axis: int = -1) -> Node:
    """Running sums along an axis."""
    node = operands(a)[0]
    return apply(cumsum_op, node, axis=as_axis(axis, node.rank, "cumsum"))


def _on_last(node: Node, axis: int, function: Any) -> Node:
    order = [i for i in range(node.rank) if i != axis] + [axis]
    back = tuple(order.index(i) for i in range(node.rank))
    return transpose(function(transpose(node, tuple(order))), back)
