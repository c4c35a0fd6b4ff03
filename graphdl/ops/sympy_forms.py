"""Elementwise graphs as SymPy expressions: `node.to_sympy()`. SymPy is loaded when it is called."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from graphdl.core.errors import GraphError
from graphdl.core.graph import Node, walk
from graphdl.core.notation import plain
from graphdl.core.op import Op
from graphdl.ops.build import cast_op, constant_op, named_op
from graphdl.ops.control import stop_gradient_op
from graphdl.ops.shape import broadcast_op

if TYPE_CHECKING:
    from sympy import Basic, Expr


def to_sympy(node: Node) -> Expr:
    """What one element of the node is, as a SymPy expression of real symbols.

    Tensors, variables and named parts are symbols (the node's own name is looked through). Raises
    GraphError where an operation is not elementwise or two symbols have one name.
    """
    import sympy  # noqa: PLC0415 - `import graphdl` does without it

    root = node.inputs[0] if node.op is named_op else node
    order = walk([root], stop=_named(root))
    symbols = _symbols(sympy, [n for n in order if _is_symbol(n, root)])
    found: dict[Node, Basic] = {}
    for part in order:
        args = [found[i] for i in part.inputs if i in found]
        found[part] = symbols[part] if part in symbols else _expression(sympy, part, args)
    return found[root]  # type: ignore[return-value]


def _named(root: Node) -> set[Node]:
    return {n for n in walk([root]) if n.op is named_op and n is not root}


def _is_symbol(node: Node, root: Node) -> bool:
    return "name" in node.attrs and (not node.inputs or (node.op is named_op and node is not root))


def _symbols(sp: Any, nodes: list[Node]) -> dict[Node, Basic]:
    """A real symbol for each node; two nodes cannot share a name."""
    owners: dict[str, Node] = {}
    for node in nodes:
        if owners.setdefault(node.attrs["name"], node) is not node:
            raise GraphError(
                f"to_sympy: two different nodes are called {plain(node.attrs['name'])}; "
                "give one of them another name"
            )
    return {node: sp.Symbol(name, real=True) for name, node in owners.items()}


def _expression(sp: Any, node: Node, args: list[Any]) -> Basic:
    form = _FORMS.get(node.op) or _stated(node.op)
    if form is None:
        raise GraphError(
            f"to_sympy: {node.op.name!r} (at {node.origin}) has no form as a formula of single "
            "elements; name its result with .named(…), then it becomes a symbol"
        )
    return form(sp, node, *args)


def _stated(op: Op) -> Callable[..., Any] | None:
    """The form that the operation itself states."""
    return None if op.sympy is None else lambda sp, node, *args: op.sympy(sp, *args)


def _constant(sp: Any, node: Node) -> Expr:
    """The number exactly; as a fraction where that is short."""
    value = node.attrs["value"]
    if value.size == 0 or np.any(value != value.flat[0]):
        raise GraphError(
            f"to_sympy: the constant of shape {value.shape} holds different numbers; "
            "use a named tensor instead"
        )
    number = value.flat[0].item()
    if isinstance(number, bool):
        return sp.true if number else sp.false
    if not np.isfinite(number):
        return sp.sympify(number, strict=True)
    exact = Fraction(number)
    return sp.Rational(*exact.as_integer_ratio()) if exact.denominator <= 1024 else sp.Float(number)


def _cast(sp: Any, node: Node, a: Any) -> Expr:
    """A truth value becomes 1 or 0; a float becomes whole by dropping its fraction."""
    source, target = node.inputs[0].dtype, node.dtype
    if source == "bool":
        return sp.Piecewise((1, a), (0, True))
    if target == "bool":
        return sp.Ne(a, 0)
    dropped = source.startswith("float") and target.startswith("int")
    return sp.sign(a) * sp.floor(sp.Abs(a)) if dropped else a


def _same(sp: Any, node: Node, a: Any) -> Any:
    return a


_FORMS: dict[Op, Callable[..., Any]] = {
    constant_op: _constant,
    cast_op: _cast,
    named_op: _same,
    stop_gradient_op: _same,
    broadcast_op: _same,
}

Node.to_sympy = to_sympy  # type: ignore[attr-defined]
