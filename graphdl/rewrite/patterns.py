"""Patterns: expressions with holes, written with the same operators and functions as graphs.

`log(1 + exp(x))` with `x = wild("x")` stands for every node of that form. A number matches a
scalar constant of that value, a hole matches any node, and a hole that occurs twice asks for the
same node. The operands of a commutative operation match in either order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphdl.core.graph import Node, apply
from graphdl.core.op import Op
from graphdl.ops import arithmetic as a
from graphdl.ops import entropy as e
from graphdl.ops import functions as f
from graphdl.ops import linalg, reduce, shape
from graphdl.ops import surprisal as information
from graphdl.ops.build import cast_op, constant, constant_op

Bound = dict[str, Node]
Matcher = Callable[[Node, Bound], bool]

COMMUTATIVE = frozenset(
    (a.add_op, a.mul_op, a.maximum_op, a.minimum_op, a.and_op, a.or_op, a.xor_op, a.eq_op, a.ne_op)
)


class Pattern:
    """A form that a node may have."""

    def __add__(self, other: Any) -> Apply:
        return _apply(a.add_op, self, other)

    def __radd__(self, other: Any) -> Apply:
        return _apply(a.add_op, other, self)

    def __sub__(self, other: Any) -> Apply:
        return _apply(a.sub_op, self, other)

    def __rsub__(self, other: Any) -> Apply:
        return _apply(a.sub_op, other, self)

    def __mul__(self, other: Any) -> Apply:
        return _apply(a.mul_op, self, other)

    def __rmul__(self, other: Any) -> Apply:
        return _apply(a.mul_op, other, self)

    def __truediv__(self, other: Any) -> Apply:
        return _apply(a.div_op, self, other)

    def __rtruediv__(self, other: Any) -> Apply:
        return _apply(a.div_op, other, self)

    def __pow__(self, other: Any) -> Apply:
        return _apply(a.pow_op, self, other)

    def __neg__(self) -> Apply:
        return _apply(a.neg_op, self)


@dataclass(frozen=True, eq=False)
class Wild(Pattern):
    """A hole: any node, or any scalar constant."""

    name: str
    number: bool = False


@dataclass(frozen=True, eq=False)
class Number(Pattern):
    """A scalar constant of one value."""

    value: float


@dataclass(frozen=True, eq=False)
class Apply(Pattern):
    """An operation on patterns. `attrs` lists the attributes that must agree."""

    op: Op
    args: tuple[Pattern, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Any_(Pattern):
    """A node of any operation for which `ops(op, ops of its inputs)` holds."""

    ops: Callable[[Op, tuple[Op, ...]], bool]


def wild(name: str) -> Wild:
    """A hole that any node fits."""
    return Wild(name)


def number(name: str) -> Wild:
    """A hole that any scalar constant fits."""
    return Wild(name, number=True)


def let(label: str, pattern: Apply) -> Apply:
    """The pattern, whose node gets a name; where the name occurs again it is the same node."""
    return replace(pattern, label=label)


def lift(value: Any) -> Pattern:
    return value if isinstance(value, Pattern) else Number(value)


def _apply(op: Op, *args: Any, **attrs: Any) -> Apply:
    return Apply(op, tuple(map(lift, args)), attrs)


def form(op: Op) -> Callable[..., Apply]:
    """The constructor of patterns of one operation."""
    return lambda *args, **attrs: _apply(op, *args, **attrs)


exp, expm1, log, log1p = form(f.exp_op), form(f.expm1_op), form(a.log_op), form(f.log1p_op)
negative = form(a.neg_op)
sin, cos, tanh = form(f.sin_op), form(f.cos_op), form(f.tanh_op)
sigmoid, softplus, relu = form(f.sigmoid_op), form(f.softplus_op), form(a.relu_op)
square, sqrt, sign, absolute = form(a.square_op), form(a.sqrt_op), form(a.sign_op), form(a.abs_op)
maximum, minimum = form(a.maximum_op), form(a.minimum_op)
greater, where, cast = form(a.gt_op), form(a.where_op), form(cast_op)
logical_and, logical_or, logical_not = form(a.and_op), form(a.or_op), form(a.not_op)
softmax, log_softmax = form(reduce.softmax_op), form(reduce.log_softmax_op)
sum_, mean, sum_to = form(reduce.sum_op), form(reduce.mean_op), form(shape.sum_to_op)
reshape, transpose = form(shape.reshape_op), form(shape.transpose_op)
broadcast, slice_, flip = form(shape.broadcast_op), form(shape.slice_op), form(shape.flip_op)
place = form(shape.place_op)
matmul, bce, cce = form(linalg.matmul_op), form(e.bce_op), form(e.cce_op)
bce_logits, cce_logits = form(e.bce_logits_op), form(e.cce_logits_op)
surprisal, class_surprisal = form(information.surprisal_op), form(information.class_surprisal_op)


def is_number(node: Node) -> bool:
    """Is it a scalar constant?"""
    return node.op is constant_op and node.rank == 0


def negated(node: Node) -> Node:
    """−x; of −x itself, x."""
    return node.inputs[0] if node.op is a.neg_op else apply(a.neg_op, node)


def orders(pattern: Pattern) -> Iterator[Pattern]:
    """The pattern with the operands of its commutative operations in every order."""
    if not isinstance(pattern, Apply):
        yield pattern
        return
    for args in itertools.product(*[list(orders(p)) for p in pattern.args]):
        yield Apply(pattern.op, args, pattern.attrs, pattern.label)
        if pattern.op in COMMUTATIVE:
            yield Apply(pattern.op, args[::-1], pattern.attrs, pattern.label)


def matcher(pattern: Pattern) -> Matcher:
    """The test for one pattern, its operands in the order they stand; it binds the holes."""
    if isinstance(pattern, Wild):
        return _number_matcher(pattern.name) if pattern.number else _hole_matcher(pattern.name)
    if isinstance(pattern, Number):
        return _value_matcher(pattern.value)
    if isinstance(pattern, Apply):
        return _apply_matcher(pattern)
    return lambda node, bound: True


def _hole_matcher(name: str) -> Matcher:
    return lambda node, bound: bound.setdefault(name, node) is node


def _number_matcher(name: str) -> Matcher:
    return lambda node, bound: is_number(node) and bound.setdefault(name, node) is node


def _value_matcher(value: float) -> Matcher:
    return lambda node, _: is_number(node) and node.attrs["value"] == value


def _apply_matcher(pattern: Apply) -> Matcher:
    op, arity, label = pattern.op, len(pattern.args), pattern.label
    parts = tuple(map(matcher, pattern.args))
    attrs = tuple(pattern.attrs.items())

    def match(node: Node, bound: Bound) -> bool:
        if node.op is not op or len(node.inputs) != arity:
            return False
        if any(node.attrs[k] != v for k, v in attrs):
            return False
        if label is not None and bound.setdefault(label, node) is not node:
            return False
        return all(part(i, bound) for part, i in zip(parts, node.inputs, strict=True))

    return match


def instantiate(pattern: Pattern, bound: Bound, dtype: str) -> Node:
    """The node that a pattern stands for, its holes filled. −(−x) is written as x."""
    if isinstance(pattern, Wild):
        return bound[pattern.name]
    if isinstance(pattern, Number):
        return constant(pattern.value, dtype)
    assert isinstance(pattern, Apply)
    if pattern.label in bound:
        return bound[pattern.label]
    inputs = [instantiate(p, bound, dtype) for p in pattern.args]
    if pattern.op is a.neg_op:
        return negated(inputs[0])
    return apply(pattern.op, *inputs, **pattern.attrs)
