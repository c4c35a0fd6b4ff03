"""Backpropagation: the chain rule, applied to one node after the other, from the result back.

The cotangent of a node v is ∂J/∂v. A node with inputs u₁, u₂, … sends ∂J/∂v · ∂v/∂uᵢ to each of
them, and what arrives at a node over several paths is added up. Un-broadcasting and the masking of
branches that were not taken live here, once, and in no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphdl.core.errors import DisconnectedError, NotDifferentiableError, ShapeError
from graphdl.core.graph import Node, apply, walk
from graphdl.core.op import ZERO, Where
from graphdl.differentiate.merged import merged
from graphdl.differentiate.slopes import has_slopes, slopes
from graphdl.ops.arithmetic import or_op, where_op
from graphdl.ops.build import cast, is_one, like
from graphdl.ops.shape import broadcast_to, sum_to


@dataclass(frozen=True, eq=False)
class Cotangent:
    """∂J/∂v. Where `mask` is false it is exactly 0, whatever a further factor may be."""

    value: Node
    mask: Node | None = None

    def __add__(self, other: Cotangent) -> Cotangent:
        if self.mask is None or other.mask is None:
            return Cotangent(self.value + other.value)
        return Cotangent(self.value + other.value, apply(or_op, self.mask, other.mask))

    def times(self, partial: Any) -> Cotangent:
        """∂J/∂v · ∂v/∂u for an elementwise v(u)."""
        if isinstance(partial, Where):
            return self.times(partial.partial).where(partial.condition)
        if isinstance(partial, int):
            return self if partial == 1 else Cotangent(-self.value, self.mask)
        product = Cotangent(_times(self.value, partial))
        return product if self.mask is None else product.where(self.mask)

    def where(self, condition: Node) -> Cotangent:
        """Exactly 0 where the condition does not hold: selected, not multiplied (0·∞ is not 0)."""
        kept = apply(where_op, condition, self.value, like(self.value, 0.0))
        mask = condition if self.mask is None else condition & self.mask
        return Cotangent(kept, mask)


def _times(value: Node, partial: Node) -> Node:
    """value · partial, and the partial alone where the value is 1 everywhere."""
    fits = not value.rank or partial.type.shape == value.type.shape
    return partial if fits and is_one(value) else value * partial


@dataclass(frozen=True, eq=False)
class Step:
    """One application of the chain rule: ∂J/∂node, and what it sends to each input."""

    node: Node
    cotangent: Cotangent
    contributions: tuple[Cotangent | Any, ...]


def sweep(
    result: Node,
    cotangents: dict[Node, Cotangent],
    towards: set[Node] | None = None,
    stop: frozenset[Node] = frozenset(),
) -> Iterator[Step]:
    """The reverse sweep: yields its steps; `cotangents` collects ∂J/∂v of every node v it meets.

    `cotangents` starts with that of the result. Only nodes in `towards` (default: all) are met, and
    nothing is sent beyond those in `stop`.
    """
    for node in reversed(walk([result], stop)):
        arrived = cotangents.get(node)
        if arrived is None or node in stop:
            continue
        contributions = _contributions(node, arrived)
        for i, sent in zip(node.inputs, contributions, strict=True):
            if isinstance(sent, Cotangent) and (towards is None or i in towards):
                cotangents[i] = cotangents[i] + sent if i in cotangents else sent
        yield Step(node, arrived, contributions)


def _contributions(node: Node, ct: Cotangent) -> tuple[Any, ...]:
    """What the node sends to its inputs; `None` or `ZERO` where nothing flows."""
    if not node.inputs:
        return ()
    if not node.op.differentiable:
        return (None,) * len(node.inputs)
    if node.op.partials is not None:
        sent = [p if p in (None, ZERO) else ct.times(p) for p in _partials(node)]
    elif node.op.vjp is not None:
        sent = _by_rule(node, ct)
    elif has_slopes(node.op):
        sent = [p if p in (None, ZERO) else ct.times(p) for p in slopes(node, _slopes_by_body)]
    else:
        sent = _by_body(node, ct)
    return tuple(_fit(c, i) for c, i in zip(sent, node.inputs, strict=True))


def _partials(node: Node) -> Sequence[Any]:
    return node.op.partials(node)  # type: ignore[misc]


def _by_rule(node: Node, ct: Cotangent) -> list[Any]:
    """The op's vjp; an op that only moves elements moves the mask along."""
    value = broadcast_to(ct.value, node.type.shape)
    sent = node.op.vjp(node, value)  # type: ignore[misc]
    masks: Sequence[Any] = [None] * len(sent)
    if ct.mask is not None and node.op.moves and node.op.name != "broadcast_to":
        counted = cast(broadcast_to(ct.mask, node.type.shape), node.dtype)
        masks = [m > 0 for m in node.op.vjp(node, counted)]  # type: ignore[misc]
    return [Cotangent(s, m) if isinstance(s, Node) else s for s, m in zip(sent, masks, strict=True)]


def _slopes_by_body(node: Node) -> list[Any]:
    """∂node/∂input of each input, by a sweep through the formula that starts from 1."""
    sent = _by_body(node, Cotangent(like(node, 1.0)))
    return [s.value if isinstance(s, Cotangent) else s for s in sent]


def _by_body(node: Node, ct: Cotangent) -> list[Any]:
    """An op that is declared by its formula alone: a sweep through the formula."""
    body = node.op.body(*node.inputs, **node.attrs)  # type: ignore[misc]
    ends = frozenset(node.inputs)
    towards = leads_to(body, node.inputs, ends)
    arrived: dict[Node, Any] = {body: ct}
    for _ in sweep(body, arrived, towards, ends):
        pass
    for i in ends - arrived.keys():
        arrived[i] = ZERO if _blocking(i, body, towards, ends) is None else None
    return [arrived.pop(i, ZERO) for i in node.inputs]  # an input used twice is sent to once


def _fit(sent: Any, target: Node) -> Any:
    """Un-broadcast: sum over the axes along which the input was repeated."""
    if not isinstance(sent, Cotangent):
        return sent
    shape = target.type.shape
    if sent.value.type.shape == shape:
        return sent
    if sent.value.rank < len(shape) or not _repeated(sent.value, target):
        return Cotangent(broadcast_to(sent.value, shape), sent.mask)
    return Cotangent(sum_to(sent.value, shape))


def _repeated(value: Node, target: Node) -> bool:
    """Was the target repeated to the shape of `value`? (Else they differ only in a size's name.)"""
    offset = value.rank - target.rank
    return offset > 0 or any(
        d == 1 and e != 1 for d, e in zip(target.type.shape, value.type.shape, strict=True)
    )


def gradients(
    result: Node, wrt: Sequence[Node], ct: Node | None = None, or_zero: bool = False
) -> list[Node]:
    """∂result/∂w for each w, by one reverse sweep; with `ct`, of Σ ct ⊙ result.

    Where nothing arrives at w that is an error, or with `or_zero` the derivative 0.
    """
    result = merged(result, wrt)
    start = Cotangent(like(result, 1.0) if ct is None else ct)
    towards = leads_to(result, wrt)
    cotangents = {result: start}
    for _ in sweep(result, cotangents, towards):
        pass
    return [
        _zeros(w) if or_zero and w not in cotangents else _gradient_of(w, result, cotangents)
        for w in wrt
    ]


def _zeros(w: Node) -> Node:
    return broadcast_to(like(w, 0.0), w.type.shape)


def leads_to(result: Node, wrt: Sequence[Node], ends: frozenset[Node] = frozenset()) -> set[Node]:
    """The nodes of the result that depend on one of `wrt`: the only ones the sweep must meet."""
    reached = set(wrt)
    for node in walk([result], stop=ends):
        if any(i in reached for i in node.inputs):
            reached.add(node)
    return reached


def _gradient_of(w: Node, result: Node, cotangents: dict[Node, Cotangent]) -> Node:
    found = cotangents.get(w)
    if found is not None:
        return broadcast_to(found.value, w.type.shape)
    towards = leads_to(result, [w])
    if result not in towards:
        raise DisconnectedError(
            f"{_name(result)} does not depend on {_name(w)}: no path leads there"
        )
    blocking = _blocking(w, result, towards)
    if blocking is None:  # every path passes a derivative that is 0 everywhere
        return _zeros(w)
    raise NotDifferentiableError(
        f"{_name(result)} depends on {_name(w)} only through {blocking.op.name!r} "
        f"(at {blocking.origin}), which has no derivative: {blocking.op.why_not}"
    )


def _blocking(
    w: Node, result: Node, towards: set[Node], ends: frozenset[Node] = frozenset()
) -> Node | None:
    """The first op without a derivative on the way from w, where no path has a derivative of 0."""
    live, blocker = {w}, None
    for node in walk([result], stop=ends):
        if node not in towards or node is w or node in ends:
            continue
        if not any(i in live for i in node.inputs):
            continue
        sent = _sent_kinds(node)
        if all(s is None for i, s in zip(node.inputs, sent, strict=True) if i in live):
            blocker = node if blocker is None else blocker
        else:
            live.add(node)
    return None if result in live else blocker


def _sent_kinds(node: Node) -> Sequence[Any]:
    probe = Cotangent(broadcast_to(like(node, 1.0), node.type.shape))
    return _contributions(node, probe) if node.type.is_float else (None,) * len(node.inputs)


def _name(node: Node) -> str:
    label = node.attrs.get("name")
    return repr(label) if label else f"the result of {node.op.name!r} (at {node.origin})"


def grad(result: Node, wrt: Node | Sequence[Node]) -> Any:
    """The gradient of a scalar with respect to nodes: nodes again, of the shapes of `wrt`.

    Raises ShapeError when `result` is not a scalar, DisconnectedError when it does not depend on one
    of `wrt` at all, NotDifferentiableError when it does only through operations without a derivative.
    """
    many = isinstance(wrt, (list, tuple))
    targets = list(wrt) if many else [wrt]  # type: ignore[arg-type]
    for node in (result, *targets):
        if not isinstance(node, Node):
            raise TypeError(f"gd.grad takes nodes, got {type(node).__name__}")
        if not node.type.is_float:
            raise NotDifferentiableError(
                f"{_name(node)} is {node.dtype}; a derivative needs floating-point values"
            )
    if result.rank != 0:
        raise ShapeError(
            f"gd.grad differentiates a scalar, got shape {result.type}; "
            "take gd.mean or gd.sum of it first, or use gd.jacobian"
        )
    found = gradients(result, targets)
    return found if many else found[0]
