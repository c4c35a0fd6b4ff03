"""Movement: chains of reshapes, transposes, broadcasts and slices become one or none."""

from __future__ import annotations

from graphdl.core.graph import Node, apply
from graphdl.core.op import Op
from graphdl.ops import reduce, shape
from graphdl.ops.shape import broadcast_to, reshape, slice_, transpose
from graphdl.rewrite import patterns as p
from graphdl.rewrite.engine import Match, Rule
from graphdl.rewrite.rules.views import elementwise

x, y = p.wild("x"), p.wild("y")


def _same_shape(m: Match) -> bool:
    return m.shape(m.x) == m.shape(m.root)


def _axes_joined(m: Match) -> Node:
    inner, outer = m.root.inputs[0].attrs["axes"], m.root.attrs["axes"]
    return transpose(m.x, tuple(inner[i] for i in outer))


def _slices_joined(m: Match) -> Node:
    inner, outer = m.root.inputs[0].attrs, m.root.attrs
    starts = tuple(
        s + k * t for s, k, t in zip(inner["starts"], inner["steps"], outer["starts"], strict=True)
    )
    steps = tuple(k * j for k, j in zip(inner["steps"], outer["steps"], strict=True))
    return slice_(m.x, starts, outer["extents"], steps)


def _flips_joined(m: Match) -> Node:
    axes = set(m.root.attrs["axes"]) ^ set(m.root.inputs[0].attrs["axes"])
    return apply(shape.flip_op, m.x, axes=tuple(sorted(axes))) if axes else m.x


def _side_by_side(m: Match) -> Node | None:
    """Two arrays set into zeros so that one begins where the other ends: no zeros are left."""
    whole, axes = m.shape(m.root), m.root.rank
    first, second = sorted(
        m.root.inputs, key=lambda place: sum(s != 0 for s in place.attrs["starts"])
    )
    sizes = [m.shape(place.inputs[0]) for place in (first, second)]
    apart = [k for k in range(axes) if sizes[0][k] != whole[k] or sizes[1][k] != whole[k]]
    if len(apart) != 1 or any(s != 1 for i in (first, second) for s in i.attrs["steps"]):
        return None
    (k,) = apart
    ends = sizes[0][k], sizes[0][k] + sizes[1][k]
    starts = [0] * axes, [ends[0] if axis == k else 0 for axis in range(axes)]
    if ends[1] != whole[k] or (list(first.attrs["starts"]), list(second.attrs["starts"])) != starts:
        return None
    return apply(shape.concat_op, first.inputs[0], second.inputs[0], axis=k)


def _one_element(m: Match) -> bool:
    return all(d == 1 for d in m.shape(m.x))


def _repeated(m: Match) -> Node:
    """A view of one element repeated is that element repeated to the view's shape."""
    return broadcast_to(reshape(m.x, ()), m.root.type.shape)


def _without_leading_ones(m: Match) -> Node | None:
    """Broadcasting brings back the axes of length 1 in front."""
    shown, source = m.shape(m.root.inputs[0]), m.shape(m.x)
    lead = len(shown) - len(source)
    if lead < 0 and all(d == 1 for d in source):
        return broadcast_to(reshape(m.x, ()), m.root.type.shape)
    if lead < 0 or shown != (1,) * lead + source:
        return None
    return broadcast_to(m.x, m.root.type.shape)


def _of_broadcasts(op: Op, inputs: tuple[Op, ...]) -> bool:
    return elementwise(op) and shape.broadcast_op in inputs


def _broadcast_last(m: Match) -> Node:
    """The operation repeats its operands by itself; what is still missing is repeated after it."""
    inputs = [i.inputs[0] if i.op is shape.broadcast_op else i for i in m.root.inputs]
    node = apply(m.root.op, *inputs, **m.root.attrs)
    return node if m.shape(node) == m.shape(m.root) else broadcast_to(node, m.root.type.shape)


def _as_sum(m: Match) -> Node | None:
    """The adjoint of broadcasting as a sum along axes, where it is one."""
    old, new = m.shape(m.x), m.shape(m.root)
    lead = len(old) - len(new)
    repeated = [i for i, d in enumerate(new) if d == 1 and old[i + lead] != 1]
    if lead and repeated:
        return None
    axes = tuple(range(lead)) if lead else tuple(repeated)
    return apply(reduce.sum_op, m.x, axes=axes, keepdims=not lead)


MOVEMENT = [
    Rule("reshape to its own shape", p.reshape(x), x, "the shape is that already",
         guard=_same_shape),
    Rule("broadcast to its own shape", p.broadcast(x), x, "the shape is that already",
         guard=_same_shape),
    Rule("sum to its own shape", p.sum_to(x), x, "nothing was repeated", guard=_same_shape),
    Rule("sum to a shape", p.sum_to(x), _as_sum, "the adjoint of broadcasting is a sum along axes"),
    Rule("reshape∘reshape", p.reshape(p.reshape(x)),
         lambda m: reshape(m.x, m.root.type.shape), "only the last shape counts"),
    Rule("transpose∘transpose", p.transpose(p.transpose(x)), _axes_joined, "(Aᵀ)ᵀ = A"),
    Rule("broadcast∘broadcast", p.broadcast(p.broadcast(x)),
         lambda m: broadcast_to(m.x, m.root.type.shape), "only the last shape counts"),
    Rule("slice∘slice", p.slice_(p.slice_(x)), _slices_joined,
         "x[s::k][t::j] = x[s + k·t::k·j]"),
    Rule("places side by side", p.place(x) + p.place(y), _side_by_side,
         "two parts set into zeros that fill an axis are one after the other"),
    Rule("flip∘flip", p.flip(p.flip(x)), _flips_joined, "an axis flipped twice is as it was"),
    Rule("broadcast∘reshape", p.broadcast(p.reshape(x)), _without_leading_ones,
         "broadcasting adds axes of length 1 in front by itself"),
    Rule("reshape∘broadcast", p.reshape(p.broadcast(x)), _repeated,
         "one element repeated has no order", guard=_one_element),
    Rule("transpose∘broadcast", p.transpose(p.broadcast(x)), _repeated,
         "one element repeated has no order", guard=_one_element),
    Rule("slice∘broadcast", p.slice_(p.broadcast(x)), _repeated,
         "one element repeated has no order", guard=_one_element),
    Rule("flip∘broadcast", p.flip(p.broadcast(x)), _repeated,
         "one element repeated has no order", guard=_one_element),
    Rule("broadcast last", p.Any_(_of_broadcasts), _broadcast_last,
         "f(repeat x, y) = repeat f(x, y)"),
]  # fmt: skip
