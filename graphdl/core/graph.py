"""Nodes: one immutable, interned type. The same op on the same inputs is the same object.

A node knows its op, its inputs, its attributes and its type, never its users. So two graphs share
what they have in common, a common subexpression is found by construction, and any rewriting leaves
the graph it started from as it was.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from graphdl.core.errors import DTypeError, GraphError, ShapeError
from graphdl.core.interning import Table, key_of
from graphdl.core.op import Inference, Op
from graphdl.core.sizes import Dim, Facts
from graphdl.core.types import Type

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_interned: Table[Node] = Table()
_identities = itertools.count(1)


def fresh_identity() -> int:
    """A number never given before: makes a node distinct from all others of its kind."""
    return next(_identities)


def origin() -> str:
    """The file and line of the caller's program that is being executed, outside graphdl."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


class Node:
    """An op applied to nodes. Use the functions of `gd` and the operators to make one."""

    __slots__ = ("__weakref__", "attrs", "facts", "inputs", "op", "origin", "type")

    op: Op
    inputs: tuple[Node, ...]
    attrs: Mapping[str, Any]
    type: Type
    facts: Facts
    origin: str
    __array_ufunc__ = None  # NumPy leaves a + node to us

    if TYPE_CHECKING:  # what graphdl.ops.operators and graphdl.show.install give every node

        def __add__(self, other: Any) -> Node: ...
        def __radd__(self, other: Any) -> Node: ...
        def __sub__(self, other: Any) -> Node: ...
        def __rsub__(self, other: Any) -> Node: ...
        def __mul__(self, other: Any) -> Node: ...
        def __rmul__(self, other: Any) -> Node: ...
        def __truediv__(self, other: Any) -> Node: ...
        def __rtruediv__(self, other: Any) -> Node: ...
        def __pow__(self, other: Any) -> Node: ...
        def __rpow__(self, other: Any) -> Node: ...
        def __mod__(self, other: Any) -> Node: ...
        def __rmod__(self, other: Any) -> Node: ...
        def __matmul__(self, other: Any) -> Node: ...
        def __rmatmul__(self, other: Any) -> Node: ...
        def __and__(self, other: Any) -> Node: ...
        def __rand__(self, other: Any) -> Node: ...
        def __or__(self, other: Any) -> Node: ...
        def __ror__(self, other: Any) -> Node: ...
        def __xor__(self, other: Any) -> Node: ...
        def __rxor__(self, other: Any) -> Node: ...
        def __lt__(self, other: Any) -> Node: ...
        def __le__(self, other: Any) -> Node: ...
        def __gt__(self, other: Any) -> Node: ...
        def __ge__(self, other: Any) -> Node: ...
        def __neg__(self) -> Node: ...
        def __abs__(self) -> Node: ...
        def __invert__(self) -> Node: ...
        def __getitem__(self, key: Any) -> Node: ...
        def named(self, name: str) -> Node: ...
        def latex(self) -> str: ...
        def svg(
            self, rankdir: str | None = None, limit: int | None = 200, **details: bool
        ) -> Any: ...
        def dot(
            self, rankdir: str | None = None, limit: int | None = None, **details: bool
        ) -> str: ...
        def mermaid(
            self, rankdir: str | None = None, limit: int | None = 200, **details: bool
        ) -> str: ...
        def to_sympy(self) -> Any: ...
        @property
        def T(self) -> Node: ...

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("nodes are immutable; build a new expression instead")

    def __bool__(self) -> bool:
        raise TypeError(
            "a node has no truth value: it stands for a value that is not computed yet. "
            "Use gd.where(condition, a, b) to choose, or `is` to compare nodes"
        )

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a node cannot be iterated over; use gd.split or node[i]")

    @property
    def shape(self) -> tuple[Dim, ...]:
        return self.facts.shape(self.type.shape)

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def rank(self) -> int:
        return self.type.rank


def _fill(node: Node, **slots: Any) -> Node:
    for name, value in slots.items():
        object.__setattr__(node, name, value)
    return node


def apply(op: Op, *inputs: Node, **attrs: Any) -> Node:
    """The node of `op` on `inputs`: an old one where it exists, else a new one, type-checked."""
    key = key_of(op, inputs, attrs)
    found = _interned.get(key)
    if found is not None:
        return found
    facts = Facts()
    for i in inputs:
        facts = facts.merge(i.facts)
    where = origin()
    types = [i.type for i in inputs]
    rule = Inference(facts, f"{op.name}" + (f" ({where})" if where else ""), types)
    kind = op.infer(rule, *types, **attrs)
    node = _fill(
        Node(),
        op=op,
        inputs=inputs,
        attrs=MappingProxyType(attrs),
        type=kind,
        facts=rule.facts,
        origin=where,
    )
    return _interned.add(key, node)


def leaf(cls: type[Node], op: Op, kind: Type, **attrs: Any) -> Node:
    """A node with an identity of its own: an input, a variable, a random draw."""
    attrs["identity"] = fresh_identity()
    return _fill(
        cls(),
        op=op,
        inputs=(),
        attrs=MappingProxyType(attrs),
        type=kind,
        facts=Facts(),
        origin=origin(),
    )


def walk(roots: Iterable[Node], stop: frozenset[Node] | set[Node] = frozenset()) -> list[Node]:
    """All nodes that the roots depend on, inputs first, each once; not beyond `stop`.

    The order follows from the structure alone, so it is the same in every process.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:  # a stack, not recursion: graphs are deep
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node not in stop:
                stack.extend((i, False) for i in reversed(node.inputs))
    return order


def rebuild(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same operation on other inputs; it remembers where it was declared."""
    if all(a is b for a, b in zip(node.inputs, inputs, strict=True)):
        return node
    same_types = all(a.type == b.type for a, b in zip(node.inputs, inputs, strict=True))
    if not same_types:
        return apply(node.op, *inputs, **node.attrs)
    key = key_of(node.op, inputs, node.attrs)
    found = _interned.get(key)
    if found is not None:
        return found
    facts = node.facts
    for i in inputs:
        facts = facts.merge(i.facts)
    made = _fill(
        Node(), op=node.op, inputs=inputs, attrs=node.attrs, type=node.type, facts=facts,
        origin=node.origin,
    )  # fmt: skip
    return _interned.add(key, made)


def replace(roots: Iterable[Node], mapping: Mapping[Node, Node]) -> list[Node]:
    """The roots with nodes replaced; what does not depend on a replaced node stays the same."""
    roots = list(roots)
    new: dict[Node, Node] = dict(mapping)
    for node in walk(roots, stop=set(mapping)):
        if node not in new:
            new[node] = rebuild(node, tuple(new[i] for i in node.inputs))
    return [new[r] for r in roots]


class Variable(Node):
    """A node with a value that updates may change. Made by `gd.Variable`."""

    __slots__ = ("changes", "constraint", "storage", "trainable")
    storage: np.ndarray  # replaced as a whole when a program moves it into its arena
    constraint: Callable[[Node], Node] | None  # what an optimizer brings each new value to
    trainable: bool
    changes: list[int]  # how often the value was changed: one number, in place

    @property
    def value(self) -> np.ndarray:
        """A copy of the present value."""
        return self.storage.copy()

    def numpy(self) -> np.ndarray:
        """A copy of the present value."""
        return self.storage.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.storage.astype(dtype or self.dtype)  # a copy: storage changes and moves

    def __float__(self) -> float:
        return float(self.storage.item())

    def assign(self, value: Any) -> None:
        """Give the variable another value of the same shape."""
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{self.attrs['name']!r} holds numbers, got {array.dtype}")
        if array.shape != self.storage.shape:
            raise ShapeError(
                f"{self.attrs['name']!r} has shape {self.storage.shape}, got a value of {array.shape}"
            )
        about_to_change([self])
        self.storage[...] = array

    def assign_add(self, value: Any) -> None:
        """Add a value of the same shape, or a number."""
        self.assign(self.storage + np.asarray(value, self.dtype))

    def assign_sub(self, value: Any) -> None:
        """Subtract a value of the same shape, or a number."""
        self.assign(self.storage - np.asarray(value, self.dtype))

    @property
    def name(self) -> str:
        return self.attrs["name"]


# Whoever still has to compute with the value that a variable has now: its method `keep` is told
# before the value changes.
_witnesses: list[weakref.ref[Any]] = []


def add_witness(witness: Any) -> None:
    """Tell this object, as long as it lives, of variables that are about to change."""
    _witnesses.append(weakref.ref(witness, _witnesses.remove))


def about_to_change(variables: Iterable[Variable], but: Any = None) -> None:
    """To be called before values change, whoever changes them; `but` is a witness that knows."""
    for witness in [ref() for ref in _witnesses]:
        if witness is not None and witness is not but:
            witness.keep(variables)
    for v in variables:
        v.changes[0] += 1


def rename(variable: Variable, name: str) -> None:
    """Call a variable something else. Its identity does not hang on its name."""
    object.__setattr__(variable, "attrs", MappingProxyType({**variable.attrs, "name": name}))


class Graph:
    """Outputs and updates over inputs: what every pass takes and returns.

    Forming one solves the size equalities of all its nodes together and checks that every symbol it
    needs is among the inputs.
    """

    if TYPE_CHECKING:  # what graphdl.show.install gives every graph

        def svg(
            self, rankdir: str | None = None, limit: int | None = 200, **details: bool
        ) -> Any: ...
        def dot(
            self, rankdir: str | None = None, limit: int | None = None, **details: bool
        ) -> str: ...
        def mermaid(
            self, rankdir: str | None = None, limit: int | None = 200, **details: bool
        ) -> str: ...

    def __init__(
        self,
        inputs: Iterable[Node],
        outputs: Iterable[Node],
        updates: Mapping[Any, Node] | None = None,
        checks: Iterable[Node] = (),
        names: Mapping[Node, str] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.updates = dict(updates or {})
        self.checks = tuple(checks)  # must be finite before any update is made
        self.names = dict(names or {})  # what the user calls nodes whose labels were removed
        self.nodes = walk([*self.checks, *self.outputs, *self.updates.values()])
        self.facts = Facts()
        for node in (*self.inputs, *self.roots):
            self.facts = self.facts.merge(node.facts)
        self._check_inputs()

    @property
    def roots(self) -> tuple[Node, ...]:
        return (*self.checks, *self.outputs, *self.updates.values())

    @property
    def variables(self) -> list[Variable]:
        """Every variable read or updated, in order of first use."""
        found = dict.fromkeys(n for n in self.nodes if isinstance(n, Variable))
        return list(found | dict.fromkeys(self.updates))  # type: ignore[arg-type]

    def shape(self, node: Node) -> tuple[Dim, ...]:
        """The node's shape with all that this graph knows of sizes."""
        return self.facts.shape(node.type.shape)

    def with_roots(self, new: Mapping[Node, Node], names: Mapping[Node, str]) -> Graph:
        """The same graph with its roots replaced."""
        return Graph(
            self.inputs,
            [new[n] for n in self.outputs],
            {v: new[n] for v, n in self.updates.items()},
            [new[n] for n in self.checks],
            names,
        )

    def _check_inputs(self) -> None:
        given = set(self.inputs)
        if len(given) != len(self.inputs):
            raise GraphError("an input is listed twice; list each symbol once")
        for node in self.nodes:
            if node.op.name == "tensor" and node not in given:
                raise GraphError(
                    f"the result depends on {node.attrs['name']!r} (declared at {node.origin}), "
                    "which is not among the inputs; add it to the list of inputs"
                )
