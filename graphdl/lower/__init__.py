"""Graph → codegen.Program: the one place where the two vocabularies meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from codegen import ir
from codegen.optimisations import on
from graphdl.core.errors import GraphError
from graphdl.core.graph import Graph, Node, Variable
from graphdl.core.sizes import Dim, named
from graphdl.core.streams import stream_numbers
from graphdl.lower import kernels, moves
from graphdl.lower.build import Builder, Index, whole

RULES: dict[str, Callable[[Builder, Node], None]] = {**moves.RULES, **kernels.RULES}


@dataclass(frozen=True)
class Lowered:
    """A program and what its arguments stand for."""

    program: ir.Program
    inputs: tuple[tuple[Node, ir.Buffer], ...]
    variables: tuple[tuple[Variable, ir.Buffer], ...]
    constants: tuple[tuple[ir.Buffer, np.ndarray], ...]
    outputs: tuple[ir.Buffer, ...]
    scalars: tuple[float, ...]  # the numbers that are arguments, in the program's order
    sizes: tuple[Dim, ...]  # what the program's sizes are called
    labels: dict[ir.Buffer, str]  # the user's names; only ever shown
    places: dict[Node, ir.Buffer]  # where the elements of a node lie


def lower(
    graph: Graph, batched: Iterable[Node] = (), streams: Mapping[Node, int] | None = None
) -> Lowered:
    """The program of a graph. Inputs in `batched` are rows of larger data, taken through an order.

    streams: those of the random draws, where they were counted before the graph was simplified.
    """
    rows = tuple(batched)
    b = Builder(graph, bool(rows))
    data = _arguments(b, rows)
    b.streams = dict(stream_numbers(graph.nodes) if streams is None else streams)
    checked = set(graph.checks)
    before_guard = _needed(graph, checked)
    first = [n for n in graph.nodes if n in before_guard]
    for node in first:
        lower_node(b, node)
    if checked:
        b.items.append(ir.Guard(tuple(b.materialise(n) for n in graph.checks)))
    for node in graph.nodes:
        if node not in b.views and not _inline(node):
            lower_node(b, node)
    outputs = _outputs(b, bool(data))
    _updates(b)
    return _lowered(b, data, outputs)


def lower_node(b: Builder, node: Node) -> None:
    """The items of one node; leaves become arguments."""
    if node in b.views or _inline(node):
        return
    if isinstance(node, Variable):
        b.variable(node)
    elif node.op.name == "constant":
        b.constants[b.argument(node, "k", "constant")] = node.attrs["value"]
    elif rule := RULES.get(node.op.name):
        rule(b, node)
        if node.op.name in moves.RULES and not on("views"):
            b.materialise(node)
    elif node.op.partials is not None or node.op.samples:
        kernels.elementwise(b, node)
    else:
        raise GraphError(f"no rule lowers {node.op.name!r}")


_CHEAP = frozenset(
    ["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "isnan", "isfinite"]
)


def _inline(node: Node) -> bool:
    """What stands in the expressions themselves: scalars, and truths computed where they are used."""
    if node.op.name == "constant":
        return node.rank == 0
    return node.op.name == "size" or (node.op.name in _CHEAP and on("truths"))


def _needed(graph: Graph, roots: set[Node]) -> set[Node]:
    needed = set(roots)
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.inputs)
    return needed


def _arguments(b: Builder, batched: tuple[Node, ...]) -> list[tuple[ir.Buffer, ir.Buffer]]:
    """Inputs; those that are batched get a gather of their rows through `order`."""
    data = []
    for node in b.graph.inputs:
        if node not in batched:
            b.argument(node, "x", "input")
            continue
        rows = b.temp(b.shape(node), node.dtype, "x")
        total = ir.Var("total", "int64")
        full = ir.Buffer(f"{rows.name}_all", (total, *rows.shape[1:]), node.dtype, "input")
        b.views[node] = whole(rows)
        b.labels[full] = str(node.attrs.get("name", ""))
        data.append((full, rows))
    if data:
        order = ir.Buffer("order", (ir.Var("total", "int64"),), "int64", "input")
        for full, rows in data:
            _gather(b, full, rows, order)
    return data


def _gather(b: Builder, full: ir.Buffer, rows: ir.Buffer, order: ir.Buffer) -> None:
    """rows[i] = all[order[start + i]]"""

    def body(index: Index) -> list[ir.Stmt]:
        at = ir.Load(order, (ir.plus(ir.Var("start", "int64"), index[0]),))
        return [ir.Store(rows, index, ir.Load(full, (at, *index[1:])))]

    shape = rows.shape
    if shape[0] == ir.ONE:
        raise GraphError("the rows of a batch need a named size")
    b.nest(shape, body, f"{rows.name} = the rows of this batch")


def _outputs(b: Builder, batched: bool) -> list[ir.Buffer]:
    """A buffer for each output; with batches, its rows are put where they belong."""
    outputs: list[ir.Buffer] = []
    for node in b.graph.outputs:
        view = b.views.get(node)
        ready = view is not None and view.plain and view.buffer.role == "output"
        if ready and view.buffer not in outputs and not batched:  # type: ignore[union-attr]
            outputs.append(view.buffer)  # type: ignore[union-attr]
            continue
        shape = b.shape(node)
        if batched:
            shape = (ir.Var("total", "int64"), *shape[1:])
        out = ir.Buffer(b.fresh("out"), shape, node.dtype, "output")

        def body(index: Index, node: Node = node, out: ir.Buffer = out) -> list[ir.Stmt]:
            place = (ir.plus(ir.Var("start", "int64"), index[0]), *index[1:]) if batched else index
            return [ir.Store(out, place, b.element(node, index))]

        b.nest(b.shape(node), body, out.name)
        outputs.append(out)
    return outputs


def _updates(b: Builder) -> None:
    """New values are all known before the first variable changes."""
    for variable in b.graph.updates:
        if variable not in b.views:
            b.variable(variable)  # type: ignore[arg-type]
    targets = {variable: b.views[variable].buffer for variable in b.graph.updates}
    values = [_new_value(b, new, set(targets.values())) for new in b.graph.updates.values()]
    for target, value in zip(targets.values(), values, strict=True):
        b.nest(
            target.shape,
            lambda i, t=target, value=value: [ir.Store(t, i, value(i))],
            f"{target.name} ← new value",
        )


def _new_value(b: Builder, new: Node, updated: set[ir.Buffer | None]) -> Callable[[Index], ir.Expr]:
    """Where the elements of a new value are found; copied now if they would change meanwhile."""
    view = b.views.get(new)
    kept = view is not None and view.buffer is not None and view.buffer.root not in updated
    if kept or (_inline(new) and new.op.name not in _CHEAP):
        return lambda index: b.element(new, index)
    copy = b.temp(b.shape(new), new.dtype)
    b.nest(copy.shape, lambda index: [ir.Store(copy, index, b.element(new, index))], "copy")
    return lambda index: ir.Load(copy, index)


def _lowered(
    b: Builder,
    data: list[tuple[ir.Buffer, ir.Buffer]],
    outputs: list[ir.Buffer],
) -> Lowered:
    full = {rows: whole_ for whole_, rows in data}
    inputs = tuple((n, full.get(b.views[n].buffer, b.views[n].buffer)) for n in b.graph.inputs)
    variables = tuple((v, b.views[v].buffer) for v in b.graph.variables)
    batches = None
    if data:
        rows = data[0][1].shape[0]
        assert isinstance(rows, ir.Var)
        batches = ir.Batches(rows, tuple(data))
    arguments = (
        *(buffer for _, buffer in inputs),
        *b.constants,
        *(buffer for _, buffer in variables),
        *outputs,
    )
    program = ir.Program(
        items=tuple(b.items),
        sizes=tuple(b.sizes.values()),
        scalars=tuple(b.scalars),
        arguments=arguments,
        batches=batches,
    )
    return Lowered(
        program, inputs, variables, tuple(b.constants.items()), tuple(outputs),
        tuple(b.scalars.values()), tuple(named(s) for s in b.sizes), b.labels,
        {n: v.buffer for n, v in b.views.items() if v.buffer is not None},
    )  # fmt: skip
