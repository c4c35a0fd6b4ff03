"""Reductions along axes, and the softmax family.

Float sums are accumulated in float64 and rounded once, on every path. An empty sum is 0; mean, max,
min and argmax of nothing are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import ATOM, PRODUCT, SUM, Written, latex_text
from graphdl.core.op import Inference, Op, Sample
from graphdl.core.sizes import Dim, product
from graphdl.core.types import Type, as_axes, as_axis
from graphdl.ops.arithmetic import eq_op, isfinite, log, sqrt, square, where
from graphdl.ops.build import cast, like, operands, public
from graphdl.ops.functions import exp
from graphdl.ops.shape import axes_below, axes_text, broadcast_to, reshape, sum_latex, transpose

Axes = tuple[int, ...]


def reduced_shape(shape: Sequence[Dim], axes: Axes, keepdims: bool) -> tuple[Dim, ...]:
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def _reduce_infer(rule: Inference, a: Type, axes: Axes, keepdims: bool) -> Type:
    return a.with_shape(reduced_shape(a.shape, axes, keepdims))


def _nonempty_infer(rule: Inference, a: Type, axes: Axes, keepdims: bool) -> Type:
    if any(a.shape[i] == 0 for i in axes):
        raise rule.fail(f"of an empty axis: {a} has none to choose from along {axes}")
    return _reduce_infer(rule, a, axes, keepdims)


def spread(reduced: Node, like_node: Node, axes: Axes) -> Node:
    """A reduced tensor repeated along the axes that were reduced."""
    kept = reduced_shape(like_node.type.shape, axes, True)
    return broadcast_to(reshape(reduced, kept), like_node.type.shape)


def _mean_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    """1/n Σ a, where n is the number of elements that are summed."""
    shape = args[0].shape or ()
    count = product(tuple(shape[i] for i in attrs["axes"]))
    if count == 1:
        return args[0]
    total = sum_latex("", args, attrs)
    return Written(rf"\frac{{1}}{{{latex_text(str(count))}}} {total.text}", SUM)


def _float64(function: Callable[..., Any]) -> Callable[..., Any]:
    def reference(a: np.ndarray, axes: Axes, keepdims: bool) -> np.ndarray:
        wide = a.astype(np.float64) if a.dtype.kind == "f" else a
        return function(wide, axis=axes, keepdims=keepdims).astype(a.dtype)

    return reference


_SAMPLES = tuple(
    Sample(((4, 3),), {"axes": axes, "keepdims": keep})
    for axes, keep in (((0,), False), ((1,), True), ((0, 1), False))
)

sum_op = Op(
    name="sum",
    infer=_reduce_infer,
    reference=_float64(np.sum),
    vjp=lambda n, ct: [spread(ct, n.inputs[0], n.attrs["axes"])],
    text=axes_text,
    latex=sum_latex,
    samples=(*_SAMPLES, Sample(((0, 3),), {"axes": (0,), "keepdims": False})),
)


def _size_text(_: str, __: Any, attrs: Any) -> Written:
    """n, 2*n, n + m"""
    text = str(attrs["size"]).replace("·", "*")
    return Written(text, SUM if "+" in text or " - " in text else PRODUCT if "*" in text else ATOM)


def _size_latex(_: str, __: Any, attrs: Any) -> Written:
    text = str(attrs["size"])
    factors = r" \cdot ".join(map(latex_text, text.split("·")))
    return Written(factors, _size_text(_, __, attrs).strength)


size_op = Op(
    name="size",
    infer=lambda rule, size, dtype: Type((), dtype),
    reference=lambda size, dtype: np.asarray(size, dtype),
    vjp=lambda n, ct: (),
    text=_size_text,
    latex=_size_latex,
    samples=(Sample((), {"size": 7, "dtype": "float64"}),),
)


def size_of(node: Node, axes: Axes) -> Node:
    """The number of elements along the axes, as a scalar of the node's dtype."""
    count = product(tuple(node.type.shape[i] for i in axes))
    return (
        like(node, count)
        if isinstance(count, int)
        else apply(size_op, size=count, dtype=node.dtype)
    )


mean_op = Op(
    name="mean",
    infer=_nonempty_infer,
    reference=_float64(np.mean),
    body=lambda a, axes, keepdims: (
        apply(sum_op, a, axes=axes, keepdims=keepdims) / size_of(a, axes)
    ),
    vjp=lambda n, ct: [
        spread(ct / size_of(n.inputs[0], n.attrs["axes"]), n.inputs[0], n.attrs["axes"])
    ],
    text=axes_text,
    latex=_mean_latex,
    samples=_SAMPLES,
)


def _extreme_vjp(node: Node, ct: Node) -> list[Node]:
    """The cotangent is shared equally among the elements that reach the extreme."""
    (a,), axes = node.inputs, node.attrs["axes"]
    hit = cast(apply(eq_op, a, spread(node, a, axes)), a.dtype)
    ties = apply(sum_op, hit, axes=axes, keepdims=node.attrs["keepdims"])
    return [where(hit > 0, spread(ct / ties, a, axes), 0.0)]


def _extreme(name: str, function: Callable[..., Any]) -> Op:
    return Op(
        name=name,
        infer=_nonempty_infer,
        reference=lambda a, axes, keepdims: function(a, axis=axes, keepdims=keepdims),
        vjp=_extreme_vjp,
        text=axes_text,
        latex=lambda _, args, attrs: Written(
            rf"\{name}{axes_below(args[0].shape or (), attrs['axes'])}\left({args[0].text}\right)"
        ),
        samples=_SAMPLES,
    )


max_op = _extreme("max", np.max)
min_op = _extreme("min", np.min)


def _prod_vjp(node: Node, ct: Node) -> list[Node]:
    """∏/xᵢ; where exactly one element is 0 that element gets the product of the others."""
    (a,), axes = node.inputs, node.attrs["axes"]
    zero = apply(eq_op, a, like(a, 0.0))
    rest = apply(prod_op, where(zero, 1.0, a), axes=axes, keepdims=True)
    zeros = apply(sum_op, cast(zero, a.dtype), axes=axes, keepdims=True)
    others = where(zero, where(zeros < 2, rest, 0.0), where(zeros < 1, rest / a, 0.0))
    return [spread(ct, a, axes) * others]


prod_op = Op(
    name="prod",
    infer=_reduce_infer,
    reference=_float64(np.prod),
    vjp=_prod_vjp,
    text=axes_text,
    samples=tuple(Sample(s.shapes, s.attrs, (0.5, 1.5)) for s in _SAMPLES),
)


def _arg_infer(rule: Inference, a: Type, axis: int) -> Type:
    if a.shape[axis] == 0:
        raise rule.fail(f"of an empty axis: {a}")
    return Type(reduced_shape(a.shape, (axis,), False), "int64")


def _arg(name: str, function: Callable[..., Any]) -> Op:
    return Op(
        name=name,
        infer=_arg_infer,
        reference=lambda a, axis: function(a, axis=axis),
        samples=(Sample(((4, 3),), {"axis": 1}), Sample(((5,),), {"axis": 0})),
        why_not="an index has no derivative",
    )


argmax_op = _arg("argmax", np.argmax)
argmin_op = _arg("argmin", np.argmin)


def _shift(a: Node, axis: int) -> Node:
    """The maximum along the axis where it is finite, else 0: what may be subtracted safely."""
    top = apply(max_op, a, axes=(axis,), keepdims=True)
    return where(isfinite(top), top, 0.0)


def _logsumexp(a: Node, axis: int) -> Node:
    shift = _shift(a, axis)
    total = apply(sum_op, exp(a - shift), axes=(axis,), keepdims=True)
    return reshape(log(total) + shift, reduced_shape(a.type.shape, (axis,), False))


def _np_logsumexp(a: np.ndarray, axis: int) -> np.ndarray:
    top = a.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.exp(a - top).sum(axis, keepdims=True, dtype=np.float64)
    return (np.log(total) + top).squeeze(axis).astype(a.dtype)


def _np_log_softmax(a: np.ndarray, axis: int) -> np.ndarray:
    top = a.max(axis, keepdims=True)
    below = a - np.where(np.isfinite(top), top, 0)
    total = np.exp(below).sum(axis, keepdims=True, dtype=np.float64)
    return (below - np.log(total)).astype(a.dtype)


def _np_softmax(a: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(a - a.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True, dtype=np.float64).astype(a.dtype)


def _softmax_body(a: Node, axis: int) -> Node:
    e = exp(a - _shift(a, axis))  # the same node as in logsumexp: computed once for both
    return e / apply(sum_op, e, axes=(axis,), keepdims=True)


def _log_softmax_body(a: Node, axis: int) -> Node:
    shifted = a - _shift(a, axis)
    return shifted - log(apply(sum_op, exp(shifted), axes=(axis,), keepdims=True))


def _along_text(name: str, args: Sequence[Written], attrs: Any) -> Written:
    """softmax(a), with the axis where it is not the last."""
    last = args[0].shape is not None and attrs["axis"] == len(args[0].shape) - 1
    return Written(f"{name}({args[0].text}{'' if last else ', axis=' + str(attrs['axis'])})")


def _row_op(name: str, reference: Any, body: Any, vjp: Any, keep: bool = True) -> Op:
    def infer(rule: Inference, a: Type, axis: int) -> Type:
        reduced = _nonempty_infer(rule, a, (axis,), False)
        return a if keep else reduced

    return Op(
        name=name,
        infer=infer,
        reference=reference,
        body=body,
        vjp=vjp,
        text=_along_text,
        samples=tuple(Sample(((4, 3),), {"axis": axis}) for axis in (1, 0)),
    )


def _softmax_vjp(node: Node, ct: Node) -> list[Node]:
    """y ⊙ (ct − Σ ct ⊙ y)"""
    along = apply(sum_op, ct * node, axes=(node.attrs["axis"],), keepdims=True)
    return [node * (ct - along)]


def _log_softmax_vjp(node: Node, ct: Node) -> list[Node]:
    """ct − softmax ⊙ Σ ct"""
    axis = node.attrs["axis"]
    total = apply(sum_op, ct, axes=(axis,), keepdims=True)
    return [ct - apply(softmax_op, node.inputs[0], axis=axis) * total]


def _logsumexp_vjp(node: Node, ct: Node) -> list[Node]:
    """softmax ⊙ ct; 0 where every element is -inf."""
    (a,), axis = node.inputs, node.attrs["axis"]
    some = spread(node, a, (axis,)) > -np.inf
    return [where(some, apply(softmax_op, a, axis=axis) * spread(ct, a, (axis,)), 0.0)]


softmax_op = _row_op("softmax", _np_softmax, _softmax_body, _softmax_vjp)
log_softmax_op = _row_op(
    "log_softmax",
    _np_log_softmax,
    _log_softmax_body,
    _log_softmax_vjp,
)
logsumexp_op = _row_op("logsumexp", _np_logsumexp, _logsumexp, _logsumexp_vjp, keep=False)


# ------------------------------------------------------------------ the functions of the face


def _reduction(op: Op, a: Any, axis: Any, keepdims: bool, floating: bool) -> Node:
    node = operands(a, floating=floating)[0]
    axes = as_axes(axis, node.rank, op.name)
    return apply(op, node, axes=axes, keepdims=bool(keepdims)) if axes or node.rank else node


def _face(op: Op, doc: str, floating: bool = True) -> Callable[..., Node]:
    def function(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
        return _reduction(op, a, axis, keepdims, floating)

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"{doc} along the axes (default: all)."
    return public(function)


sum = _face(sum_op, "The sum", floating=False)
mean = _face(mean_op, "The mean")
max = _face(max_op, "The largest element", floating=False)
min = _face(min_op, "The smallest element", floating=False)
prod = _face(prod_op, "The product")


@public
def var(a: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """The variance along the axes, in two passes; divides by n - ddof."""
    node = operands(a, floating=True)[0]
    axes = as_axes(axis, node.rank, "var")
    deviation = node - mean(node, axes, keepdims=True)
    total = sum(square(deviation), axes, keepdims)
    count = size_of(node, axes)
    return total / (count - ddof if ddof else count)


@public
def std(a: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """The standard deviation; the gradient at a constant is 0."""
    variance = var(a, axis, keepdims, ddof)
    return where(variance > 0, sqrt(variance), 0.0)


@public
def norm(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """The Euclidean norm along the axes; the gradient at 0 is 0."""
    total = sum(square(operands(a, floating=True)[0]), axis, keepdims)
    return where(total > 0, sqrt(total), 0.0)


def _along(op: Op, a: Any, axis: int, floating: bool = True) -> Node:
    node = operands(a, floating=floating)[0]
    return apply(op, node, axis=as_axis(axis, node.rank, op.name))


@public
def argmax(a: Any, axis: int = -1) -> Node:
    """The index of the first largest element; of the first NaN if there is one."""
    return _along(argmax_op, a, axis, floating=False)


@public
def argmin(a: Any, axis: int = -1) -> Node:
    """The index of the first smallest element; of the first NaN if there is one."""
    return _along(argmin_op, a, axis, floating=False)


@public
def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """log Σ eᵃ, with the largest element taken out first."""
    node = operands(a, floating=True)[0]
    axes = as_axes(axis, node.rank, "logsumexp")
    if len(axes) != 1:
        rest = [i for i in range(node.rank) if i not in axes]
        kept = tuple(node.type.shape[i] for i in rest)
        last = transpose(node, (*rest, *axes))
        out = apply(logsumexp_op, reshape(last, (*kept, -1)), axis=len(kept))
    else:
        out = apply(logsumexp_op, node, axis=axes[0])
    return reshape(out, reduced_shape(node.type.shape, axes, keepdims))


@public
def softmax(a: Any, axis: int = -1) -> Node:
    """eᵃ / Σ eᵃ along an axis."""
    return _along(softmax_op, a, axis)


@public
def log_softmax(a: Any, axis: int = -1) -> Node:
    """log softmax(a), finite for every finite a."""
    return _along(log_softmax_op, a, axis)
