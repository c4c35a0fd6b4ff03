"""Moving elements: reshape, transpose, broadcast, slice, place, concatenate, flip.

`place` (an array set into zeros) and `slice` are each other's derivative, `sum_to` and
`broadcast_to` too, `concat` is the sum of places. Sizes may be named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import ShapeError
from graphdl.core.graph import Node, apply
from graphdl.core.notation import ATOM, MATRIX, POWER, SUM, Written, latex_text
from graphdl.core.op import Inference, Op, Sample
from graphdl.core.sizes import Dim, Size, divide, product
from graphdl.core.types import Type, as_axes, as_axis, as_shape
from graphdl.ops.arithmetic import where
from graphdl.ops.build import constant, operands, public

Shape = tuple[Dim, ...]


def axes_text(name: str, args: Sequence[Written], attrs: Any) -> Written:
    """sum(a), or sum(a, axis=0) where not all axes are meant."""
    words, axes = [args[0].text], attrs["axes"]
    if args[0].shape is None or len(axes) != len(args[0].shape):
        words.append(f"axis={axes[0] if len(axes) == 1 else axes}")
    if attrs["keepdims"]:
        words.append("keepdims=True")
    return Written(f"{name}({', '.join(words)})")


def axes_below(shape: Shape, axes: Sequence[int]) -> str:
    """Nothing where all axes are meant; else the names of their sizes, or their numbers."""
    if len(axes) == len(shape):
        return ""
    named = [str(shape[i]) for i in axes if isinstance(shape[i], Size)]
    words = named if len(named) == len(axes) else [str(i) for i in axes]
    kind = "" if words is named else r"\mathrm{axis}\ "
    return f"_{{{kind}{latex_text(', '.join(words))}}}"


def sum_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    """Σ a, with the axes below where not all are meant."""
    below = axes_below(args[0].shape or (), attrs["axes"])
    return Written(rf"\sum{below} {args[0].at_least(MATRIX)}", SUM)


def _reshape_infer(rule: Inference, a: Type, shape: Shape) -> Type:
    if rule.facts.resolve(product(a.shape)) != rule.facts.resolve(product(shape)):
        rule.equate(product(a.shape), product(shape), f"{a} cannot take the shape {shape}")
    return a.with_shape(shape)


def _units(shape: Shape, other: Shape) -> str | None:
    """The index that turns `shape` into `other` by adding or dropping axes of length 1."""
    words, rest = [], list(other)
    for d in shape:
        while rest and rest[0] == 1 and d != 1:
            words.append("None")
            rest.pop(0)
        if rest and rest[0] == d:
            words.append(":")
            rest.pop(0)
        elif d == 1:
            words.append("0")
        else:
            return None
    return ", ".join(words + ["None"] * len(rest)) if all(d == 1 for d in rest) else None


def _reshape_text(_: str, args: Sequence[Written], attrs: Any) -> Written:
    """a[:, None] where only axes of length 1 come or go."""
    index = _units(args[0].shape, attrs["shape"]) if args[0].shape is not None else None
    if index is None:
        return Written(f"reshape({args[0].text}, {attrs['shape']})")
    return Written(f"{args[0].at_least(ATOM)}[{index}]")


def _reshape_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    index = _units(args[0].shape, attrs["shape"]) if args[0].shape is not None else None
    if index is not None:
        below = index.replace("None", r"\mathrm{new}")
        return Written(rf"{{{args[0].at_least(ATOM)}}}_{{{below}}}")
    sizes = r" \times ".join(latex_text(str(d)) for d in attrs["shape"])
    return Written(rf"\operatorname{{reshape}}_{{{sizes}}}\left({args[0].text}\right)")


reshape_op = Op(
    name="reshape",
    infer=_reshape_infer,
    reference=lambda a, shape: np.reshape(a, shape),
    vjp=lambda n, ct: [reshape(ct, n.inputs[0].type.shape)],
    moves=True,
    text=_reshape_text,
    latex=_reshape_latex,
    samples=(Sample(((4, 3),), {"shape": (2, 6)}), Sample(((6,),), {"shape": (2, 3, 1)})),
)


def _transpose_infer(rule: Inference, a: Type, axes: tuple[int, ...]) -> Type:
    return a.with_shape(tuple(a.shape[i] for i in axes))


def _swaps_last(axes: Sequence[int]) -> bool:
    rank = len(axes)
    return tuple(axes) == (*range(rank - 2), rank - 1, rank - 2)


def _transpose_text(_: str, args: Sequence[Written], attrs: Any) -> Written:
    if _swaps_last(attrs["axes"]):
        return Written(f"{args[0].at_least(ATOM)}ᵀ")
    return Written(f"transpose({args[0].text}, {attrs['axes']})")


def _transpose_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    mark = r"\top" if _swaps_last(attrs["axes"]) else rf"\pi{attrs['axes']}"
    return Written(rf"{args[0].at_least(ATOM)}^{{{mark}}}", POWER)


transpose_op = Op(
    name="transpose",
    infer=_transpose_infer,
    reference=lambda a, axes: np.transpose(a, axes),
    vjp=lambda n, ct: [transpose(ct, tuple(np.argsort(n.attrs["axes"]).tolist()))],
    moves=True,
    text=_transpose_text,
    latex=_transpose_latex,
    samples=(Sample(((4, 3),), {"axes": (1, 0)}), Sample(((2, 3, 4),), {"axes": (2, 0, 1)})),
)


def _broadcast_infer(rule: Inference, a: Type, shape: Shape) -> Type:
    if len(shape) < a.rank:
        raise rule.fail(f"cannot broadcast {a} to fewer axes: {shape}")
    for d, target in zip(reversed(a.shape), reversed(shape), strict=False):
        if d != 1:
            rule.equate(d, target, f"{a} cannot be repeated to the shape {shape}")
    return a.with_shape(shape)


broadcast_op = Op(
    name="broadcast_to",
    infer=_broadcast_infer,
    reference=lambda a, shape: np.broadcast_to(a, shape),
    vjp=lambda n, ct: [sum_to(ct, n.inputs[0].type.shape)],
    moves=True,
    text=lambda _, args, __: args[0],
    latex=lambda _, args, __: args[0],
    samples=(Sample(((3,),), {"shape": (4, 3)}), Sample(((4, 1),), {"shape": (2, 4, 3)})),
)


def _sum_to(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    lead = a.ndim - len(shape)
    kept = [i + lead for i, d in enumerate(shape) if d == 1 and a.shape[i + lead] != 1]
    summed = a.sum(axis=(*range(lead), *kept), keepdims=True, dtype=np.float64)
    return summed.reshape(shape).astype(a.dtype)


def summed_axes(shape: Shape, target: Shape) -> tuple[int, ...]:
    """The axes of `shape` that `target` lacks or has with length 1."""
    lead = len(shape) - len(target)
    kept = (i + lead for i, d in enumerate(target) if d == 1 and shape[i + lead] != 1)
    return (*range(lead), *kept)


def _sum_to_text(_: str, args: Sequence[Written], attrs: Any) -> Written:
    axes = summed_axes(args[0].shape or (), attrs["shape"])
    keep = len(attrs["shape"]) > len(args[0].shape or ()) - len(axes)
    return axes_text("sum", args, {"axes": axes, "keepdims": keep})


def _sum_to_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    return sum_latex("", args, {"axes": summed_axes(args[0].shape or (), attrs["shape"])})


sum_to_op = Op(
    name="sum_to",
    infer=lambda rule, a, shape: a.with_shape(shape),
    reference=_sum_to,
    vjp=lambda n, ct: [broadcast_to(ct, n.inputs[0].type.shape)],
    text=_sum_to_text,
    latex=_sum_to_latex,
    samples=(Sample(((4, 3),), {"shape": (3,)}), Sample(((2, 4, 3),), {"shape": (4, 1)})),
)


def _slice_infer(rule: Inference, a: Type, starts: Shape, extents: Shape, steps: Shape) -> Type:
    return a.with_shape(extents)


def _slices(starts: Sequence[int], extents: Sequence[int], steps: Sequence[int]) -> tuple:
    return tuple(
        slice(s, s + n * k if n else s, k) for s, n, k in zip(starts, extents, steps, strict=True)
    )


def _range(start: Dim, extent: Dim, step: Dim, size: Dim | None) -> str:
    """start:stop:step as Python writes it, and : for a whole axis."""
    if (start, step) == (0, 1) and extent == size:
        return ":"
    return f"{start}:{start + extent * step}" + ("" if step == 1 else f":{step}")


def _ranges(args: Sequence[Written], attrs: Any) -> str:
    shape = args[0].shape or (None,) * len(attrs["starts"])
    axes = zip(attrs["starts"], attrs["extents"], attrs["steps"], shape, strict=True)
    return ", ".join(_range(*axis) for axis in axes)


def _slice_text(_: str, args: Sequence[Written], attrs: Any) -> Written:
    """a[:, 0:4]"""
    return Written(f"{args[0].at_least(ATOM)}[{_ranges(args, attrs)}]")


def _slice_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    return Written(rf"{{{args[0].at_least(ATOM)}}}_{{{latex_text(_ranges(args, attrs))}}}")


slice_op = Op(
    name="slice",
    infer=_slice_infer,
    reference=lambda a, starts, extents, steps: a[_slices(starts, extents, steps)],
    vjp=lambda n, ct: [
        place(ct, n.inputs[0].type.shape, n.attrs["starts"], n.attrs["steps"]),
    ],
    moves=True,
    text=_slice_text,
    latex=_slice_latex,
    samples=(
        Sample(((5, 4),), {"starts": (1, 0), "extents": (2, 3), "steps": (2, 1)}),
        Sample(((5,),), {"starts": (2,), "extents": (0,), "steps": (1,)}),
    ),
)


def _place(
    a: np.ndarray, shape: tuple[int, ...], starts: Sequence[int], steps: Sequence[int]
) -> np.ndarray:
    out = np.zeros(shape, a.dtype)
    out[_slices(starts, a.shape, steps)] = a
    return out


place_op = Op(
    name="place",
    infer=lambda rule, a, shape, starts, steps: a.with_shape(shape),
    reference=_place,
    vjp=lambda n, ct: [
        slice_(ct, n.attrs["starts"], n.inputs[0].type.shape, n.attrs["steps"]),
    ],
    moves=True,
    samples=(
        Sample(((2, 3),), {"shape": (5, 4), "starts": (1, 0), "steps": (2, 1)}),
        Sample(((3,),), {"shape": (3,), "starts": (0,), "steps": (1,)}),
    ),
)


def _concat_infer(rule: Inference, *types: Type, axis: int) -> Type:
    first = types[0]
    total: Dim = 0
    for t in types:
        if t.rank != first.rank:
            raise rule.fail(f"joins tensors of {first.rank} and {t.rank} axes: {first} and {t}")
        for i, (d, e) in enumerate(zip(first.shape, t.shape, strict=True)):
            if i != axis:
                rule.equate(d, e)
        total = total + t.shape[axis]
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return Type(shape, rule.same_dtype(*types))


def _concat_vjp(node: Node, ct: Node) -> list[Node]:
    axis, start, parts = node.attrs["axis"], 0, []
    for i in node.inputs:
        shape = i.type.shape
        starts = tuple(start if k == axis else 0 for k in range(len(shape)))
        parts.append(slice_(ct, starts, shape, (1,) * len(shape)))
        start = start + shape[axis]
    return parts


def _concat_latex(_: str, args: Sequence[Written], attrs: Any) -> Written:
    inner = ", ".join(a.text for a in args)
    axis = rf"_{{\mathrm{{axis}}\ {attrs['axis']}}}"
    return Written(rf"\operatorname{{concat}}{axis}\left({inner}\right)")


concat_op = Op(
    name="concat",
    infer=_concat_infer,
    reference=lambda *values, axis: np.concatenate(values, axis),
    vjp=_concat_vjp,
    latex=_concat_latex,
    samples=(Sample(((2, 3), (2, 1)), {"axis": 1}), Sample(((2,), (0,), (3,)), {"axis": 0})),
)

flip_op = Op(
    name="flip",
    infer=lambda rule, a, axes: a,
    reference=lambda a, axes: np.flip(a, axes),
    vjp=lambda n, ct: [apply(flip_op, ct, axes=n.attrs["axes"])],
    moves=True,
    samples=(Sample(((4, 3),), {"axes": (1,)}), Sample(((4, 3),), {"axes": (0, 1)})),
)


# ------------------------------------------------------------------ the functions of the face


@public
def reshape(a: Any, shape: Any) -> Node:
    """The same elements in row order under another shape; one size may be -1: what is left over."""
    node = operands(a)[0]
    wanted = (shape,) if isinstance(shape, (int, str, Size)) else tuple(shape)
    open_axes = [i for i, d in enumerate(wanted) if isinstance(d, int) and d == -1]
    if len(open_axes) > 1:
        raise ShapeError(f"reshape: only one size may be -1, got {wanted}")
    if open_axes:
        known = as_shape(tuple(d for d in wanted if d != -1))
        rest = divide(product(node.shape), product(known))
        if rest is None:
            raise ShapeError(f"reshape: {node.type} cannot be divided into {wanted}")
        wanted = tuple(rest if d == -1 else d for d in wanted)
    target = as_shape(wanted)
    return node if target == node.type.shape else apply(reshape_op, node, shape=target)


@public
def transpose(a: Any, axes: Any = None) -> Node:
    """The axes in another order (default: reversed)."""
    node = operands(a)[0]
    order = tuple(reversed(range(node.rank))) if axes is None else tuple(axes)
    order = tuple(as_axis(i, node.rank, "transpose") for i in order)
    if sorted(order) != list(range(node.rank)):
        raise ShapeError(f"transpose: axes must name each of {node.rank} axes once, got {axes}")
    return node if order == tuple(range(node.rank)) else apply(transpose_op, node, axes=order)


@public
def broadcast_to(a: Any, shape: Any) -> Node:
    """Repeat along new or length-1 axes up to `shape`."""
    node, target = operands(a)[0], as_shape(shape)
    return node if target == node.type.shape else apply(broadcast_op, node, shape=target)


def sum_to(a: Node, shape: Shape) -> Node:
    """The adjoint of broadcasting: sum over the repeated axes."""
    return a if a.type.shape == shape else apply(sum_to_op, a, shape=tuple(shape))


def slice_(a: Node, starts: Shape, extents: Shape, steps: Shape) -> Node:
    if tuple(extents) == a.type.shape and all(isinstance(s, int) and s == 0 for s in starts):
        return a
    return apply(slice_op, a, starts=tuple(starts), extents=tuple(extents), steps=tuple(steps))


def place(a: Node, shape: Shape, starts: Shape, steps: Shape) -> Node:
    """Zeros of `shape` with `a` set at starts + i·steps."""
    if tuple(shape) == a.type.shape:
        return a
    return apply(place_op, a, shape=tuple(shape), starts=tuple(starts), steps=tuple(steps))


@public
def expand_dims(a: Any, axis: int) -> Node:
    """A new axis of length 1."""
    node = operands(a)[0]
    k = as_axis(axis, node.rank + 1, "expand_dims")
    return reshape(node, (*node.type.shape[:k], 1, *node.type.shape[k:]))


@public
def squeeze(a: Any, axis: Any = None) -> Node:
    """Without its axes of length 1 (all of them, or those named)."""
    node = operands(a)[0]
    if axis is None:
        drop = tuple(i for i, d in enumerate(node.shape) if d == 1)
    else:
        drop = as_axes(axis, node.rank, "squeeze")
    for i in drop:
        if node.shape[i] != 1:
            raise ShapeError(f"squeeze: axis {i} of {node.type} has length {node.shape[i]}, not 1")
    return reshape(node, tuple(d for i, d in enumerate(node.type.shape) if i not in drop))


@public
def concat(values: Any, axis: int = -1) -> Node:
    """The tensors one after the other along an axis."""
    nodes = operands(*values)
    if not nodes:
        raise ShapeError("concat needs at least one tensor, got an empty list")
    return apply(concat_op, *nodes, axis=as_axis(axis, nodes[0].rank, "concat"))


@public
def stack(values: Any, axis: int = 0) -> Node:
    """The tensors side by side along a new axis."""
    nodes = operands(*values)
    if not nodes:
        raise ShapeError("stack needs at least one tensor, got an empty list")
    k = as_axis(axis, nodes[0].rank + 1, "stack")
    return concat([expand_dims(n, k) for n in nodes], k)


@public
def split(a: Any, sections: Any, axis: int = -1) -> list[Node]:
    """Equal parts (`sections` an int) or parts of the lengths listed, along an axis."""
    node = operands(a)[0]
    k = as_axis(axis, node.rank, "split")
    if isinstance(sections, int):
        part = divide(node.shape[k], sections) if sections > 0 else None
        if part is None:
            raise ShapeError(f"split: {node.shape[k]} does not divide into {sections} equal parts")
        lengths: list[Dim] = [part] * sections
    else:
        lengths = list(as_shape(tuple(sections)))
    parts, start = [], 0
    for length in lengths:
        starts = tuple(start if i == k else 0 for i in range(node.rank))
        extents = tuple(length if i == k else d for i, d in enumerate(node.type.shape))
        parts.append(slice_(node, starts, extents, (1,) * node.rank))
        start = start + length
    if isinstance(start, int) and isinstance(node.shape[k], int) and start != node.shape[k]:
        raise ShapeError(f"split: the parts add up to {start}, the axis has {node.shape[k]}")
    return parts


@public
def pad(a: Any, widths: Any, value: float = 0.0) -> Node:
    """`widths[i] = (before, after)` elements of `value` around each axis."""
    node = operands(a)[0]
    pairs = [tuple(w) for w in widths]
    if len(pairs) != node.rank or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise ShapeError(f"pad: expected {node.rank} pairs (before, after) ≥ 0, got {widths!r}")
    shape = tuple(d + b + e for d, (b, e) in zip(node.type.shape, pairs, strict=True))
    starts, steps = tuple(b for b, _ in pairs), (1,) * node.rank
    placed = place(node, shape, starts, steps)
    if value == 0:
        return placed
    ones = broadcast_to(constant(1.0, node.dtype), node.type.shape)
    return where(place(ones, shape, starts, steps) > 0, placed, value)


@public
def flip(a: Any, axis: Any = None) -> Node:
    """The elements in reverse order along the axes (default: all)."""
    node = operands(a)[0]
    return apply(flip_op, node, axes=as_axes(axis, node.rank, "flip"))


def getitem(node: Node, key: Any) -> Node:
    """node[i], node[a:b:s], node[..., None]: basic indexing with whole numbers and slices."""
    items = list(key) if isinstance(key, tuple) else [key]
    items = _fill_ellipsis(items, node.rank)
    starts, extents, steps, result = [], [], [], []
    flips, axis = [], 0
    for item in items:
        if item is None:
            result.append(1)
            continue
        start, extent, step = _index(item, node.shape[axis], axis)
        if step < 0:
            flips.append(axis)
        starts.append(start), extents.append(extent), steps.append(abs(step))
        if isinstance(item, slice):
            result.append(extent)
        axis += 1
    part = slice_(node, tuple(starts), tuple(extents), tuple(steps))
    if flips:
        part = apply(flip_op, part, axes=tuple(flips))
    return reshape(part, tuple(result))


def _fill_ellipsis(items: list[Any], rank: int) -> list[Any]:
    given = sum(i is not None and i is not Ellipsis for i in items)
    if given > rank:
        raise ShapeError(f"index: {given} indices for a tensor with {rank} axes")
    if Ellipsis not in items:
        items = [*items, Ellipsis]
    at = items.index(Ellipsis)
    return items[:at] + [slice(None)] * (rank - given) + items[at + 1 :]


def _index(item: Any, extent: Dim, axis: int) -> tuple[Dim, Dim, int]:
    """(start, extent, step) of one index; a negative step is a slice to be flipped."""
    if isinstance(item, slice):
        if item == slice(None):
            return 0, extent, 1
        if not isinstance(extent, int):
            return _open_slice(item, extent, axis)
        taken = range(extent)[item]
        low = taken if taken.step > 0 else taken[::-1]
        return low.start, len(taken), taken.step
    if isinstance(item, bool) or not hasattr(item, "__index__"):
        raise ShapeError(f"index: expected whole numbers and slices, got {item!r}; see gd.gather")
    number = item.__index__()
    if isinstance(extent, int) and not -extent <= number < extent:
        raise ShapeError(f"index: {number} is outside axis {axis}, which has {extent} elements")
    return (extent + number if number < 0 else number), 1, 1


def _open_slice(item: slice, extent: Dim, axis: int) -> tuple[Dim, Dim, int]:
    """A slice of an axis whose size is only a name: plain bounds, step 1."""
    if item.step not in (None, 1):
        raise ShapeError(f"index: axis {axis} has the named size {extent}; only step 1 is possible")
    start = item.start or 0
    stop = extent if item.stop is None else item.stop
    start = extent + start if isinstance(start, int) and start < 0 else start
    stop = extent + stop if isinstance(stop, int) and stop < 0 else stop
    return start, stop - start, 1
