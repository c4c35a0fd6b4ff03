"""An operation, declared whole: type rule, meaning, derivative, notation, test domain.

    infer(rule, *types, **attrs)   -> Type         `rule` equates sizes and knows where we are
    reference(*arrays, **attrs)    -> array        what the operation means, in NumPy
    vjp(node, ct)                  -> contributions to the cotangents of the inputs, or
    partials(node)                 -> ∂output/∂input, element by element (elementwise operations)
    body(*nodes, **attrs)          -> the same operation in simpler ones, where it has a formula;
                                      it is differentiated where neither rule is given

A contribution (or a partial) is a Node, `ZERO` (the derivative is 0 everywhere) or `None` (there is
no derivative: an index, a comparison). A partial may also be the number 1 or -1, or `Where(c, p)`:
p where c holds, exactly 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.notation import Notation, call
from graphdl.core.sizes import Dim, Facts
from graphdl.core.types import Type

if TYPE_CHECKING:
    from graphdl.core.graph import Node


class _Zero:
    """The derivative that is 0 everywhere; not to be confused with no derivative (`None`)."""

    def __repr__(self) -> str:
        return "ZERO"


ZERO = _Zero()


@dataclass(frozen=True, eq=False)
class Where:
    """A partial that is `partial` where `condition` holds and exactly 0 elsewhere."""

    condition: Node
    partial: Node | int


@dataclass(frozen=True)
class Sample:
    """One test case of an operation: shapes of the inputs, the interval they are drawn from."""

    shapes: tuple[tuple[int, ...], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    domain: tuple[float, float] | tuple[tuple[float, float], ...] = (-2.0, 2.0)
    dtypes: tuple[str, ...] | None = None  # of the inputs; None: all of them floating
    low_high: tuple[int, int] = (0, 2)  # whole-number inputs: low ≤ value < high


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """A primitive operation. Two ops are the same only when they are the same object."""

    name: str
    infer: Callable[..., Type]
    reference: Callable[..., Any]
    vjp: Callable[[Node, Node], Sequence[Any]] | None = None
    partials: Callable[[Node], Sequence[Any]] | None = None
    body: Callable[..., Node] | None = None
    text: Notation = call
    latex: Notation = call
    sympy: Callable[..., Any] | None = None
    samples: tuple[Sample, ...] = ()
    pointwise: bool = False  # its body acts on each element alone: it has a derivative f′
    is_slope: bool = False  # the derivative of another op, under a name of its own: bce′, gelu′
    moves: bool = False  # only moves or repeats elements: a mask passes through it unchanged
    why_not: str = ""  # why there is no derivative, in the user's words

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    @property
    def differentiable(self) -> bool:
        """Is there a rule, or a formula to differentiate?"""
        return any(f is not None for f in (self.vjp, self.partials, self.body))


class Inference:
    """What a type rule works with: the sizes known so far and the words for an error."""

    def __init__(self, facts: Facts, where: str, inputs: Sequence[Type] = ()) -> None:
        self.facts, self.where, self.inputs = facts, where, inputs

    def equate(self, a: Dim, b: Dim, hint: str = "") -> Dim:
        """Declare a = b; returns the more specific of the two. An error ends with the hint."""
        try:
            self.facts = self.facts.equate(a, b, self.where)
        except ShapeError as error:
            hint = hint or f"the inputs are {' and '.join(map(str, self.inputs))}"
            raise ShapeError(f"{error}; {hint}") from None
        return a if isinstance(a, int) else b if isinstance(b, int) else self.facts.resolve(a)

    def broadcast(self, *shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """The common shape, aligned at the last axis; an extent of 1 is repeated."""
        rank = max(map(len, shapes), default=0)
        padded = [(1,) * (rank - len(s)) + s for s in shapes]
        return tuple(self._common([s[i] for s in padded], shapes) for i in range(rank))

    def _common(self, dims: list[Dim], shapes: tuple[tuple[Dim, ...], ...]) -> Dim:
        result: Dim = 1
        for d in dims:
            if d != 1:
                texts = " and ".join(f"({', '.join(map(str, s))})" for s in shapes)
                result = d if result == 1 else self.equate(result, d, f"the shapes are {texts}")
        return result

    def same_dtype(self, *types: Type) -> str:
        """The one dtype of all the types."""
        dtypes = {t.dtype for t in types}
        if len(dtypes) == 1:
            return types[0].dtype
        raise DTypeError(
            f"{self.where} got {' and '.join(t.dtype for t in types)}; "
            "convert one of them with gd.cast(node, dtype)"
        )

    def fail(self, message: str) -> ShapeError:
        return ShapeError(f"{self.where}: {message}")
