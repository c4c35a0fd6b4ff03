"""f′ of an elementwise operation that is declared by its formula: an operation again.

gelu says what it computes and not what its derivative is. The formula is differentiated once, by the
same sweep as any graph, and simplified; what comes out is the body of an operation `gelu′`. So a
gradient reads δ·gelu′(z), the formula of gelu′ is there to be looked up, and gelu″ is made likewise.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphdl.core.graph import Graph, Node, apply, replace, walk
from graphdl.core.notation import Notation, Written
from graphdl.core.op import Op
from graphdl.ops.arithmetic import floating_type
from graphdl.ops.build import tensor
from graphdl.ops.shape import broadcast_to
from graphdl.rewrite.simplify import simplify

#: What the sweep sends to each input of a node whose cotangent is 1: a node, `ZERO` or `None`.
Sweep = Callable[[Node], Sequence[Any]]

# Slopes hold no reference to the op whose slopes they are, so they go when it goes.
_known: weakref.WeakKeyDictionary[Op, tuple[Any, ...]] = weakref.WeakKeyDictionary()


def has_slopes(op: Op) -> bool:
    """Is it an elementwise op that has a formula and no rule?"""
    return op.pointwise and op.partials is None


def slopes(node: Node, sweep: Sweep) -> list[Any]:
    """The partial derivatives of the node: a node for each input, `ZERO` or `None`."""
    found = _known.get(node.op)
    if found is None:
        found = _known[node.op] = _slopes_of(node.op, len(node.inputs), sweep)
    return [apply(s, *node.inputs) if isinstance(s, Op) else s for s in found]


def _slopes_of(op: Op, arity: int, sweep: Sweep) -> tuple[Any, ...]:
    formulas = {dtype: _differentiated(op, arity, dtype, sweep) for dtype in ("float32", "float64")}
    return tuple(
        _slope(op, k, {d: (symbols, sent[k]) for d, (symbols, sent) in formulas.items()})
        if isinstance(kind, Node)
        else kind
        for k, kind in enumerate(formulas["float32"][1])
    )


def _differentiated(op: Op, arity: int, dtype: str, sweep: Sweep) -> tuple[list[Node], list[Any]]:
    """Symbols a, b, … and the simplified ∂f/∂a, ∂f/∂b, …"""
    symbols = [tensor(name, (), dtype) for name in "abcdefgh"[:arity]]
    sent = sweep(apply(op, *symbols))
    nodes = [s for s in sent if isinstance(s, Node)]
    simple = iter(simplify(Graph(symbols, nodes))[0].outputs)
    return symbols, [next(simple) if isinstance(s, Node) else s for s in sent]


def _slope(op: Op, k: int, formulas: dict[str, tuple[list[Node], Node]]) -> Op:
    """The operation ∂f/∂(input k)."""

    def body(*inputs: Node) -> Node:
        symbols, formula = formulas[inputs[0].dtype]
        value = replace([formula], dict(zip(symbols, inputs, strict=True)))[0]
        return broadcast_to(value, apply(made, *inputs).type.shape)

    def reference(*arrays: np.ndarray) -> np.ndarray:
        symbols, formula = formulas[str(arrays[0].dtype)]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return np.broadcast_to(_computed(formula, dict(zip(symbols, arrays, strict=True))), shape)

    made = Op(
        name=f"{op.name}′" if k == 0 else f"∂{op.name}/∂{'abcdefgh'[k]}",
        infer=floating_type,
        reference=reference,
        body=body,
        pointwise=True,
        is_slope=True,
        text=_primed(op.text, k, "′", "("),
        latex=_primed(op.latex, k, "'", r"\left("),
        sympy=_sympy_slope(op.sympy, k) if op.sympy else None,
        samples=op.samples,
        why_not="it is constant between the kinks of its formula",
    )
    return made


def _computed(formula: Node, values: dict[Node, np.ndarray]) -> np.ndarray:
    for node in walk([formula], stop=set(values)):
        if node not in values:
            values[node] = np.asarray(
                node.op.reference(*(values[i] for i in node.inputs), **node.attrs)
            )
    return values[formula]


def _primed(notation: Notation, k: int, prime: str, bracket: str) -> Notation:
    """f′(a) where f is written f(a); for another argument than the first, f′₂(a, b)."""
    sign = (
        prime if k == 0 else f"{prime}{'₁₂₃₄₅₆₇₈'[k]}" if prime == "′" else f"{prime}_{{{k + 1}}}"
    )

    def write(name: str, args: Sequence[Written], attrs: Any) -> Written:
        head, opening, rest = notation(name, args, attrs).text.partition(bracket)
        return Written(head + sign + opening + rest)

    return write


def _sympy_slope(formula: Callable[..., Any], k: int) -> Callable[..., Any]:
    def sympy_slope(sp: Any, *args: Any) -> Any:
        symbols = [sp.Dummy(real=True) for _ in args]
        slope = sp.diff(formula(sp, *symbols), symbols[k])
        return slope.xreplace(dict(zip(symbols, args, strict=True)))

    return sympy_slope
